import { strict as assert } from 'node:assert';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { SandboxError } from '../../server/core/errors.ts';
import { connect } from '../../server/platform/sockets.ts';
import { guestOver, type RemoteGuest } from '../../server/wire/client.ts';
import { releaseGuest, setupGuest, shutdownGuest } from '../../server/wire/setup.ts';
import { eventually } from '../support/eventually.ts';
import { guestProgram, run, skipWithoutProgram } from './guestProgram.ts';

describe('the guest program as the first process of a container', () => {
  let home: string;
  let socket: string;
  let program: ChildProcess;
  let guest: RemoteGuest;
  before(async function () {
    skipWithoutProgram(this);
    home = await mkdtemp('/tmp/heyvm-serving-');
  });
  const start = async (): Promise<void> => {
    socket = join(home, 'run', 'guest.sock');
    const words = ['--user', '--map-root-user', '--pid', '--fork', '--kill-child', '--mount-proc'];
    program = spawn('unshare', [...words, guestProgram ?? '', 'serve', '--socket', socket], {
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    guest = guestOver(() => connect(socket));
    await eventually(() => guest.ping().then(() => true), { what: 'the guest program answering' });
  };
  beforeEach(start);
  afterEach(async () => {
    if (program.exitCode === null && program.signalCode === null) {
      program.kill('SIGKILL');
      await once(program, 'exit');
    }
  });
  after(() => rm(home ?? '/nonexistent', { recursive: true, force: true }));

  it('listens where only its user can connect', async () => {
    assert.equal((await stat(socket)).mode & 0o777, 0o600);
    const { stdout } = await run(guest, { argv: ['cat', '/proc/1/comm'] });
    assert.match(String(stdout), /^(heyvm-guest|guest-linux)/);
  });

  it('reaps what others left behind', async () => {
    await run(guest, { argv: ['sh', '-c', '(sleep 0.01 &) ; (sleep 0.01 &) ; exit'] });
    await eventually(async () => {
      const { stdout } = await run(guest, { argv: ['sh', '-c', 'grep -l "State:.Z" /proc/[0-9]*/status'] });
      return String(stdout) === '';
    });
  });

  it('ends with every program when it is asked to', async () => {
    const started = await guest.exec({ argv: ['sh', '-c', 'echo; exec sleep 1000'], cwd: '/tmp' });
    await once(started.stdout, 'data');
    const inner = await readFile(`/proc/${program.pid}/task/${program.pid}/children`, 'utf8');
    process.kill(Number(inner), 'SIGTERM');
    assert.equal((await started.exited).kind, 'signalled');
    const [code] = await once(program, 'exit');
    assert.equal(code, 0);
  });

  it('takes the place of a socket that nobody listens on any more', async () => {
    program.kill('SIGKILL');
    await once(program, 'exit');
    assert.ok(existsSync(socket));
    await start();
  });

  it('refuses what only the owner of a machine may ask', async () => {
    const over = () => connect(socket);
    for (const ask of [() => setupGuest(over, {}), () => releaseGuest(over), () => shutdownGuest(over)])
      await assert.rejects(ask(), (error: unknown) => codeOf(error) === 'policy-refused');
    await guest.ping();
  });
});

function codeOf(error: unknown): string | undefined {
  return error instanceof SandboxError ? error.code : undefined;
}
