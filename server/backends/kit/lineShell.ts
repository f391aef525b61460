// `sh` where only modules of WebAssembly run: reads lines, and each is a program of the guest with its arguments.
import { PassThrough, type Readable, type Writable } from 'node:stream';
import { toSandboxError } from '../../core/errors.ts';
import type { GuestProcess } from '../../core/guest.ts';
import type { ExecRequest, ExitStatus } from '../../protocol/exec.ts';
import { LineEditor } from './lineEditor.ts';
import { type Line, readLine } from './lineWords.ts';

export type LineShell = {
  readonly request: ExecRequest;
  readonly exec: (request: ExecRequest) => Promise<GuestProcess>;
  /** What can be run by name. */
  readonly programs: () => readonly string[];
  /** Fails when there is no such folder; answers its full path. */
  readonly enter: (from: string, to: string) => string;
  /** Of the guest, without those of the request. */
  readonly env: Readonly<Record<string, string>>;
};

/** Whether it is this that is asked for: `sh`, `sh -l`, `sh -c LINE`. */
export function isLineShell([program = '', ...rest]: readonly string[]): boolean {
  if (!/^(\/bin\/)?sh$/.test(program)) return false;
  return (
    rest.length === 0 || (rest.length === 1 && rest[0] === '-l') || (rest.length === 2 && rest[0] === '-c')
  );
}

export function runLineShell(options: LineShell): GuestProcess {
  const stdin = new PassThrough();
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const session = new Session(options, { stdin, stdout, stderr });
  const exited = session.run().then(status => {
    stdout.end();
    stderr.end();
    return status;
  });
  return {
    ...{ stdin, stdout, stderr, exited },
    signal: async name => session.signal(name),
    resize: async size => session.resize(size),
    hangUp: () => void session.signal('HUP'),
  };
}

type Streams = { readonly stdin: Readable; readonly stdout: Writable; readonly stderr: Writable };

const PROMPT = '$ ';
const NOT_FOUND = 127;

class Session {
  readonly #options: LineShell;
  readonly #streams: Streams;
  readonly #ended = Promise.withResolvers<ExitStatus>();
  readonly #editor: LineEditor;
  #running: GuestProcess | undefined;
  /** Keys that were typed while a program was about to start, which are for it. */
  #early: Buffer[] | undefined;
  #folder: string;
  #isOver = false;
  #code = 0;
  #size: ExecRequest['pty'];

  constructor(options: LineShell, streams: Streams) {
    this.#options = options;
    this.#streams = streams;
    this.#folder = options.request.cwd ?? '/workspace';
    this.#size = options.request.pty;
    this.#editor = new LineEditor(text => this.#say(text), this.#size === undefined ? 'plain' : 'terminal');
  }

