// Builds the static guest program with cargo, once for each content of its sources.
import { createHash } from 'node:crypto';
import { chmodSync, copyFileSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ensurePrograms, type Need } from './apt.ts';
import { command } from './command.ts';
import { hashOf } from './hash.ts';
import { arch, cache, root } from './places.ts';
import { say } from './say.ts';

export const guestName = `guest-linux-${arch}`;

/** The cargo of Debian 12 reads the registry's index as a whole; the newer one beside it asks for what it needs. */
export const cargo: Need = {
  program: 'cargo',
  packages: ['cargo'],
  newer: ['cargo-web'],
  why: 'to build the program that runs inside guests',
};

/** Puts the guest program into the folder; false when it cannot be built for this platform. */
export async function buildGuest(folder: string): Promise<boolean> {
  const source = join(root, 'native', 'guest');
  if (process.platform !== 'linux' || !existsSync(join(source, 'Cargo.toml'))) return false;
  let ready = readyFor(source);
  while (!existsSync(ready)) {
    await compile(source, ready);
    // Sources that changed meanwhile were compiled in an unknown mixture.
    const now = readyFor(source);
    if (now !== ready) rmSync(ready);
    ready = now;
  }
  const target = join(folder, guestName);
  copyFileSync(ready, `${target}.new`);
  chmodSync(`${target}.new`, 0o755);
  renameSync(`${target}.new`, target);
  return true;
}

function readyFor(source: string): string {
  const hash = hashOf(source, ['Cargo.toml', 'Cargo.lock', 'src']);
  return join(cache, 'guest', hash.slice(0, 16), guestName);
}

async function compile(source: string, ready: string): Promise<void> {
  await ensurePrograms([
    cargo,
    { program: 'cc', packages: ['gcc', 'libc6-dev'], why: 'to link the program that runs inside guests' },
  ]);
  say('building the guest program');
  // What several checkouts build at once has one name and must not be mixed up.
  const own = createHash('sha256').update(source).digest('hex').slice(0, 8);
  const target = join(cache, 'cargo-target', own);
  const env = { ...process.env, CARGO_TARGET_DIR: target, RUSTFLAGS: '-C target-feature=+crt-static' };
  const triple = `${arch === 'x64' ? 'x86_64' : 'aarch64'}-unknown-linux-gnu`;
  const locked = existsSync(join(source, 'Cargo.lock')) ? ['--locked'] : [];
  // Naming the target keeps the static flag away from build scripts and macros, which cannot be linked that way.
  await command(['cargo', 'build', '--release', '--target', triple, ...locked], {
    cwd: source,
    env,
    output: 'keep',
  });
  mkdirSync(join(ready, '..'), { recursive: true });
  copyFileSync(join(target, triple, 'release', 'heyvm-guest'), `${ready}.${process.pid}`);
  renameSync(`${ready}.${process.pid}`, ready);
}
