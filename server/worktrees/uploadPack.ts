// Lets git on the host read from git inside: `git upload-pack` runs in the guest, and its bytes cross as a stream.
//
// The guest is a hostile server, and this is the one thing that its answers reach: a client made for such servers, over
// a descriptor, without a shell, an address or a path of the guest's. No other transport is allowed, the old protocol
// has no way to name further places to fetch from, and every stream, allocation and run is bounded.
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { fail, SandboxError, toSandboxError } from '../core/errors.ts';
import type { Guest, GuestProcess } from '../core/guest.ts';
import type { RunResult } from '../core/ports.ts';
import { type GitOptions, type Host, hostGit } from './hostGit.ts';
import { inside } from './privatePlaces.ts';
import type { Repository } from './repository.ts';

export type Server = { readonly guest: Pick<Guest, 'exec'>; readonly repository: Repository };

export type Asking = {
  readonly args: readonly string[];
  readonly input?: string;
  /** Where new objects go; those of the repository are borrowed. */
  readonly objects?: string;
  /** More bytes than this and it ends. */
  readonly limit: number;
  readonly timeoutMs: number;
};

/** What `fd::3` needs, and nothing else. */
const transport: readonly string[] = [
  'protocol.allow=never',
  'protocol.fd.allow=always',
  'protocol.version=0',
  'fetch.fsckObjects=true',
  'transfer.fsckObjects=true',
  // As one pack, so that what a few bytes unfold to is never written out.
  'fetch.unpackLimit=1',
  'transfer.unpackLimit=1',
  'fetch.prune=false',
  'fetch.pruneTags=false',
  'fetch.writeCommitGraph=false',
  'fetch.negotiationAlgorithm=consecutive',
  'pack.threads=1',
];

/** The largest piece of memory that a single object of a guest may ask for. */
const ALLOCATION = '1g';

/** The address by which the arguments name the guest. */
export const GUEST = 'fd::3';

export async function askGuest(
  host: Host,
  { guest, repository }: Server,
  asking: Asking,
): Promise<RunResult> {
  const child = await guest.exec({
    argv: ['git', '-c', 'uploadpack.allowAnySHA1InWant=true', 'upload-pack', '--strict', inside.repository],
  });
  const told = quote(child);
  const meter = meterOf(asking.limit);
  child.stdin.on('error', () => undefined);
  child.stdout.on('error', error => meter.destroy(error)).pipe(meter);
  const options: GitOptions = {
    gitDir: repository.commonDir,
    cwd: repository.root,
    timeoutMs: asking.timeoutMs,
    env: {
      GIT_ALLOC_LIMIT: ALLOCATION,
      GIT_NO_LAZY_FETCH: '1',
      ...(asking.objects === undefined ? {} : withApart(asking.objects, repository)),
    },
    conversation: { from: meter, to: child.stdin },
    ...(asking.input === undefined ? {} : { input: asking.input }),
  };
  try {
    return await hostGit(host, [...transport.flatMap(setting => ['-c', setting]), ...asking.args], options);
  } catch (thrown) {
    if (meter.passed > asking.limit) {
      fail('guest-failed', `git inside the sandbox sent more than ${asking.limit} bytes`, { cause: thrown });
    }
    throw plainly(thrown, told());
  } finally {
    await end(child);
    meter.destroy();
  }
}

/** New objects go to a folder apart; those of the repository are borrowed. */
export function withApart(objects: string, { commonDir }: Repository): Record<string, string> {
  return {
    GIT_OBJECT_DIRECTORY: objects,
    GIT_ALTERNATE_OBJECT_DIRECTORIES: JSON.stringify(join(commonDir, 'objects')),
  };
}

type Meter = Transform & { passed: number };

function meterOf(limit: number): Meter {
  const meter = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      meter.passed += chunk.length;
      if (meter.passed > limit) done(new Error('too much'));
      else done(null, chunk);
    },
  }) as Meter;
  meter.passed = 0;
  meter.on('error', () => undefined);
  return meter;
}

const QUOTED = 500;

/** The beginning of what the program says on its other stream; the rest is read and dropped. */
function quote({ stderr }: GuestProcess): () => string {
  let text = '';
  stderr.on('error', () => undefined);
  stderr.on('data', (chunk: Buffer) => {
    if (text.length < QUOTED) text += chunk.toString('latin1');
  });
  return () => text.slice(0, QUOTED);
}

/** What a guest wrote is quoted without what a terminal would obey. */
function plainly(thrown: unknown, told: string): SandboxError {
  const error = toSandboxError(thrown);
  if (error.code !== 'command-failed') return error;
  const said = `${error.message}${told === '' ? '' : `; inside: ${told}`}`;
  const printable = said.replace(/[^\x20-\x7e]+/g, ' ').trim();
  return new SandboxError('guest-failed', `what git inside sent was refused: ${printable}`, {
    hint: 'git fsck inside the sandbox shows damaged objects; heyvm exec runs it',
    cause: thrown,
  });
}

async function end(child: GuestProcess): Promise<void> {
  await child.signal('KILL').catch(() => undefined);
  child.hangUp();
  child.stdin.destroy();
  child.stdout.destroy();
  child.stderr.destroy();
}
