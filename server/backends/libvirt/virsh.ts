// One libvirt, reached with its own command line program; several commands go into one process.
import { existsSync, statSync } from 'node:fs';
import { userInfo } from 'node:os';
import type { DriverContext } from '../../core/backend.ts';
import { fail, SandboxError } from '../../core/errors.ts';
import type { RunResult } from '../../core/ports.ts';
import { refuseAway } from './away.ts';
import { NAMESPACE } from './domain.ts';
import { namesHost, withoutQuestions } from './far/address.ts';
import { findElements } from './xml.ts';

export type Command = readonly [string, ...string[]];

export type Domain = { readonly name: string; readonly state: number; readonly reason: number };

/** Numbers of libvirt's `virDomainState` and of the reasons that matter here. */
export const domainStates = { running: 1, blocked: 2, paused: 3, ending: 4, off: 5, crashed: 6 } as const;
export const pausedFor = { user: 1, inputOutput: 5 } as const;
export const offFor = { shutdown: 1, destroyed: 2, crashed: 3, saved: 5, failed: 6, daemon: 8 } as const;

export type Libvirt = {
  readonly uri: string;
  /** In this order and in one process; fails with what libvirt said. Like all of these it fails when libvirt is away. */
  call(...commands: readonly Command[]): Promise<string>;
  /** The same, for what may fail because it is done already. */
  attempt(...commands: readonly Command[]): Promise<RunResult>;
  /** Like `attempt`; virsh gets the open files as its descriptors 3, 4 and so on, and may pass them to QEMU. */
  hand(files: readonly number[], ...commands: readonly Command[]): Promise<RunResult>;
  domains(): Promise<readonly Domain[]>;
};

type Reach = Pick<DriverContext, 'run' | 'signal'> & {
  /** How long one call may take; what writes a whole memory takes longer than a question. */
  readonly patienceMs?: number;
};

const PROGRAM = 'virsh';
const PATIENCE_MS = 60_000;
/** What becomes of its machines is asked often of a libvirt that may be away, and answered at once. */
const QUESTION_MS = 25_000;
/** A connection that broke without a word is given up in half a minute. */
const ALIVE = ['--keepalive-interval', '5', '--keepalive-count', '5'] as const;

/** On the way to another host virsh and its ssh may wait for long; both end with us, however we end. */
function leash(patienceMs: number): readonly string[] {
  if (!['setpriv', 'timeout'].every(name => existsSync(`/usr/bin/${name}`))) return [];
  const seconds = String(Math.ceil(patienceMs / 1000) + 5);
  return ['setpriv', '--pdeathsig', 'TERM', 'timeout', '--kill-after', '2', seconds];
}

export function libvirtAt(uri: string, { run, signal, patienceMs = PATIENCE_MS }: Reach): Libvirt {
  const isOnHost = namesHost(uri);
  const speak = async (
    patience: number,
    files: readonly number[],
    commands: readonly Command[],
  ): Promise<RunResult> => {
    const [only] = commands;
    // One word is taken for a line of commands, as a line of several is.
    const words = commands.length === 1 && only !== undefined && only.length > 1 ? only : [line(commands)];
    const plain = [PROGRAM, '--quiet', '--connect', withoutQuestions(uri)] as const;
    const [first, ...rest] = isOnHost ? ([...leash(patience), ...plain, ...ALIVE] as const) : plain;
    const argv = [first, ...rest, ...words] as const;
    const options = { signal, env: environment(), timeoutMs: patience, accept: 'any', cwd: '/' } as const;
    try {
      const result = await run([...argv], { ...options, files });
      return NO_CONNECTION.test(result.stderr) ? refuseAway(uri, saidBy(result)) : result;
    } catch (error) {
      const late = error instanceof SandboxError && error.code === 'timeout';
      if (late) refuseAway(uri, `no answer in ${patience / 1000} seconds`);
      throw error;
    }
  };
  const hand: Libvirt['hand'] = (files, ...commands) => speak(patienceMs, files, commands);
  const attempt: Libvirt['attempt'] = (...commands) => hand([], ...commands);
  const accept = (commands: readonly Command[], result: RunResult): string =>
    result.code === 0 ? result.stdout : refused(uri, commands, result);
  const call: Libvirt['call'] = async (...commands) => accept(commands, await attempt(...commands));
  return {
    uri,
    call,
    attempt,
    hand,
    domains: async () => {
      const question: readonly Command[] = [['domstats', '--state', '--raw', '--nowait']];
      const patience = isOnHost ? Math.min(patienceMs, QUESTION_MS) : patienceMs;
      return parseDomains(accept(question, await speak(patience, [], question)));
    },
  };
}

/** virsh says this before everything else, and then ends. */
const NO_CONNECTION = /^error: failed to connect to the hypervisor$/m;

/** Pure: what `domstats --state --raw` prints. */
export function parseDomains(text: string): readonly Domain[] {
  return text
    .split(/^Domain: /m)
    .slice(1)
    .map(block => ({
      name: /^'(.*)'$/m.exec(block)?.[1] ?? '',
      state: numberOf(block, 'state.state'),
      reason: numberOf(block, 'state.reason'),
    }));
}

export type Mark = { readonly id: string; readonly store: string; readonly state: string };

/** Whose the domain is; undefined when it carries no mark of ours. */
export async function markOf(libvirt: Libvirt, name: string): Promise<Mark | undefined> {
  const { code, stdout } = await libvirt.attempt(['metadata', name, NAMESPACE]);
  const [found] = code === 0 ? findElements(stdout, 'sandbox') : [];
  const id = found?.attributes.get('id');
  const store = found?.attributes.get('store');
  const state = found?.attributes.get('state');
  if (id === undefined || store === undefined || state === undefined) return undefined;
  return { id, store, state };
}

/** Pure: commands as virsh's own parser takes them. */
export function line(commands: readonly Command[]): string {
  return commands.map(words => words.map(quote).join(' ')).join('; ');
}

/** What libvirt said, without its prefix. */
export function saidBy({ stderr, stdout }: RunResult): string {
  const lines = stderr
    .split('\n')
    .map(text => text.replace(/^error:\s*/, '').trim())
    .filter(text => text !== '');
  return lines.length === 0 ? stdout.trim() : lines.join(': ');
}

function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `"${word.replaceAll(/[\\"]/g, '\\$&')}"`;
}

function numberOf(block: string, key: string): number {
  return Number(new RegExp(`^\\s*${key.replace('.', '[.]')}=(\\d+)$`, 'm').exec(block)?.[1] ?? 0);
}

function refused(uri: string, commands: readonly Command[], result: RunResult): never {
  const what = commands.map(([name]) => name).join(', ');
  return fail('command-failed', `libvirt at ${uri} refused ${what}: ${saidBy(result)}`, {
    hint: 'heyvm doctor checks what libvirt needs',
    data: { commands: commands.map(([name]) => name), code: result.code },
  });
}

/**
 * Where the person's own libvirt listens depends on the runtime folder, which not every way to start a program sets.
 * Found in the same place by everybody, all speak to one daemon.
 */
function environment(): Record<string, string> {
  const { uid, homedir, username } = userInfo();
  const runtime = `/run/user/${uid}`;
  // Only the way to it; needed for libvirt behind ssh.
  const agent = process.env['SSH_AUTH_SOCK'];
  return {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: homedir,
    USER: username,
    LOGNAME: username,
    ...(statSync(runtime, { throwIfNoEntry: false })?.uid === uid ? { XDG_RUNTIME_DIR: runtime } : {}),
    ...(agent === undefined ? {} : { SSH_AUTH_SOCK: agent }),
  };
}
