// The image that a vendor's system configures itself from at its first boot: who it is, and our program with its start.
import { createHash } from 'node:crypto';
import { copyFile, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DriverContext } from '../../core/backend.ts';
import { fail } from '../../core/errors.ts';
import type { StoredImage } from '../../core/image.ts';
import { randomHex } from '../../platform/random.ts';
import { ensureSshKey, type SshKey } from '../../platform/sshKey.ts';
import type { Places } from './places.ts';

export type SeedKeys = {
  /** Of the image's own ssh server: made here, so that no two machines share one and none waits for entropy. */
  readonly host: SshKey;
  /** Whom that server lets in. */
  readonly authorized: string;
};

/** Undefined for images that heyvm made, which have no ssh server of their own. */
export async function hostKeyOf(
  { manifest }: StoredImage,
  { hostKey }: Pick<Places, 'hostKey'>,
): Promise<SshKey | undefined> {
  return manifest.init === 'heyvm' ? undefined : ensureSshKey(hostKey);
}

const PROGRAM = 'heyvm-guest';

/** Written for every boot, because our program may be another one by now; who the machine is stays. */
export async function writeSeed(
  context: DriverContext,
  { seed, hostKey }: Pick<Places, 'seed' | 'hostKey'>,
  name: string,
): Promise<void> {
  const folder = join(context.state, `seed.${randomHex(4)}.new`);
  const fresh = `${seed}.${randomHex(4)}.new`;
  const keys = { host: await ensureSshKey(hostKey), authorized: await context.publicKey() };
  await mkdir(folder, { mode: 0o700 });
  try {
    const files = Object.entries(seedFiles(name, keys));
    await Promise.all(
      files.map(([name, content]) => writeFile(join(folder, name), content, { mode: 0o600 })),
    );
    await copyFile(context.agent, join(folder, PROGRAM));
    await writeImage(context, folder, fresh);
    await rename(fresh, seed);
  } finally {
    await rm(folder, { recursive: true, force: true });
    await rm(fresh, { force: true });
  }
}

/** The same words mean the same to all of them. */
const writers = ['genisoimage', 'mkisofs', 'xorrisofs'] as const;

/** NoCloud finds it by its label. */
async function writeImage({ run, signal }: DriverContext, folder: string, target: string): Promise<void> {
  for (const writer of writers) {
    const known = await run([writer, '--version'], { signal, timeoutMs: 10_000, accept: 'any' }).catch(
      () => undefined,
    );
    signal.throwIfAborted();
    if (known?.code !== 0) continue;
    const words = ['-quiet', '-output', target, '-volid', 'cidata', '-joliet', '-rock', folder];
    await run([writer, ...words], { signal, timeoutMs: 60_000 });
    return;
  }
  fail('backend-missing', 'images of vendors are told who they are by a disc, which nothing here can write', {
    hint: 'apt install genisoimage',
  });
}

/** Pure. JSON is YAML, and needs no quoting rules of its own. */
export function seedFiles(name: string, { host, authorized }: SeedKeys): Record<string, string> {
  const own = {
    hostname: name,
    ssh_keys: { ed25519_private: host.pem, ed25519_public: `${host.publicLine} heyvm` },
  };
  const user = { ...own, ...toldAlike(authorized) };
  return {
    'user-data': `#cloud-config\n${JSON.stringify(user, undefined, 1)}\n`,
    'meta-data': `${JSON.stringify({ 'instance-id': instanceOf(authorized), 'local-hostname': name })}\n`,
    'network-config': `${JSON.stringify({ version: 2, ethernets: {} })}\n`,
  };
}

/**
 * The same for all machines that are told the same. What is each one's own, our guest program sees to at every start, so that
 * a machine that goes on from another one's first boot need not have a first boot again.
 */
export function instanceOf(authorized: string): string {
  const told = JSON.stringify(toldAlike(authorized));
  return `heyvm-${createHash('sha256').update(told).digest('hex').slice(0, 16)}`;
}

function toldAlike(authorized: string): Record<string, unknown> {
  return {
    preserve_hostname: false,
    // Nobody logs in with a password, and our own guest program makes the user.
    users: [{ name: 'root' }],
    ssh_pwauth: false,
    disable_root: true,
    ssh_deletekeys: true,
    ssh_genkeytypes: ['ed25519'],
    write_files: [
      { path: AUTHORIZED, content: `${authorized} heyvm\n`, permissions: '0644' },
      { path: '/etc/ssh/sshd_config.d/10-heyvm.conf', content: SSHD, permissions: '0644' },
    ],
    // The usual one is not in every image, which some versions take for an error.
    locale: 'C.UTF-8',
    no_ssh_fingerprints: true,
    ssh: { emit_keys_to_console: false },
    package_update: false,
    package_upgrade: false,
    growpart: { mode: 'auto', devices: ['/'] },
    // At every boot, and as the first thing of all that is done.
    bootcmd: [['sh', '-c', START]],
  };
}

const AUTHORIZED = '/etc/ssh/heyvm_authorized_keys';
const SSHD = `AuthorizedKeysFile .ssh/authorized_keys ${AUTHORIZED}\n`;

/**
 * Begins while the machine still comes up, and must not wait for that, or both would wait for each other. Programs inside
 * are neither limited as a service nor all ended because one took too much memory.
 */
const UNIT = `[Unit]
Description=What heyvm on the host talks to
DefaultDependencies=no
After=local-fs.target systemd-tmpfiles-setup.service
Before=shutdown.target
Conflicts=shutdown.target
[Service]
ExecStartPre=/usr/local/sbin/${PROGRAM}-fetch
ExecStart=/usr/local/sbin/${PROGRAM} vm
KillMode=mixed
TimeoutStopSec=5
OOMPolicy=continue
TasksMax=infinity
`;

/** Takes the program from the seed each time. Kept where programs may be run, which temporary folders may not allow. */
const FETCH = `#!/bin/sh
set -e
seed=$(blkid -L cidata || echo /dev/disk/by-label/cidata)
mkdir -p /run/heyvm-seed
mount -o ro "$seed" /run/heyvm-seed
cp /run/heyvm-seed/${PROGRAM} /usr/local/sbin/${PROGRAM}.new
umount /run/heyvm-seed
chmod 755 /usr/local/sbin/${PROGRAM}.new
mv /usr/local/sbin/${PROGRAM}.new /usr/local/sbin/${PROGRAM}
`;

/**
 * Runs in the guest. Later boots of systemd start the program by themselves, long before cloud-init comes to this. What
 * says that all is in place comes last.
 */
const START = `set -e
units=/etc/systemd/system
if [ -e $units/heyvm-guest.service ]; then exit 0; fi
mkdir -p /usr/local/sbin
cat >/usr/local/sbin/${PROGRAM}-fetch <<'END'
${FETCH}END
chmod 755 /usr/local/sbin/${PROGRAM}-fetch
if [ -d /run/systemd/system ]; then
  mkdir -p $units/sysinit.target.wants
  ln -sf ../heyvm-guest.service $units/sysinit.target.wants/heyvm-guest.service
  cat >$units/heyvm-guest.service.new <<'END'
${UNIT}END
  mv $units/heyvm-guest.service.new $units/heyvm-guest.service
  systemctl daemon-reload
  systemctl start --no-block heyvm-guest.service
else
  /usr/local/sbin/${PROGRAM}-fetch
  /usr/local/sbin/${PROGRAM} vm --detach </dev/null >/dev/console 2>&1
fi
`;
