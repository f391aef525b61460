// The terminal of this process while a program of a guest uses it: raw keys, its size, and back as it was.
import type { GuestProcess } from '../core/guest.ts';
import type { TerminalSize } from '../protocol/exec.ts';

export type Terminal = { restore(): void };

export function hasTerminal(): boolean {
  return process.stdin.isTTY === true && process.stdout.isTTY === true;
}

/** What the guest needs to know to make a terminal like ours. */
export function describeTerminal(env: NodeJS.ProcessEnv): { term: string; size: TerminalSize } {
  return { term: env['TERM'] ?? 'xterm-256color', size: sizeOf() };
}

/** Every key goes to the guest from now on, and every change of size. */
export function lendTerminal(child: Pick<GuestProcess, 'resize'>): Terminal {
  const { stdin, stdout } = process;
  if (stdin.isTTY !== true) return { restore: () => {} };
  const restore = (): void => {
    stdout.off('resize', resize);
    process.off('exit', restore);
    stdin.setRawMode(false);
  };
  const resize = (): void =>
    void child.resize(sizeOf()).catch(() => {
      // The program has ended in the meantime; its size matters to nobody.
    });
  stdin.setRawMode(true);
  // Whatever ends this process, the person gets the terminal back.
  process.once('exit', restore);
  stdout.on('resize', resize);
  return { restore };
}

function sizeOf(): TerminalSize {
  const { columns, rows } = process.stdout;
  return { columns: columns > 0 ? columns : 80, rows: rows > 0 ? rows : 24 };
}
