// The libvirt backend: full virtual machines, run by QEMU through libvirt's own command line program.
import type { Backend } from '../../core/backend.ts';
import { manifest } from './manifest.ts';

export const libvirt: Backend = {
  manifest,
  load: async () => (await import('./driver.ts')).driver,
};
