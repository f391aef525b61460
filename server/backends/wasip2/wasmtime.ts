// How the program `wasmtime` is asked to run a module, and what it cannot be asked for; pure.
import { fail } from '../../core/errors.ts';
import type { ExecRequest } from '../../protocol/exec.ts';
import type { Mount } from '../../protocol/sandbox.ts';
import { type Asked, environmentOf, type Started, watched } from './plan.ts';

/** The first version that has all of these flags. */
export const OLDEST = 25;

export function isNewEnough(version: string): boolean {
  return Number.parseInt(version, 10) >= OLDEST;
}

export type Wasmtime = { readonly program: string; readonly fuel: number | undefined };

export function planWasmtime(asked: Asked, exec: ExecRequest, { program, fuel }: Wasmtime): Started {
  refuseGaps(wasmtimeGaps(asked, exec));
  const { host, request, mounts, prepared } = asked;
  const [name = 'program', ...args] = exec.argv;
  const folders = [...mounts, ...currentFolder(mounts, exec.cwd ?? '/workspace')];
  for (const { source, target } of folders) refuseColons(source, target);
  const argv = watched(host, [
    program,
    // Its cache would lie in the home of the person.
    ...['run', '-C', 'cache=n'],
    ...folders.flatMap(({ source, target }) => ['--dir', `${source}::${target}`]),
    ...Object.entries(environmentOf(request, exec)).flatMap(([key, value]) => ['--env', `${key}=${value}`]),
    ...(request.limits.memory === undefined ? [] : ['-W', `max-memory-size=${request.limits.memory}`]),
    ...(fuel === undefined ? [] : ['-W', `fuel=${fuel}`]),
    ...['-S', 'cli-exit-with-code=y'],
    ...(request.network === 'open' ? OPEN : CLOSED),
    ...['--argv0', name, '--', `${prepared}/module.wasm`, ...args],
  ]);
  return { argv, env: {} };
}

const OPEN = ['-S', 'inherit-network=y', '-S', 'allow-ip-name-lookup=y', '-S', 'http=y'];
const CLOSED = ['-S', 'tcp=n', '-S', 'udp=n'];

/** What it cannot do for this program; empty when it can run it. */
export function wasmtimeGaps(
  { request, mounts, host }: Asked,
  exec: Pick<ExecRequest, 'env'>,
): readonly string[] {
  const nested = mounts.some(({ target }) => mounts.some(other => target.startsWith(`${other.target}/`)));
  const named = Object.keys({ ...request.env, ...exec.env }).filter(name => !shown.test(name));
  return [
    ...(mounts.some(({ mode }) => mode === 'ro') ? ['show folders read-only'] : []),
    ...(nested ? ['show a folder inside another one'] : []),
    ...(host.uid === 0 && request.owner.uid !== 0 ? ['make files for another user'] : []),
    ...(named.length === 0 ? [] : [`be given ${named.join(', ')} unseen by others on this machine`]),
  ];
}

/** Its variables stand in the list of processes, where everybody reads. */
const shown = /^(LANG|LC_\w+|TERM|COLORTERM)$/;

function refuseGaps(gaps: readonly string[]): void {
  if (gaps.length === 0) return;
  fail('policy-unenforceable', `wasmtime cannot ${gaps.join(', and cannot ')}`, {
    hint: 'leave backends.wasip2.runtime out: Node can',
  });
}

/** It would take what stands before them for the folder, which may be a link to anywhere. */
function refuseColons(...paths: readonly string[]): void {
  const path = paths.find(one => one.includes('::'));
  if (path === undefined) return;
  fail('policy-unenforceable', `wasmtime cannot show ${path}, because its name holds two colons`, {
    hint: 'leave backends.wasip2.runtime out: Node can',
  });
}

function currentFolder(mounts: readonly Mount[], path: string): { source: string; target: string }[] {
  const mount = mounts.findLast(({ target }) => path === target || path.startsWith(`${target}/`));
  if (mount === undefined) return [];
  return [{ source: mount.source + path.slice(mount.target.length), target: '.' }];
}
