// A user without privileges, made for the tests alone: accounts, home and processes are gone when what it runs has ended.
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { which } from '../command.ts';
import { cache } from '../places.ts';
import { Stop } from '../say.ts';
import { openFolders, stillClosed } from './openFolders.ts';

const NAME = 'heyvm-test';
const UID = 64_321;

/** Short, because sockets lie below it, and the same in every run, because things that are kept know their own path. */
const HOME = '/tmp/hvu';
const MOST = 20;

const endings = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export type TestUser = {
  /** The words that run a program as this user, with every process that it leaves behind ended afterwards. */
  as(argv: readonly string[]): readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** Where its home really is, for whoever prepares something in it, and where the user sees it. */
  readonly home: string;
  readonly seen: string;
  readonly uid: number;
  end(): void;
};

/** Why no such user can be had. */
export function whyNoTestUser(): string | undefined {
  if (process.getuid?.() !== 0) return 'another user can be tried by root only';
  const missing = ['bwrap', 'setpriv'].find(name => which(name) === undefined);
  if (missing !== undefined) return `the program ${missing} is not installed`;
  const closed = stillClosed();
  return closed === undefined ? undefined : `other users cannot enter ${closed}`;
}

/** Its home is kept between runs; what lies in `tmp` is not. */
export function makeTestUser(): TestUser {
  const { number, home, leave } = takeHome();
  const seen = `${HOME}${number}`;
  rmSync(join(home, 'tmp'), { recursive: true, force: true });
  for (const name of ['', 'tmp']) {
    mkdirSync(join(home, name), { recursive: true, mode: 0o700 });
    chownSync(join(home, name), UID, UID);
  }
  mkdirSync(seen, { recursive: true });
  const accounts = writeAccounts(home, seen);
  const mounts = [
    ...['--dev-bind', '/', '/', ...openFolders()],
    ...['--bind', home, seen, '--perms', '1777', '--tmpfs', '/var/tmp'],
    // What is large and only read is the same for everybody.
    ...readdirSync(cache)
      .filter(name => /^(vscode-server|node)-[\d.]+$/.test(name))
      .flatMap(name => ['--ro-bind', join(cache, name), join(seen, 'cache', name)]),
    ...['--ro-bind', join(accounts, 'etc'), '/etc'],
  ];
  const end = (): void => {
    rmSync(accounts, { recursive: true, force: true });
    rmdirSync(seen);
    leave();
  };
  const onSignal = (): void => {
    end();
    process.exit(1);
  };
  for (const signal of endings) process.once(signal, onSignal);
  const identity = [`--reuid=${UID}`, `--regid=${UID}`, '--clear-groups', '--'];
  return {
    as: argv => [
      ...['bwrap', ...mounts, '--unshare-pid', '--proc', '/proc', '--die-with-parent', '--cap-add', 'ALL'],
      ...['--', 'setpriv', ...identity, ...argv],
    ],
    env: environment(seen),
    ...{ home, seen, uid: UID },
    end: () => {
      for (const signal of endings) process.off(signal, onSignal);
      end();
    },
  };
}

function environment(home: string): NodeJS.ProcessEnv {
  return {
    PATH: [dirname(process.execPath), '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin'].join(':'),
    HOME: home,
    USER: NAME,
    LOGNAME: NAME,
    TMPDIR: join(home, 'tmp'),
    HEYVM_DEV_CACHE: join(home, 'cache'),
  };
}

/**
 * The configuration of this machine with one more account, as a folder of its own: whoever replaces a file of the real
 * one meanwhile takes a mount over that file away. Beside the home, where a run that was killed leaves it to the next.
 */
function writeAccounts(real: string, home: string): string {
  const folder = `${real}.accounts`;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { mode: 0o700 });
  execFileSync('cp', ['--archive', '/etc', folder]);
  const lines = {
    passwd: `${NAME}:x:${UID}:${UID}:tests of heyvm:${home}:/bin/bash`,
    group: `${NAME}:x:${UID}:`,
  };
  for (const [file, line] of Object.entries(lines)) appendFileSync(join(folder, 'etc', file), `${line}\n`);
  return folder;
}

/**
 * The first home that no other run uses; a run that was killed uses none. Runs with another cache have other homes and see
 * them in the same place, which goes away under them when somebody else removes it.
 */
function takeHome(): { number: number; home: string; leave: () => void } {
  const base = join(cache, 'test-user');
  mkdirSync(base, { recursive: true });
  for (let number = 0; number < MOST; number += 1) {
    const home = join(base, String(number));
    if (!takeLock(`${home}.pid`)) continue;
    const place = `${HOME}${number}.pid`;
    const isFree = takeLock(place);
    const leave = (): void => {
      if (isFree) rmSync(place, { force: true });
      rmSync(`${home}.pid`, { force: true });
    };
    if (isFree) return { number, home, leave };
    leave();
  }
  throw new Stop(
    `the homes of test users in ${base} are all in use`,
    `remove the .pid files there and beside ${HOME}0`,
  );
}

/** It is held as long as the process lives that took it. */
function takeLock(lock: string): boolean {
  const holder = existsSync(lock) ? Number(readFileSync(lock, 'utf8')) : 0;
  if (holder !== 0 && existsSync(`/proc/${holder}`)) return false;
  rmSync(lock, { force: true });
  try {
    writeFileSync(lock, String(process.pid), { flag: 'wx' });
    return true;
  } catch {
    // Somebody else was faster.
    return false;
  }
}
