// The image that a vendor's system configures itself from at its first boot: who it is, and our program with its start.
import { copyFile, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DriverContext } from '../../core/backend.ts';
import { randomHex } from '../../platform/random.ts';
import { type HostKey, makeHostKey } from './hostKey.ts';

export type SeedInput = { readonly name: string; readonly uuid: string };

const PROGRAM = 'heyvm-guest';

/** NoCloud finds it by its label. */
export async function writeSeed(context: DriverContext, seed: string, input: SeedInput): Promise<void> {
  const folder = join(context.state, `seed.${randomHex(4)}.new`);
  const fresh = `${seed}.${randomHex(4)}.new`;
  await mkdir(folder, { mode: 0o700 });
  try {
    const files = seedFiles(input, makeHostKey());
    await Promise.all(
      Object.entries(files).map(([name, content]) => writeFile(join(folder, name), content, { mode: 0o600 })),
    );
    await copyFile(context.agent, join(folder, PROGRAM));
    const words = ['-quiet', '-output', fresh, '-volid', 'cidata', '-joliet', '-rock', folder];
    await context.run(['genisoimage', ...words], { signal: context.signal, timeoutMs: 60_000 });
    await rename(fresh, seed);
  } finally {
    await rm(folder, { recursive: true, force: true });
    await rm(fresh, { force: true });
  }
}

/** Pure. JSON is YAML, and needs no quoting rules of its own. */
export function seedFiles({ name, uuid }: SeedInput, key: HostKey): Record<string, string> {
  const user = {
    hostname: name,
    preserve_hostname: false,
    // Nobody logs in with a password, and no door is opened besides the guest program.
    users: [],
    ssh_pwauth: false,
    disable_root: true,
    ssh_deletekeys: true,
    ssh_genkeytypes: [],
    ssh_keys: { ed25519_private: key.private, ed25519_public: key.public },
    package_update: false,
    package_upgrade: false,
    growpart: { mode: 'auto', devices: ['/'] },
    // At every boot and before the network is waited for.
    bootcmd: [['sh', '-c', START]],
  };
  return {
    'user-data': `#cloud-config\n${JSON.stringify(user, undefined, 1)}\n`,
    'meta-data': `${JSON.stringify({ 'instance-id': uuid, 'local-hostname': name })}\n`,
    'network-config': `${JSON.stringify({ version: 2, ethernets: {} })}\n`,
  };
}

/** Runs in the guest. From a folder in which programs may be run, which the temporary ones of some systems are not. */
const START = [
  'set -e',
  'mkdir -p /opt/heyvm /run/heyvm-seed',
  'mount -o ro /dev/disk/by-label/cidata /run/heyvm-seed',
  `cp /run/heyvm-seed/${PROGRAM} /opt/heyvm/guest.new`,
  'umount /run/heyvm-seed',
  'chmod 755 /opt/heyvm/guest.new',
  'mv /opt/heyvm/guest.new /opt/heyvm/guest',
  'if command -v systemd-run >/dev/null; then' +
    ' systemd-run --quiet --collect --unit=heyvm-guest -p KillMode=process -p OOMScoreAdjust=-900 /opt/heyvm/guest vm;' +
    ' else setsid /opt/heyvm/guest vm </dev/null >/dev/console 2>&1 & fi',
].join('\n');
