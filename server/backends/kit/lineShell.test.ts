// The shell for modules alone: what a line means, what it refuses, and how it behaves on a terminal.
import { strict as assert } from 'node:assert';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { SandboxError } from '../../core/errors.ts';
import type { GuestProcess } from '../../core/guest.ts';
import type { ExecRequest, ExitStatus } from '../../protocol/exec.ts';
import { isLineShell, runLineShell } from './lineShell.ts';
import { readLine } from './lineWords.ts';

describe('a line of the shell for modules', () => {
  const values: Readonly<Record<string, string>> = { NAME: 'a value', '?': '7' };
  const read = (line: string) => readLine(line, name => values[name] ?? '');

  const lines: readonly [line: string, words: readonly string[]][] = [
    ['tool one two', ['tool', 'one', 'two']],
    [`tool 'a b' "c d" e\\ f ''`, ['tool', 'a b', 'c d', 'e f', '']],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is what the line says.
    ['tool $NAME "$NAME" ${NAME}x $? $', ['tool', 'a value', 'a value', 'a valuex', '7', '$']],
    [`tool '$NAME' "\\$NAME" a"b"'c'`, ['tool', '$NAME', '$NAME', 'abc']],
    ['tool a#b # a remark', ['tool', 'a#b']],
  ];
  for (const [line, words] of lines) {
    it(`is ${JSON.stringify(words)} for ${line}`, () => {
      assert.deepEqual(read(line), { kind: 'words', words, variables: {} });
    });
  }

  it('sets variables for its program alone', () => {
    assert.deepEqual(read('A=1 B="2 3" tool'), {
      kind: 'words',
      words: ['tool'],
      variables: { A: '1', B: '2 3' },
    });
    assert.equal(read('A=1').kind, 'wrong');
    assert.equal(read('   ').kind, 'empty');
  });

  for (const line of [
    'a | b',
    'a; b',
    'a && b',
    'a > b',
    'a < b',
    '$(a)',
    '`a`',
    '"`a`"',
    'a *',
    '(a)',
    "'a",
    '"a',
  ]) {
    it(`refuses ${line}, which would mean something else to another shell`, () => {
      assert.equal(read(line).kind, 'wrong');
    });
  }
});

