// Machines of a libvirt on another machine: made, used, lost from sight, found again, and removed.
import { strict as assert } from 'node:assert';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openFolder } from '../../server/backends/libvirt/emulatorUsers.ts';
import { libvirt } from '../../server/backends/libvirt/index.ts';
import type { Run } from '../../server/core/ports.ts';
import { run } from '../../server/platform/run.ts';
import type { Availability } from '../../server/protocol/backend.ts';
import { machineContext, makeBench } from '../contract/bench.ts';
import { heyvm, needCommandLine } from '../crash/support/commands.ts';
import { newStore } from '../crash/support/storm.ts';
import { type Engine, kill, skipBecause } from '../process/support/engine.ts';
import { eventually } from '../support/eventually.ts';
import { programsFor } from './support/programsFor.ts';
import { type SecondMachine, startSecondMachine, whyNoSecondMachine } from './support/secondMachine.ts';

const NAME = 'away';
const FOREIGN = 'heyvm-0123456789ab-sb-01234567.qcow2';

describe('machines on another machine', function () {
  this.timeout(300_000);
  let second: SecondMachine;
  let engine: Engine;
  let workspace: string;
  // Machines of this host may have one.
  const wasOpen = existsSync(openFolder());

  before(async function () {
    needCommandLine.call(this);
    skipBecause(this, await whyNoSecondMachine());
    second = await startSecondMachine();
    engine = await newStore('libvirt', { connect: second.uri });
    workspace = join(engine.home, '..', 'workspace');
    mkdirSync(workspace);
    await second.run(...virsh('vol-create-as', 'default', FOREIGN, '1M'));
  });

  after(async () => {
    try {
      await engine?.dispose();
    } finally {
      await second?.dispose();
    }
  });

  const virsh = (...argv: readonly string[]): readonly string[] => [
    'virsh',
    '-q',
    '-c',
    'qemu:///system',
    ...argv,
  ];

  const probe = async (options: Record<string, unknown>): Promise<Availability> =>
    (await libvirt.load()).probe({ ...machineContext(), options });

  const volumes = async (): Promise<readonly string[]> =>
    (await second.run(...virsh('vol-list', 'default')))
      .split('\n')
      .flatMap(row => /^\s*(\S+)/.exec(row)?.[1] ?? []);

  const domains = async (): Promise<readonly string[]> =>
    (await second.run(...virsh('list', '--all', '--name'))).split('\n').filter(name => name !== '');

  const succeeds = async (...words: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await heyvm(engine.home, ...words);
    assert.equal(code, 0, `${words.join(' ')}: ${stderr}`);
    return stdout;
  };

  it('are found by asking, and can do less', async () => {
    const found = await probe({ connect: second.uri });
    assert.equal(found.kind, 'ready', JSON.stringify(found));
    const { workspace: shown, snapshots, emulated } = found.capabilities;
    assert.deepEqual([shown, snapshots, emulated], ['reverse-sftp', 'none', true]);
    assert.match(found.notes.join('\n'), /which is the machine second\n/);
    assert.equal((await probe({ connect: `qemu+tcp://${second.host}/system` })).kind, 'ready');
  });

  it('are refused with what is missing and what to do', async () => {
    const unknown = second.uriWith(['StrictHostKeyChecking yes', 'UserKnownHostsFile /dev/null']);
    const stranger = second.uriWith([
      'StrictHostKeyChecking no',
      'UserKnownHostsFile /dev/null',
      'IdentityFile none',
      'IdentityAgent none',
    ]);
    const cases: readonly (readonly [Record<string, unknown>, RegExp, RegExp])[] = [
      [
        { connect: unknown },
        /Host key verification failed/,
        /^connect once by hand and compare the key .*: ssh somebody@/,
      ],
      [{ connect: stranger }, /Permission denied/, /IdentityFile under "Host 198[.\d]+" in ~\/\.ssh\/config/],
      [{ connect: second.uri, pool: 'nowhere' }, /nowhere is of no use/, /pool-define-as nowhere/],
      [
        { connect: second.uri.replace('/system', '/session') },
        /default is of no use/,
        /pool-define-as default/,
      ],
      [{ connect: second.uri, workspace: 'shared' }, /cannot be shared/, /leave out the option workspace/],
      [{ connect: second.uri, accelerator: 'kvm' }, /KVM does not work there/, /accelerator/],
      [{ connect: `qemu+tcp://${second.host}:1/system` }, /does not answer/, /its libvirt listens/],
    ];
    for (const [options, what, fix] of cases) {
      const found = await probe(options);
      assert.ok(found.kind === 'missing', JSON.stringify(found));
      assert.match(found.what, what);
      assert.match(found.fix, fix);
    }
  });

  it('begin with what was uploaded whole, after an upload was interrupted', async () => {
    const bench = await makeBench(libvirt);
    const context = { ...bench.context, options: { connect: second.uri } };
    const request = bench.request({ options: context.options });
    const broken: Run = (argv, options) =>
      run(argv, argv.includes('vol-upload') ? { ...options, timeoutMs: 50 } : options);
    const ours = async (): Promise<readonly string[]> =>
      (await volumes()).filter(name => name.startsWith(`heyvm-${context.storeId}-`));
    try {
      await assert.rejects(bench.driver.create({ ...context, run: broken }, request), {
        code: 'backend-missing',
      });
      const [partial = '', ...others] = await ours();
      assert.match(partial, /-sha256-/);
      assert.deepEqual(others, []);
      await bench.driver.create(context, request);
      assert.equal((await ours()).filter(name => name.endsWith('.whole')).length, 3);
      assert.ok(!(await ours()).includes(`${partial}.whole`));
    } finally {
      await bench.dispose();
    }
    await bench.driver.sweep(context, new Set());
    assert.deepEqual(await ours(), []);
  });

  it('see the workspace of this machine', async () => {
    await succeeds('create', '--name', NAME, '--workspace', workspace);
    writeFileSync(join(workspace, 'from-here'), 'from here');
    assert.equal((await engine.exec(NAME, 'cat', '/workspace/from-here')).out, 'from here');
    await engine.exec(NAME, 'sh', '-c', 'echo from there >/workspace/from-there; echo kept >/dev/shm/mark');
    assert.equal(readFileSync(join(workspace, 'from-there'), 'utf8'), 'from there\n');
    assert.equal((await engine.get(NAME)).workspace.mode, 'reverse-sftp');
  });

  it('write their console into the log', async () => {
    await engine.exec(NAME, 'sh', '-c', 'echo said on the console >/dev/console');
    await eventually(async () => (await succeeds('logs', NAME)).includes('console: said on the console'), {
      what: 'the line in the log',
    });
  });

  const goesOn = async (): Promise<void> => {
    const found = async (): Promise<boolean> => {
      await engine.call('sandbox/get', { sandbox: NAME, settled: true });
      return (await engine.exec(NAME, 'cat', '/dev/shm/mark')).out === 'kept\n';
    };
    await eventually(found, { withinMs: 60_000, everyMs: 200, what: 'the machine that was there' });
    writeFileSync(join(workspace, 'again'), 'again');
    assert.equal((await engine.exec(NAME, 'cat', '/workspace/again')).out, 'again');
    assert.equal((await domains()).length, 1);
  };

  it('go on when their owner dies', async () => {
    const { owner } = await engine.get(NAME);
    assert.ok(owner !== undefined);
    kill(owner.pid);
    await eventually(async () => (await engine.get(NAME)).owner?.pid !== owner.pid, {
      what: 'the end of the owner',
    });
    await goesOn();
  });

  it('go on when the connection is lost', async () => {
    await second.cut();
    await goesOn();
  });

  it('are neither stopped nor removed while their machine is away', async () => {
    await second.close();
    try {
      for (const words of [
        ['stop', NAME],
        ['rm', NAME, '--force', '--yes'],
      ]) {
        const { code, stderr } = await heyvm(engine.home, ...words);
        assert.ok(code === 1 || code === 5, stderr);
        assert.match(stderr, /libvirt at qemu\+ssh:\S+ does not answer: .*Connection refused/);
        assert.match(stderr, /check that the machine can be reached/);
      }
    } finally {
      await second.open();
    }
    await goesOn();
  });

  const isNoticed = async (): Promise<void> => {
    const reason = async (): Promise<string> => (await engine.get(NAME)).status_reason ?? '';
    await eventually(async () => /does not answer/.test(await reason()), {
      withinMs: 150_000,
      everyMs: 500,
      what: 'the news that it cannot be reached',
    });
  };

  it('are said to be out of reach while the ssh server stands still, and found again after that', async () => {
    await second.freeze('sshd');
    try {
      await isNoticed();
      assert.match((await heyvm(engine.home, 'list')).stdout, / running\? /);
    } finally {
      await second.thaw('sshd');
    }
    await goesOn();
    assert.equal((await engine.get(NAME)).status_reason, undefined);
  });

  it('are said to be out of reach while their libvirt says nothing, and leave no program that waits', async () => {
    await second.freeze('libvirtd');
    try {
      await isNoticed();
      const listed = await heyvm(engine.home, 'list');
      assert.match(listed.stdout, / running\? /);
      assert.match(listed.stderr, /away cannot be reached now: libvirt at \S+ does not answer: /);
      const refusals: readonly (readonly [readonly string[], RegExp])[] = [
        [['exec', NAME, '--', 'true'], /cannot be reached: libvirt at \S+ does not answer/],
        [['stop', NAME], /libvirt at \S+ does not answer: /],
        [['rm', NAME, '--force', '--yes'], /libvirt at \S+ does not answer: /],
      ];
      for (const [words, why] of refusals) {
        const { code, stderr } = await heyvm(engine.home, ...words);
        assert.ok(code !== 0, words.join(' '));
        assert.match(stderr, why);
      }
      await eventually(() => programsFor(second.uri).length === 0, { what: 'the end of all that asked' });
    } finally {
      await second.thaw('libvirtd');
    }
    await goesOn();
  });

  it('end the programs that ask for them with whoever started those', async () => {
    await second.freeze('libvirtd');
    try {
      const module = join(import.meta.dirname, '../../server/backends/libvirt/virsh.ts');
      const runner = join(import.meta.dirname, '../../server/platform/run.ts');
      const script = `import { libvirtAt } from '${module}'; import { run } from '${runner}';
        await libvirtAt('${second.uri}', { run, signal: new AbortController().signal }).call(['destroy', 'nobody']);`;
      const caller = spawn(process.execPath, ['--input-type=module-typescript', '-e', script], {
        stdio: 'ignore',
      });
      // What starts it is replaced by it when it is bound to the caller's end.
      const asks = (line: string): boolean => line.startsWith('virsh ');
      await eventually(() => programsFor('destroy nobody').some(asks), { what: 'the program that asks' });
      caller.kill('SIGKILL');
      await eventually(() => programsFor('destroy nobody').length === 0, { what: 'its end' });
    } finally {
      await second.thaw('libvirtd');
    }
  });

  it('refuse to be copied', async () => {
    for (const verb of ['snapshot', 'fork']) {
      const { code, stderr } = await heyvm(engine.home, verb, NAME);
      assert.equal(code, 4, stderr);
      assert.match(stderr, /runs on another host/);
    }
    await goesOn();
  });

  it('are suspended, and go on where they were', async () => {
    await succeeds('suspend', NAME);
    assert.equal((await engine.get(NAME)).workspace.mode, 'reverse-sftp');
    await succeeds('start', NAME);
    await goesOn();
  });

  it('leave nothing of theirs, and what others have', async () => {
    await succeeds('rm', NAME, '--force', '--yes');
    assert.deepEqual(await domains(), []);
    const left = await volumes();
    assert.ok(!left.some(name => name.includes('-sb-') && name !== FOREIGN), left.join());
    assert.equal(left.filter(name => name.endsWith('.whole')).length, 3);
    await succeeds('prune', '--yes');
    assert.deepEqual(await volumes(), [FOREIGN]);
    assert.ok(wasOpen || !existsSync(openFolder()), openFolder());
  });
});
