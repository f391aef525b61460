// A place of their own for daemons of tests: processes, mounts and network that all end with whoever opened it.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { Stop } from '../say.ts';

export type Namespace = {
  /** The words that run a program inside. */
  inside(argv: readonly string[]): readonly string[];
  /** How this side calls a process that the inside knows by `inner`. */
  hostPid(inner: number): number | undefined;
  end(): Promise<void>;
};

export type NamespaceOptions = {
  /** A file that only one namespace at a time may have; without it nothing is locked. */
  readonly lock?: string;
  readonly network: 'own' | 'shared';
};

/** Undefined when somebody else has the lock. Needs root. */
export async function openNamespace({ lock, network }: NamespaceOptions): Promise<Namespace | undefined> {
  // The lock is held by a process that ends with the namespace, never by what runs inside.
  const locked = lock === undefined ? [] : ['flock', '--nonblock', '--conflict-exit-code', '75', lock];
  const words = [
    ...[...locked, 'unshare', '--mount', '--propagation', 'slave', '--pid', '--fork', '--kill-child'],
    ...['--mount-proc', ...(network === 'own' ? ['--net'] : [])],
    ...['sh', join(import.meta.dirname, 'hold.sh')],
  ];
  const [program = '', ...args] = words;
  const holder = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  holder.stdin.on('error', () => {
    // It ended by itself, which its exit tells.
  });
  const first = await Promise.race([
    once(holder.stdout, 'data').then(() => 'ready' as const),
    once(holder, 'exit').then(([code]) => Number(code)),
  ]);
  if (first === 75) return undefined;
  if (first !== 'ready') throw new Stop(`a namespace for daemons ended with ${first}`);
  const keeper = pidOfHold(holder);
  const enter = ['nsenter', '--target', String(keeper), '--mount', '--pid', '--net'];
  return {
    inside: argv => [...enter, ...argv],
    hostPid: inner => findInside(keeper, inner),
    end: async () => {
      if (holder.exitCode !== null || holder.signalCode !== null) return;
      const ended = once(holder, 'exit');
      holder.stdin.end();
      await ended;
    },
  };
}

/** The shell, which is a child of unshare, which may be a child of flock. */
function pidOfHold(holder: ChildProcess): number {
  let pid = holder.pid ?? 0;
  for (;;) {
    const [child] = childrenOf(pid);
    if (child === undefined || namespaceOf(child) !== namespaceOf(process.pid)) return child ?? pid;
    pid = child;
  }
}

function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return text === '' ? [] : text.split(' ').map(Number);
}

function namespaceOf(pid: number): string {
  return readlinkSync(`/proc/${pid}/ns/pid`);
}

function findInside(keeper: number, inner: number): number | undefined {
  const wanted = namespaceOf(keeper);
  return readdirSync('/proc')
    .map(Number)
    .find(pid => {
      if (!Number.isInteger(pid)) return false;
      try {
        const own = /^NSpid:\s+(.*)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '';
        return own.split('\t').at(-1) === String(inner) && namespaceOf(pid) === wanted;
      } catch {
        // It ended while it was looked at.
        return false;
      }
    });
}
