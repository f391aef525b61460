// What happens on a terminal: raw keys, sizes, the shell, colours, and a terminal that is as it was afterwards.
import { strict as assert } from 'node:assert';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { eventually } from '../support/eventually.ts';
import { launcher, listenTo, makeWorld, needEngine, type World } from './support/world.ts';

type Terminal = {
  readonly process: ChildProcess;
  readonly screen: { readonly text: string };
  readonly closed: Promise<unknown>;
  type(keys: string): void;
  shows(pattern: RegExp): Promise<unknown>;
};

const ESC = '\u001b';

describe('heyvm on a terminal', () => {
  let world: World;
  const open: Terminal[] = [];

  before(async function () {
    needEngine(this);
    world = await makeWorld();
    await world.json(['create', '--name', 'box']);
  });
  afterEach(() => {
    for (const terminal of open.splice(0)) terminal.process.kill('SIGKILL');
  });
  after(() => world?.end());

  it('gives a program a terminal of the same kind and size, and passes changes of size on', async () => {
    const terminal = onTerminal(
      `stty cols 91 rows 33; ${launcher} exec -t box -- sh -c 'trap "stty size" WINCH; tty; echo $TERM; stty size; while :; do sleep 0.05; done'`,
    );
    await terminal.shows(/\/dev\/pts\/\d+\s+xterm-256color\s+33 91/);
    resize(terminal, { columns: 70, rows: 20 });
    await terminal.shows(/20 70/);
    terminal.type('\u0003');
    await terminal.closed;
  });

  it('sends Ctrl-C and Ctrl-Z as keys to the program, and restores the terminal after it', async () => {
    const terminal = onTerminal(
      `stty -a > before; ${launcher} exec -t box -- sh -c 'trap "echo caught" INT; stty -isig; echo ready; head -c 2 | od -An -tx1; exit 5'; echo "status $?"; stty -a > after; cmp before after && echo same`,
    );
    await terminal.shows(/ready/);
    terminal.type('\u001a\u0003\r');
    await terminal.shows(/1a 03/);
    await terminal.shows(/status 5/);
    await terminal.shows(/same/);
    await terminal.closed;
  });

  it('restores the terminal when it is told to end', async () => {
    const terminal = onTerminal(
      `stty -a > before; ${launcher} exec -t box -- sh -c 'echo ready; exec sleep 100'; echo "status $?"; stty -a > after; cmp before after && echo same`,
    );
    await terminal.shows(/ready/);
    process.kill(commandLineOn(terminal), 'SIGTERM');
    await terminal.shows(/status 143/);
    await terminal.shows(/same/);
    await terminal.closed;
  });

  it('opens a login shell with a prompt, and gives its status', async () => {
    const terminal = onTerminal(`${launcher} sh box; echo "status $?"`);
    await terminal.shows(/[$#] $/);
    terminal.type('echo "in $(pwd) $0 $((6*7))"; test -t 0 && echo terminal\r');
    await terminal.shows(/in \/workspace -?\S*(ba)?sh 42/);
    await terminal.shows(/\nterminal/);
    terminal.type('exit 6\r');
    await terminal.shows(/status 6/);
    await terminal.closed;
  });

  it('reads commands from stdin where there is no terminal', async () => {
    const done = await world.heyvm(['sh', 'box'], {
      input: 'cd /tmp\npwd\nread word\nmore words\necho "<$word>"\nexit 7\n',
    });
    assert.deepEqual({ code: done.code, stdout: done.stdout }, { code: 7, stdout: '/tmp\n<more words>\n' });
  });

  it('hangs the program up when the terminal goes away', async () => {
    const terminal = onTerminal(`${launcher} exec -t box -- sh -c 'echo ready; exec sleep 4244'`);
    await terminal.shows(/ready/);
    terminal.process.kill('SIGKILL');
    await eventually(
      async () => {
        const { stdout } = await world.heyvm([
          'exec',
          'box',
          '--',
          'sh',
          '-c',
          'cat /proc/[0-9]*/cmdline | tr "\\0" " "',
        ]);
        return !stdout.includes('sleep 4244 ');
      },
      { what: 'the end of the program' },
    );
  });

  it('needs a terminal for -t', async () => {
    const done = await world.heyvm(['exec', '-t', 'box', 'true']);
    assert.equal(done.code, 125);
    assert.match(done.stderr, /--tty needs a terminal/);
  });

  it('has colours on a terminal, but not with NO_COLOR', async () => {
    const coloured = onTerminal(`${launcher} list`);
    await coloured.closed;
    assert.ok(coloured.screen.text.includes(`${ESC}[32mrunning`));
    const plain = onTerminal(`NO_COLOR=1 ${launcher} list`);
    await plain.closed;
    assert.ok(!plain.screen.text.includes(`${ESC}[`));
  });

  it('shows the phases of long work in one line that goes away', async () => {
    const terminal = onTerminal(`${launcher} create --name shown`);
    await terminal.closed;
    const [, ...painted] = terminal.screen.text.split(`\r${ESC}[K`);
    assert.match(painted[0] ?? '', /^\S/);
    assert.match(painted.at(-1) ?? '', /^shown \(sb-/);
  });

  function onTerminal(command: string): Terminal {
    const child = spawn('script', ['-qfec', command, '/dev/null'], {
      cwd: world.folder,
      env: { ...world.env, SHELL: '/bin/sh' },
    });
    const screen = listenTo(child.stdout);
    const terminal: Terminal = {
      process: child,
      screen,
      closed: once(child, 'close'),
      type: keys => void child.stdin.write(keys),
      shows: pattern =>
        eventually(() => pattern.test(screen.text), {
          what: `${pattern} on a screen that shows ${JSON.stringify(screen.text)}`,
        }),
    };
    open.push(terminal);
    return terminal;
  }
});

/** The pseudo-terminal that `script` made, found by who uses it. */
function resize(terminal: Terminal, size: { columns: number; rows: number }): void {
  const device = readlinkSync(`/proc/${commandLineOn(terminal)}/fd/0`);
  execFileSync('stty', ['-F', device, 'cols', String(size.columns), 'rows', String(size.rows)]);
}

function commandLineOn({ process: script }: Terminal): number {
  const found = below(script.pid ?? 0).find(pid =>
    readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes('start.cjs'),
  );
  assert.ok(found, 'the command line does not run');
  return found;
}

function below(pid: number): number[] {
  const children = readdirSync(`/proc/${pid}/task`).flatMap(task =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number),
  );
  return children.flatMap(child => [child, ...below(child)]);
}
