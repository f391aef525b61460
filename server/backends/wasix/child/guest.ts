// The guest in its own process: programs of the runtime, its files, and the shell that reads lines.

import { connect } from 'node:net';
import { posix } from 'node:path';
import type { Duplex } from 'node:stream';
import type { Sandbox } from '@wasmer/sdk/node';
import { fail } from '../../../core/errors.ts';
import type { Guest, GuestProcess } from '../../../core/guest.ts';
import { WORKSPACE } from '../../../core/launch.ts';
import type { DialTarget, ExecRequest } from '../../../protocol/exec.ts';
import type { GuestTree } from '../../kit/guestTree.ts';
import { isLineShell, runLineShell } from '../../kit/lineShell.ts';
import { serveSftp } from '../../kit/sftpServer.ts';
import { within } from '../../kit/within.ts';
import { type GuestPlan, HOME } from '../plan.ts';
import { listeners } from './listeners.ts';
import { guestProcess } from './process.ts';
import type { Programs } from './programs.ts';

export type GuestParts = {
  readonly plan: GuestPlan;
  readonly tree: GuestTree;
  readonly sandbox: Sandbox;
  readonly programs: Programs;
};

export type RunningGuest = Pick<Guest, 'exec' | 'dial' | 'sftp' | 'listeningPorts'> & {
  /** Ends all programs; true when one had to be forced. */
  end(graceMs: number): Promise<boolean>;
  /** Nobody says which program a file was for, so that all that run say it when they end. */
  remark(line: string): void;
};

export function openGuest(parts: GuestParts): RunningGuest {
  const { plan, tree, sandbox, programs } = parts;
  const running = new Map<GuestProcess, string[]>();
  const ports = listeners();
  let over = false;

  const start = async (request: ExecRequest): Promise<GuestProcess> => {
    const [program = '', ...args] = request.argv;
    const cwd = request.cwd ?? WORKSPACE;
    requireFolder(tree, cwd);
    const { pkg, command } = await programs.find(program, cwd);
    const { pty } = request;
    const env = { PWD: cwd, ...request.env, ...(pty === undefined ? {} : { TERM: pty.term }) };
    const started = await sandbox.command(pkg.command(command), args, { cwd, env }).spawn({
      // Its outputs go through streams, and nothing of them is kept.
      outputBytes: 1,
      ...{ stdin: 'pipe', stdout: 'pipe', stderr: 'pipe' },
      ...(pty === undefined ? {} : { terminal: pty.size }),
    });
    const keys = pty === undefined ? 'none' : plan.runtime === 'wasm' ? 'ours' : 'theirs';
    const remarks: string[] = [];
    return follow(guestProcess(started, { keys, remarks }), remarks);
  };
  const follow = (child: GuestProcess, remarks: string[] = []): GuestProcess => {
    running.set(child, remarks);
    void child.exited.then(() => running.delete(child));
    return child;
  };
  return {
    exec: async request => {
      if (over) fail('not-running', 'the guest has ended');
      if (plan.runtime !== 'wasm' || !isLineShell(request.argv)) return start(request);
      requireFolder(tree, request.cwd ?? WORKSPACE);
      const enter = (from: string, to: string): string => requireFolder(tree, posix.resolve(from, to));
      return follow(
        runLineShell({ request, exec: start, enter, programs: () => programs.names(), env: plan.env }),
      );
    },
    dial: target => dial(target, ports.open()),
    sftp: async () => serveSftp({ tree, start: WORKSPACE, home: HOME }),
    listeningPorts: async () => ports.open(),
    async end(graceMs) {
      over = true;
      const all = [...running.keys()];
      if (graceMs > 0) for (const child of all) void child.signal('TERM');
      const ended = Promise.all(all.map(child => child.exited));
      const forced = !(await within(ended, graceMs));
      await Promise.all([...running.keys()].map(child => child.signal('KILL')));
      await within(ended, 500);
      return forced && graceMs > 0;
    },
    remark(line) {
      console.error(line);
      for (const remarks of running.values()) if (!remarks.includes(line)) remarks.push(line);
    },
  };
}

function requireFolder(tree: GuestTree, path: string): string {
  try {
    // The root has folders of the runtime's own besides those of the host.
    if (path === '/' || tree.stat(path).isDirectory()) return path;
  } catch {
    // The reason is the same for the person.
  }
  return fail('path-not-found', `cannot enter ${path}: there is no such folder inside`);
}

/** Its ports are on the host's own loopback, so that only those lead into the guest which it opened itself. */
async function dial(
  target: DialTarget,
  open: readonly { readonly port: number; readonly address: string }[],
): Promise<Duplex> {
  if (target.kind === 'unix') return fail('unsupported', 'the guest has no unix sockets');
  const found = open.find(({ port }) => port === target.port);
  if (found === undefined) return fail('not-running', `nothing in the guest listens on port ${target.port}`);
  const host = ['0.0.0.0', '::'].includes(found.address) ? '127.0.0.1' : found.address;
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: target.port, allowHalfOpen: true });
    socket.once('connect', () => resolve(socket));
    socket.once('error', reject);
  });
}
