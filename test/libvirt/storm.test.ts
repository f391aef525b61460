// Owners, machines and libvirt's daemon are killed at random moments, and the computer restarts: the truth is told after.
import { strict as assert } from 'node:assert';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { command } from '../../scripts/lib/command.ts';
import { findBackend } from '../../server/backends/registry.ts';
import type { SandboxInfo } from '../../server/protocol/sandbox.ts';
import { afterBoot, needCommandLine } from '../crash/support/commands.ts';
import { assertTruth, declareStorm, type Field, newStore, plantTree } from '../crash/support/storm.ts';
import { whyNot } from '../isolation/support/target.ts';
import { type Engine, kill, processesOf, skipBecause } from '../process/support/engine.ts';
import { eventually } from '../support/eventually.ts';
import { type Libvirtd, startLibvirtd } from './support/libvirtd.ts';

describe('machines, when things are killed', function () {
  this.timeout(300_000);
  let daemon: Libvirtd | undefined;
  let engine: Engine | undefined;
  let field: Field;
  let isUp = true;

  before(async function () {
    needCommandLine.call(this);
    skipBecause(this, await whyNot(findBackend('libvirt')));
    daemon = await startLibvirtd();
    engine = await newStore('libvirt', { connect: daemon.uri });
    field = fieldOf(engine, daemon);
    plantTree(field.workspace);
  });

  after(async () => {
    try {
      await engine?.dispose();
      if (daemon !== undefined) assert.deepEqual(await machines(daemon.uri), []);
    } finally {
      await daemon?.dispose();
    }
  });

  const fieldOf = (of: Engine, { uri, kill: killDaemon, start }: Libvirtd): Field => ({
    engine: of,
    workspace: join(of.home, '..', 'tree'),
    victims: {
      'the owner': () => {
        const owners = processesOf(of.paths).filter(({ command: words }) =>
          words.includes('__sandbox_owner'),
        );
        for (const { pid } of owners) kill(pid);
      },
      'the machine': sandbox => {
        for (const pid of emulators(sandbox?.id ?? 'nobody')) kill(pid);
      },
      'libvirt’s daemon': async () => {
        isUp = false;
        await killDaemon();
      },
    },
    heal: async () => {
      if (!isUp) await start();
      isUp = true;
    },
    things: () => machines(uri),
  });

  declareStorm({
    field: () => field,
    victims: ['the command line', 'the owner', 'the machine', 'libvirt’s daemon'],
    moments: 2,
    lasting: { create: 6_000, exec: 400, stop: 1_000, rm: 1_500 },
  });

  it('after a restart of the computer nothing is said to run that does not, and it can be started', async () => {
    const { sandbox } = await field.engine.call('sandbox/create', { spec: { name: 'restarted' } });
    await daemon?.kill();
    for (const { pid } of processesOf(field.engine.paths)) kill(pid);
    for (const pid of emulators(sandbox.id)) kill(pid);
    await daemon?.start();
    await eventually(
      async () => {
        const list = await afterBoot(field.engine.home, 'list', '--format', 'json');
        const told = (JSON.parse(list) as SandboxInfo[]).find(({ id }) => id === sandbox.id);
        assert.notEqual(told?.status, 'running');
        return ['stopped', 'failed'].includes(told?.status ?? 'nothing');
      },
      { withinMs: 60_000, everyMs: 300, what: 'the news that it does not run' },
    );
    await afterBoot(field.engine.home, 'start', 'restarted');
    assert.equal(await afterBoot(field.engine.home, 'exec', 'restarted', '--', 'echo', 'again'), 'again\n');
    await afterBoot(field.engine.home, 'rm', 'restarted', '--force', '--yes');
    assert.deepEqual(emulators(sandbox.id), []);
    await assertTruth(field);
  });
});

async function machines(uri: string): Promise<{ what: string; sandbox: string }[]> {
  const names = await command(['virsh', '--quiet', '--connect', uri, 'list', '--all', '--name']);
  return names
    .split('\n')
    .filter(name => name.startsWith('heyvm-'))
    .map(name => ({ what: name, sandbox: /sb-[0-9a-f]{8}$/.exec(name)?.[0] ?? 'nobody' }));
}

function emulators(sandbox: string): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter(
      pid =>
        Number.isInteger(pid) &&
        wordsOf(pid).some(word => word.startsWith('guest=') && word.includes(sandbox)),
    );
}

function wordsOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    // It ended while it was looked at.
    return [];
  }
}
