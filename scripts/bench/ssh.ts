// Bytes through the ssh endpoint, beside a plain sshd of this machine with the same client, cipher and programs.
import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { command, which } from '../lib/command.ts';
import { say } from '../lib/say.ts';
import { freePort } from '../lib/serveVscode.ts';
import { type Figure, race } from './measure.ts';
import type { Stage } from './stage.ts';

const MEGABYTES = 256;
const ROUNDS = 3;

type Rates = { readonly down: number; readonly up: number };

export async function sshFigures(stage: Stage): Promise<Figure[]> {
  const ours = ['ssh', '-F', stage.paths.sshConfig, stage.running.alias];
  const sshd = await startSshd(stage);
  const theirs = sshd === undefined ? undefined : await ratesOf(sshd.client, stage.env);
  sshd?.stop();
  const rates = await ratesOf(ours, stage.env);
  const beside = (way: keyof Rates) =>
    theirs === undefined ? 'no sshd here' : `sshd: ${theirs[way].toFixed(0)} MB/s`;
  return [
    {
      name: 'ssh, out of the guest',
      value: rates.down,
      unit: 'MB/s',
      beside: beside('down'),
      goal: '>= 100',
    },
    { name: 'ssh, into the guest', value: rates.up, unit: 'MB/s', beside: beside('up'), goal: '>= 100' },
  ];
}

async function ratesOf(client: readonly string[], env: NodeJS.ProcessEnv): Promise<Rates> {
  const far = `head -c ${MEGABYTES}M /dev/zero`;
  // Both directions go through a shell here only because pipes of the system are the fastest source and sink.
  const pipe = (script: string) => ['sh', '-c', script, 'sh', ...client];
  const times = await race(
    {
      connect: () => timed([...client, 'true'], env),
      down: () => timed(pipe(`"$@" '${far}' >/dev/null`), env),
      up: () => timed(pipe(`${far} | "$@" 'cat >/dev/null'`), env),
    },
    ROUNDS,
  );
  const rate = (took: number) => (MEGABYTES * 1.048576 * 1_000) / (took - times.connect);
  return { down: rate(times.down), up: rate(times.up) };
}

async function timed(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const begun = performance.now();
  await command(argv, { env });
  return performance.now() - begun;
}

type Sshd = { readonly client: readonly string[]; stop(): void };

/** A server on loopback that knows one key and no password. */
async function startSshd(stage: Stage): Promise<Sshd | undefined> {
  const program = which('sshd');
  if (program === undefined) {
    say('not run: no sshd to compare with');
    return undefined;
  }
  const folder = join(stage.folder, 'sshd');
  mkdirSync(folder, { mode: 0o700 });
  for (const name of ['host', 'user']) {
    await command(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', join(folder, name)]);
  }
  await command(['cp', join(folder, 'user.pub'), join(folder, 'authorized')]);
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true });
  const port = await freePort();
  const lines = [
    ...[`Port ${port}`, 'ListenAddress 127.0.0.1', `HostKey ${join(folder, 'host')}`, 'UsePAM no'],
    ...[`AuthorizedKeysFile ${join(folder, 'authorized')}`, 'StrictModes no', 'PasswordAuthentication no'],
    ...['PermitRootLogin prohibit-password', `PidFile ${join(folder, 'pid')}`],
  ];
  writeFileSync(join(folder, 'config'), `${lines.join('\n')}\n`);
  const child = spawn(program, ['-D', '-e', '-f', join(folder, 'config')], { stdio: 'ignore' });
  await new Promise(resolve => setTimeout(resolve, 500));
  const options = [
    'StrictHostKeyChecking=no',
    'UserKnownHostsFile=/dev/null',
    'LogLevel=ERROR',
    'IdentitiesOnly=yes',
  ];
  const ciphers = 'Ciphers=aes128-gcm@openssh.com,aes256-gcm@openssh.com,aes256-ctr';
  const client = [
    ...['ssh', '-F', 'none', '-p', String(port), '-i', join(folder, 'user'), '-l', userInfo().username],
    ...[...options, ciphers].flatMap(option => ['-o', option]),
    '127.0.0.1',
  ];
  return { client, stop: () => child.kill() };
}