describe('the shell for modules', () => {
  it('is asked for as sh, with a line or without', () => {
    assert.ok(isLineShell(['sh']) && isLineShell(['/bin/sh', '-l']) && isLineShell(['sh', '-c', 'x']));
    assert.ok(!isLineShell(['sh', 'script']) && !isLineShell(['tool', '-c', 'x']));
  });

  const asked: ExecRequest[] = [];
  const begun: Promise<ExitStatus>[] = [];

  beforeEach(() => {
    asked.length = 0;
    begun.length = 0;
  });

  /**
   * `cat` copies its input until it is interrupted, `stay` ends when it is told to, `fail` ends with 3, everything else
   * says its words.
   */
  async function exec(request: ExecRequest): Promise<GuestProcess> {
    asked.push(request);
    const [program = '', ...rest] = request.argv;
    if (program === 'missing') throw new SandboxError('path-not-found', 'cannot run missing');
    const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
    const ended = Promise.withResolvers<ExitStatus>();
    const end = (status: ExitStatus): void => {
      stdout.end();
      stderr.end();
      ended.resolve(status);
    };
    if (program === 'cat') {
      stdin.on('data', chunk =>
        String(chunk) === '\x03' ? end({ kind: 'signalled', signal: 'INT' }) : stdout.write(chunk),
      );
      stdin.once('end', () => end({ kind: 'exited', code: 0 }));
    } else if (program !== 'stay') {
      stdout.write(`${rest.join(' ')}\n`);
      end({ kind: 'exited', code: program === 'fail' ? 3 : 0 });
    }
    const exited = ended.promise;
    begun.push(exited);
    return {
      stdin,
      stdout,
      stderr,
      exited,
      signal: async signal => end({ kind: 'signalled', signal }),
      resize: async () => {},
      hangUp: () => end({ kind: 'signalled', signal: 'HUP' }),
    };
  }

  const enter = (from: string, to: string): string => {
    if (to === 'nowhere') throw new Error('no such folder');
    return to.startsWith('/') ? to : `${from}/${to}`;
  };
  const start = (request: ExecRequest): GuestProcess =>
    runLineShell({ request, exec, enter, programs: () => ['tool', 'cat'], env: { HOME: '/home/dev' } });
  const all = async (child: GuestProcess) => {
    const [out, error] = await Promise.all([text(child.stdout), text(child.stderr)]);
    return { out, error, status: await child.exited };
  };

  it('runs one line with the input and the code of its program', async () => {
    const copying = start({ argv: ['sh', '-c', 'cat'] });
    copying.stdin.end('input');
    assert.deepEqual(await all(copying), { out: 'input', error: '', status: { kind: 'exited', code: 0 } });
    const failing = start({ argv: ['sh', '-c', 'fail $HOME "a  b"'] });
    assert.deepEqual(await all(failing), {
      out: '/home/dev a  b\n',
      error: '',
      status: { kind: 'exited', code: 3 },
    });
    const { status, error } = await all(start({ argv: ['sh', '-c', 'missing'] }));
    assert.deepEqual([status, error], [{ kind: 'exited', code: 127 }, 'sh: cannot run missing\n']);
    const refused = await all(start({ argv: ['sh', '-c', 'tool > file'] }));
    assert.deepEqual(refused.status, { kind: 'exited', code: 2 });
    assert.match(refused.error, /there is no POSIX shell/);
    assert.equal(asked.length, 3);
  });

  it('reads lines until exit, in the folder that was entered', async () => {
    const child = start({ argv: ['sh'], env: { FIRST: '1' } });
    child.stdin.end('tool one\ncd sub\nSECOND=2 tool $PWD\ncd nowhere\nfail\ntool $?\nexit 9\ntool never\n');
    const { out, status, error } = await all(child);
    assert.equal(out, 'one\n/workspace/sub\n\n3\n');
    assert.match(error, /cd: there is no folder nowhere/);
    assert.deepEqual(status, { kind: 'exited', code: 9 });
    assert.deepEqual(asked[1], {
      argv: ['tool', '/workspace/sub'],
      cwd: '/workspace/sub',
      env: { FIRST: '1', SECOND: '2' },
    });
  });

  it('is a terminal with echo, editing, and programs that get the keys', async () => {
    const child = start({ argv: ['sh'], pty: { term: 'xterm', size: { columns: 80, rows: 24 } } });
    let out = '';
    const seen = async (words: string): Promise<void> => {
      while (!out.includes(words)) await new Promise(resolve => setImmediate(resolve));
      out = out.slice(out.indexOf(words) + words.length);
    };
    child.stdout.on('data', chunk => {
      out += String(chunk);
    });
    await seen('tool cat\r\n$ ');
    child.stdin.write('tox\x7fol hé\x1b[A\r');
    await seen('tox\b \bol hé\r\n');
    await seen('hé\n');
    await seen('$ ');
    child.stdin.write('wrong\x03');
    await seen('wrong^C\r\n$ ');
    child.stdin.write('cat\r');
    await seen('cat\r\n');
    while (asked.length < 2) await new Promise(resolve => setImmediate(resolve));
    child.stdin.write('keys');
    await seen('keys');
    child.stdin.write('\x03');
    await seen('$ ');
    child.stdin.write('\x04');
    // As that of the program before, which was interrupted.
    assert.deepEqual(await child.exited, { kind: 'exited', code: 130 });
    assert.equal(asked[1]?.pty?.term, 'xterm');
  });

  it('goes with its program when nobody wants it any more', async () => {
    const child = start({ argv: ['sh', '-c', 'cat'] });
    while (asked.length === 0) await new Promise(resolve => setImmediate(resolve));
    child.hangUp();
    assert.deepEqual(await child.exited, { kind: 'signalled', signal: 'HUP' });
  });

  it('ends a program that was only about to start when nobody wanted it any more', async () => {
    const child = start({ argv: ['sh', '-c', 'stay'] });
    child.hangUp();
    await child.exited;
    assert.deepEqual(await Promise.all(begun), [{ kind: 'signalled', signal: 'HUP' }]);
  });

  it('begins none of the lines that wait once it was told to end', async () => {
    const child = start({ argv: ['sh'] });
    child.stdin.write('stay\nstay\n');
    while (begun.length === 0) await new Promise(resolve => setImmediate(resolve));
    await new Promise(resolve => setImmediate(resolve));
    await child.signal('TERM');
    await Promise.all([child.exited, ...begun]);
    for (let turn = 0; turn < 20; turn += 1) await new Promise(resolve => setImmediate(resolve));
    assert.equal(asked.length, 1);
  });
});