  async run(): Promise<ExitStatus> {
    const [, , line] = this.#options.request.argv;
    const work = line === undefined ? this.#readLines() : this.#alone(line);
    const finished = work.then((): ExitStatus => ({ kind: 'exited', code: this.#code }));
    return Promise.race([finished, this.#ended.promise]);
  }

  async signal(name: Parameters<GuestProcess['signal']>[0]): Promise<void> {
    if (this.#running !== undefined) {
      await this.#running.signal(name);
      if (name !== 'HUP' && name !== 'KILL' && name !== 'TERM') return;
    }
    if (['HUP', 'INT', 'TERM', 'KILL', 'QUIT'].includes(name)) {
      this.#isOver = true;
      this.#running?.hangUp();
      this.#ended.resolve({ kind: 'signalled', signal: name });
    }
  }

  async resize(size: Parameters<GuestProcess['resize']>[0]): Promise<void> {
    if (this.#size === undefined) return;
    this.#size = { ...this.#size, size };
    await this.#running?.resize(size);
  }

  /** One line, whose program has the whole input. */
  async #alone(text: string): Promise<void> {
    await this.#runLine(text, program => {
      this.#streams.stdin.pipe(program.stdin);
      return () => this.#streams.stdin.unpipe(program.stdin);
    });
  }

  async #readLines(): Promise<void> {
    const terminal = this.#size !== undefined;
    if (terminal) this.#say(`${this.#options.programs().join(' ')}\r\n${PROMPT}`);
    const { stdin } = this.#streams;
    const waiting: string[] = [];
    let over = false;
    let wake = (): void => {};
    const type = (chunk: Buffer): void => {
      for (const event of this.#editor.take(chunk)) {
        if (event.kind === 'line') waiting.push(event.text);
        else if (event.kind === 'end') over = true;
        else this.#say(PROMPT);
      }
      wake();
    };
    stdin.on('data', (chunk: Buffer) => {
      if (!terminal) type(chunk);
      else if (this.#running !== undefined) this.#running.stdin.write(chunk);
      else if (this.#early !== undefined) this.#early.push(chunk);
      else type(chunk);
    });
    stdin.once('end', () => {
      over = true;
      const rest = this.#editor.rest();
      if (rest !== '') waiting.push(rest);
      this.#running?.stdin.end();
      wake();
    });
    while (!this.#isOver) {
      const line = waiting.shift();
      if (line !== undefined) {
        this.#early = [];
        if ((await this.#runLine(line, () => () => {})) === 'exit') return;
        const unread = this.#early;
        this.#early = undefined;
        if (terminal && waiting.length === 0) this.#say(PROMPT);
        for (const chunk of unread) type(chunk);
      } else if (over) return;
      else
        await new Promise<void>(resolve => {
          wake = resolve;
        });
    }
  }

  /** `feed` connects the program's input and answers what undoes that. */
  async #runLine(text: string, feed: (program: GuestProcess) => () => void): Promise<'exit' | 'next'> {
    const line = readLine(text, name => this.#variable(name));
    if (line.kind === 'empty') return 'next';
    if (line.kind === 'wrong') return this.#refuse(2, line.why);
    const [program = '', ...rest] = line.words;
    if (program === 'exit') {
      this.#code = Number(rest[0] ?? this.#code) & 0xff;
      return 'exit';
    }
    if (program === 'cd') return this.#enter(rest[0]);
    if (program === 'help') {
      this.#say(
        `${this.#newline(`programs: ${this.#options.programs().join(' ')}; also ./file.wasm, cd, exit`)}`,
      );
      return 'next';
    }
    await this.#runProgram(line, feed);
    return 'next';
  }

  #enter(to = '/workspace'): 'next' {
    try {
      this.#folder = this.#options.enter(this.#folder, to);
      this.#code = 0;
    } catch {
      return this.#refuse(1, `cd: there is no folder ${to}`);
    }
    return 'next';
  }

  async #runProgram(
    line: Extract<Line, { kind: 'words' }>,
    feed: (program: GuestProcess) => () => void,
  ): Promise<void> {
    const { env } = this.#options.request;
    const pty = this.#size;
    try {
      const program = await this.#options.exec({
        argv: [...line.words],
        cwd: this.#folder,
        env: { ...env, ...line.variables },
        ...(pty === undefined ? {} : { pty }),
      });
      this.#running = program;
      // Nobody waits any more for what was about to start.
      if (this.#isOver) return program.hangUp();
      for (const chunk of this.#early?.splice(0) ?? []) program.stdin.write(chunk);
      const undo = feed(program);
      program.stdin.on('error', () => undefined);
      // Lines of a script are the shell's, and what a program reads is nothing.
      if (pty === undefined && this.#options.request.argv[1] !== '-c') program.stdin.end();
      await Promise.all([
        copied(program.stdout, this.#streams.stdout),
        copied(program.stderr, this.#streams.stderr),
      ]);
      const status = await program.exited;
      undo();
      this.#code = status.kind === 'exited' ? status.code : 128 + (numbers[status.signal] ?? 15);
    } catch (error) {
      const { code, message } = toSandboxError(error);
      this.#refuse(code === 'path-not-found' ? NOT_FOUND : 126, message);
    } finally {
      this.#running = undefined;
    }
  }

  #variable(name: string): string {
    if (name === '?') return String(this.#code);
    if (name === 'PWD') return this.#folder;
    return { ...this.#options.env, ...this.#options.request.env }[name] ?? '';
  }

  #refuse(code: number, why: string): 'next' {
    this.#code = code;
    const { stdout, stderr } = this.#streams;
    (this.#size === undefined ? stderr : stdout).write(this.#newline(`sh: ${why}`));
    return 'next';
  }

  #newline(text: string): string {
    return `${text}${this.#size === undefined ? '\n' : '\r\n'}`;
  }

  #say(text: string): void {
    if (!this.#streams.stdout.destroyed) this.#streams.stdout.write(text);
  }
}

const numbers: Readonly<Record<string, number>> = { HUP: 1, INT: 2, QUIT: 3, KILL: 9, TERM: 15 };

async function copied(from: Readable, to: Writable): Promise<void> {
  for await (const chunk of from) {
    if (to.destroyed) return;
    if (!to.write(chunk))
      await new Promise<void>(resolve => to.once('drain', resolve).once('close', resolve));
  }
}
