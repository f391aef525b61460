// The programs of the fake backend: a very small shell whose files, signals and terminals live in memory.
import type { PassThrough } from 'node:stream';
import type { ExecRequest, ExitStatus, SignalName, TerminalSize } from '../../server/protocol/exec.ts';

export type FakeProcess = {
  readonly request: ExecRequest;
  readonly env: Readonly<Record<string, string>>;
  readonly stdin: PassThrough;
  readonly stdout: PassThrough;
  readonly stderr: PassThrough;
  readonly ignored: Set<string>;
  /** Wakes whatever waits, with the way it ends. */
  readonly killed: AbortController;
  size: TerminalSize | undefined;
};

export type FakeFiles = Map<string, Buffer>;

type Command = (context: CommandContext) => Promise<number> | number;

type CommandContext = {
  readonly process: FakeProcess;
  readonly files: FakeFiles;
  readonly words: readonly string[];
  readonly out: (chunk: string | Buffer) => void;
};

class Exit {
  readonly code: number;
  constructor(code: number) {
    this.code = code;
  }
}

export const programs: readonly string[] = [
  'sh',
  'echo',
  'cat',
  'true',
  'false',
  'pwd',
  'printenv',
  'sleep',
  'stty',
  'head',
  'test',
];

/** Runs to the end; a signal that kills is the way it ended. */
export async function runProgram(process: FakeProcess, files: FakeFiles): Promise<ExitStatus> {
  const [path = '', ...args] = process.request.argv;
  const name = path.slice(path.lastIndexOf('/') + 1);
  const script = name === 'sh' ? (args[1] ?? '') : undefined;
  try {
    const code =
      script === undefined
        ? await runCommand({
            process,
            files,
            words: [name, ...args],
            out: chunk => write(process.stdout, chunk),
          })
        : await runScript(script, process, files);
    return { kind: 'exited', code };
  } catch (thrown) {
    if (thrown instanceof Exit) return { kind: 'exited', code: thrown.code };
    if (process.killed.signal.aborted)
      return { kind: 'signalled', signal: String(process.killed.signal.reason) };
    throw thrown;
  }
}

export function deliver(process: FakeProcess, signal: SignalName): void {
  if (process.ignored.has(signal) && signal !== 'KILL') return;
  if (['CONT', 'WINCH', 'STOP', 'TSTP'].includes(signal)) return;
  process.killed.abort(signal);
}

async function runScript(script: string, process: FakeProcess, files: FakeFiles): Promise<number> {
  let code = 0;
  for (const statement of script.split(/;|\n/)) {
    for (const [index, part] of statement.split('&&').entries()) {
      if (index > 0 && code !== 0) break;
      code = await runStatement(part.trim(), process, files);
    }
  }
  return code;
}

async function runStatement(text: string, process: FakeProcess, files: FakeFiles): Promise<number> {
  const words = split(text, process);
  if (words.length === 0) return 0;
  const redirect = words.findIndex(word => word.startsWith('>'));
  const target = redirect < 0 ? undefined : ((words[redirect]?.slice(1) || words[redirect + 1]) ?? '');
  const plain = redirect < 0 ? words : words.slice(0, redirect);
  const kept: Buffer[] = [];
  const out = (chunk: string | Buffer): void => {
    if (target === undefined) write(process.stdout, chunk);
    else if (target === '&2')
      write(process.request.pty === undefined ? process.stderr : process.stdout, chunk);
    else kept.push(Buffer.from(chunk));
  };
  const code = await runCommand({ process, files, words: plain, out });
  if (target !== undefined && target !== '&2') files.set(target, Buffer.concat(kept));
  return code;
}

function split(text: string, { env }: FakeProcess): string[] {
  const expand = (word: string): string =>
    word.replaceAll(/\$(\w+|\$)/g, (_, name: string) => (name === '$' ? 'self' : (env[name] ?? '')));
  const words = text.match(/'[^']*'|"[^"]*"|\S+/g) ?? [];
  return words.map(word => {
    if (word.startsWith("'")) return word.slice(1, -1);
    return expand(word.startsWith('"') ? word.slice(1, -1) : word);
  });
}

async function runCommand(context: CommandContext): Promise<number> {
  const [name = ''] = context.words;
  const command = commands[name];
  context.process.killed.signal.throwIfAborted();
  if (command !== undefined) return command(context);
  write(context.process.stderr, `${name}: not found\n`);
  return 127;
}

const commands: Readonly<Record<string, Command>> = {
  true: () => 0,
  false: () => 1,
  exit: ({ words }) => {
    throw new Exit(Number(words[1] ?? 0));
  },
  echo: ({ words, out }) => {
    out(`${words.slice(1).join(' ')}\n`);
    return 0;
  },
  pwd: ({ process, out }) => {
    out(`${process.request.cwd ?? '/workspace'}\n`);
    return 0;
  },
  printenv: ({ process, words, out }) => {
    const value = process.env[words[1] ?? ''];
    if (value !== undefined) out(`${value}\n`);
    return value === undefined ? 1 : 0;
  },
  stty: ({ process, out }) => {
    out(`${process.size?.rows} ${process.size?.columns}\n`);
    return 0;
  },
  test: ({ files, words }) => (files.has(words[2] ?? '') ? 0 : 1),
  trap: ({ process, words }) => {
    for (const signal of words.slice(2)) process.ignored.add(signal);
    return 0;
  },
  kill: ({ process, words }) => {
    deliver(process, (words[1] ?? '').slice(1) as SignalName);
    return 0;
  },
  sleep: ({ process, words }) => pause(process, Number(words[1]) * 1000),
  head: ({ words, out }) => {
    const size = Number(words[2]);
    for (let done = 0; done < size; done += 65_536) out(Buffer.alloc(Math.min(65_536, size - done)));
    return 0;
  },
  cat: async ({ process, files, words, out }) => {
    const [, path] = words;
    if (path === undefined) return copyInput(process, out);
    const content = files.get(path);
    if (content === undefined) return 1;
    out(content);
    return 0;
  },
};

async function copyInput(process: FakeProcess, out: CommandContext['out']): Promise<number> {
  const { signal } = process.killed;
  const stop = (): void => void process.stdin.destroy(new Error('killed'));
  signal.addEventListener('abort', stop, { once: true });
  for await (const chunk of process.stdin) {
    // What a terminal does with Ctrl-C and with the end of input.
    if (process.request.pty !== undefined && Buffer.from(chunk).includes(3)) deliver(process, 'INT');
    signal.throwIfAborted();
    out(chunk);
  }
  return 0;
}

function pause({ killed }: FakeProcess, ms: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve(0), ms);
    killed.signal.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(new Error('killed'));
    });
  });
}

function write(stream: PassThrough, chunk: string | Buffer): void {
  if (!stream.destroyed) stream.write(chunk);
}
