// Attacks from inside on processes: those of the host cannot be seen, and the guest's own keeper cannot be turned.
import { strict as assert } from 'node:assert';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { bubblewrap } from '../../server/backends/bubblewrap/index.ts';
import type { Guest } from '../../server/core/guest.ts';
import { makeBench, runIn } from '../contract/bench.ts';
import { eventually } from '../support/eventually.ts';
import { withAttacker } from './attacker.ts';
import { fillProcesses } from './processTable.ts';

/** The first process inside, and the guest program. */
const KEEPERS = [1, 2];

describe('isolation: processes', () => {
  const attacker = withAttacker();

  it('only those of the guest are to be seen', async () => {
    const { stdout } = await attacker().sh(
      'ls /proc | grep "^[0-9]" | while read p; do cat /proc/$p/comm 2>/dev/null; done',
    );
    const names = [...new Set(stdout.trim().split('\n'))].sort();
    assert.deepEqual(
      names.filter(name => !['bwrap', 'guest', 'sh', 'ls', 'grep', 'cat'].includes(name)),
      [],
    );
  });

  it('the guest program is the second process, without anything to be read', async () => {
    assert.match((await attacker().sh('cat /proc/2/comm')).stdout, /^guest$/m);
    for (const name of ['open-mem', 'open-environ', 'open-maps', 'open-fds', 'open-root']) {
      assert.match(await attacker().attack(name, 2), /^(EACCES|EPERM)$/, name);
    }
  });

  it('nobody inside can attach to, read from or take descriptors of the keepers', async () => {
    for (const pid of KEEPERS) {
      for (const name of ['ptrace', 'ptrace-seize', 'process-vm-readv', 'pidfd-getfd', 'kcmp']) {
        assert.equal(await attacker().attack(name, pid), 'EPERM', `${name} ${pid}`);
      }
    }
  });
});

describe('isolation: killing everything', () => {
  it('kill -9 -1 ends the guest and nothing of the host', async () => {
    const bench = await makeBench(bubblewrap);
    try {
      const { guest } = await bench.start();
      void unanswered(guest, 'kill -9 -1');
      const end = await guest.ended;
      assert.equal(end.kind, 'died');
      assert.equal(
        await bench.driver.inspect(bench.context, { version: 1, workspace: bench.workspace }),
        'stopped',
      );
    } finally {
      await bench.dispose();
    }
  });

  it('a guest whose guest program is killed from inside ends as a whole', async () => {
    const bench = await makeBench(bubblewrap);
    try {
      const { guest } = await bench.start();
      const mark = `7${process.pid}7`;
      await guest.exec({ argv: ['/bin/sh', '-c', `setsid sleep ${mark} & sleep ${mark}`] });
      await eventually(() => commands().some(words => words.includes(mark)));
      void unanswered(guest, 'kill -9 2');
      assert.match(JSON.stringify(await guest.ended), /died.*killed/);
      assert.deepEqual(
        commands().filter(words => words.includes(mark)),
        [],
      );
    } finally {
      await bench.dispose();
    }
  });

  it('a guest program that is stopped from inside does not keep the guest from being stopped', async () => {
    const bench = await makeBench(bubblewrap);
    try {
      const { guest } = await bench.start();
      void unanswered(guest, 'kill -STOP 2');
      await eventually(() => statesOf(bench.context.state).includes('T'), {
        what: 'a stopped guest program',
      });
      assert.deepEqual(await guest.stop({ graceMs: 300 }), { kind: 'stopped', forced: true });
    } finally {
      await bench.dispose();
    }
  });
});

describe('isolation: breaking the keeper', () => {
  it('by limits that leave it no descriptors does not keep the guest from being stopped', async () => {
    const bench = await makeBench(bubblewrap);
    try {
      const { guest } = await bench.start();
      const child = await guest.exec({ argv: ['prlimit', '--pid', '2', '--nofile=3:3'] });
      await child.exited;
      await assert.rejects(runIn(guest, ['true']));
      assert.equal((await guest.stop({ graceMs: 300 })).kind, 'stopped');
    } finally {
      await bench.dispose();
    }
  });
});

describe('isolation: fork bombs', () => {
  it('are bounded, and the guest can still be stopped', async function () {
    const bench = await makeBench(bubblewrap);
    try {
      const found = await bench.driver.probe(bench.context);
      if (found.kind !== 'ready' || found.capabilities.resources.pids !== 'hard') {
        console.log('not run: nothing on this machine bounds the number of processes');
        return this.skip();
      }
      const { guest } = await bench.start({ limits: { pids: 50 } });
      const mark = `8${process.pid}8`;
      await fillProcesses(guest, mark);
      const living = await eventually(() => {
        const count = commands().filter(words => words.includes(mark)).length;
        return count > 10 ? count : undefined;
      });
      assert.ok(living <= 60, `${living} processes`);
      await guest.stop({ graceMs: 200 });
      assert.deepEqual(
        commands().filter(words => words.includes(mark)),
        [],
      );
    } finally {
      await bench.dispose();
    }
  });

  it('cannot use up the memory of the host by many small processes', async function () {
    const bench = await makeBench(bubblewrap);
    try {
      const found = await bench.driver.probe(bench.context);
      if (found.kind !== 'ready' || found.capabilities.resources.memory !== 'hard') {
        console.log('not run: no control group bounds memory on this machine');
        return this.skip();
      }
      const { guest } = await bench.start({ limits: { memory: 128 * 1024 * 1024, pids: 100 } });
      const script =
        'for i in 1 2 3 4 5 6; do python3 -c "x = b\'x\' * (48 << 20); import time; time.sleep(0.2); print(1)" & done; wait';
      const { stdout } = await runIn(guest, script);
      assert.ok(stdout.split('\n').length - 1 < 6, 'six times 48 MB fitted into 128 MB');
    } finally {
      await bench.dispose();
    }
  });
});

/** Starts what may take away the program that would answer. */
async function unanswered(guest: Guest, script: string): Promise<void> {
  try {
    await guest.exec({ argv: ['/bin/sh', '-c', script] });
  } catch {
    // The answer was lost with the guest, as it may be.
  }
}

/** The words of every process on the host. */
function commands(): string[][] {
  return pids().map(pid => read(pid, 'cmdline').split('\0'));
}

function pids(): string[] {
  return readdirSync('/proc').filter(name => /^\d+$/.test(name));
}

function read(pid: string, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    // It ended while the list was read.
    return '';
  }
}

/** The states of the processes below the first one of a guest. */
function statesOf(state: string): string[] {
  const { init } = JSON.parse(readFileSync(join(state, 'running.json'), 'utf8')) as { init: { pid: number } };
  const children = read(String(init.pid), `task/${init.pid}/children`).trim().split(' ');
  return children.map(pid => /^State:\s+(\w)/m.exec(read(pid, 'status'))?.[1] ?? '');
}
