// The same machines with a workspace that we serve, as where the kernel inside has no way to share a folder.
import { libvirt } from '../../../server/backends/libvirt/index.ts';
import type { Backend } from '../../../server/core/backend.ts';

const options = { workspace: 'reverse-sftp' } as const;

export const overSftp: Backend = {
  manifest: libvirt.manifest,
  async load() {
    const driver = await libvirt.load();
    return {
      ...driver,
      probe: context => driver.probe({ ...context, options }),
      create: (context, request) => driver.create({ ...context, options }, { ...request, options }),
      open: (context, ref, request) => driver.open({ ...context, options }, ref, { ...request, options }),
    };
  },
};
