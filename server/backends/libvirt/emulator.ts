// The program that libvirt starts in the place of QEMU: it composes what the guest sees, and then becomes QEMU.
import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync } from 'node:fs';
import { chmod, copyFile, readFile, rename, rm, stat, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { MachineContext } from '../../core/backend.ts';
import { fail } from '../../core/errors.ts';
import { ensureFolder, errorCodeOf, isAbsence, writeAtomic } from '../../platform/files.ts';
import { randomHex } from '../../platform/random.ts';
import { addUser, asker, dropUser, type EmulatorUser, openFolder, USERS } from './emulatorUsers.ts';

const NAME = 'heyvm-qemu';

const places = ['/usr/bin/qemu-system-x86_64', '/usr/local/bin/qemu-system-x86_64', '/usr/libexec/qemu-kvm'];

/** Undefined when QEMU is not installed in a folder of the system. */
export function findQemu(): string | undefined {
  return places.find(path => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      // Absence and a missing permission are the same answer here.
      return false;
    }
  });
}

/** The libvirt of the system asks it what it can do as a user of its own, who cannot enter a person's folders. */
export type Audience = 'person' | 'system';

/**
 * libvirt asks a program once what it can do and remembers the answer by its path and age, so that a new QEMU behind
 * the same path would be taken for the old one: a folder is made for each pair of it and of our program.
 */
export async function prepareEmulator(
  context: MachineContext,
  qemu: string,
  audience: Audience,
  user: EmulatorUser,
): Promise<string> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const emulator = await ensureEmulator(context, qemu, audience);
      if (audience === 'person' || (await addUser(emulator, user))) return emulator;
    } catch (error) {
      // What is there may be cleared away in the same moment.
      if (audience === 'person' || !isAbsence(error) || attempt >= ATTEMPTS) throw error;
    }
  }
}

const ATTEMPTS = 10;

/** For questions about it, during which nobody clears it away. */
export async function withEmulator<T>(
  context: MachineContext,
  qemu: string,
  audience: Audience,
  ask: (emulator: string) => Promise<T>,
): Promise<T> {
  const user = asker();
  const emulator = await prepareEmulator(context, qemu, audience, user);
  try {
    return await ask(emulator);
  } finally {
    await dropUser(emulator, user);
  }
}

async function ensureEmulator(
  { cache, agent }: MachineContext,
  qemu: string,
  audience: Audience,
): Promise<string> {
  const [own, { mtimeMs, size }] = await Promise.all([readFile(agent), stat(qemu)]);
  const key = createHash('sha256').update(own).update(`${qemu} ${mtimeMs} ${size}`).digest('hex');
  const parent = audience === 'person' ? join(cache, 'emulators') : await ensureOpenFolder();
  const folder = join(parent, key.slice(0, 16));
  const emulator = join(folder, NAME);
  if (existsSync(emulator)) return emulator;
  const fresh = `${folder}.${randomHex(4)}.new`;
  await ensureFolder(parent);
  await ensureFolder(fresh);
  try {
    await copyFile(agent, join(fresh, NAME));
    await symlink(qemu, join(fresh, `${NAME}.program`));
    await ensureFolder(join(fresh, USERS));
    if (audience === 'system') await chmod(fresh, 0o755);
    await rename(fresh, folder);
  } catch (error) {
    await rm(fresh, { recursive: true, force: true });
    // Somebody else was faster, with the same content; it may be cleared away again by now.
    if (!existsSync(emulator) && errorCodeOf(error) !== 'ENOTEMPTY') throw error;
  }
  return emulator;
}

/** A folder that everybody can enter and only we can change, whoever else may write beside it. */
async function ensureOpenFolder(): Promise<string> {
  const folder = openFolder();
  await ensureFolder(folder);
  await chmod(folder, 0o711);
  return folder;
}

/** Lets it compose a folder and start QEMU, as every machine will; throws with what stands in the way. */
export async function tryEmulator(context: MachineContext, emulator: string): Promise<string> {
  const { run, signal, cache } = context;
  const stage = join(cache, 'trial');
  const plan = join(cache, 'trial.json');
  await ensureFolder(stage);
  const binds = [{ from: dirname(emulator), to: '/data', mode: 'ro' }];
  await writeAtomic(plan, JSON.stringify({ root: stage, binds }), { durability: 'quick' });
  const { code, stdout, stderr } = await run([emulator, '--version'], {
    ...{ signal, cwd: '/', timeoutMs: 10_000, accept: 'any' },
    env: { HEYVM_STAGE: plan },
  });
  if (code !== 0) {
    fail('backend-missing', `QEMU cannot be given its folders: ${stderr.trim()}`, {
      hint: 'allow user namespaces: sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0 user.max_user_namespaces=15000',
    });
  }
  return /version (\S+)/.exec(stdout)?.[1] ?? 'unknown';
}
