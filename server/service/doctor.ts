// The doctor: looks at everything that must be right, and says what mends the rest.
import { existsSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { backends } from '../backends/registry.ts';
import { toSandboxError } from '../core/errors.ts';
import { ensureFolder } from '../platform/files.ts';
import type { Handlers } from '../protocol/contract.ts';
import type { Check, Problem } from '../protocol/doctor.ts';
import type { HelperContract } from '../protocol/helper.ts';
import { readSettings } from '../store/settings.ts';
import { availabilityOf } from './availability.ts';
import type { CallContext, ServiceDeps } from './deps.ts';
import { findLeftovers } from './leftovers.ts';

const OLDEST_NODE = 22;
const OLDEST_GIT = [2, 20] as const;
const LITTLE_SPACE = 512 * 1024 * 1024;
const LOOK_MS = 10_000;

type Finding = Omit<Check, 'id' | 'title'>;
type Look = { readonly id: string; readonly title: string; readonly look: () => Finding | Promise<Finding> };

type Methods = Extract<keyof HelperContract, `doctor/${string}`>;

export function doctorHandlers(deps: ServiceDeps): Pick<Handlers<HelperContract, CallContext>, Methods> {
  return {
    'doctor/run': async (_params, context) => ({ checks: await lookAtAll(deps, context) }),
    'doctor/bundle': async (params, context) => {
      const { makeBundle } = await import('./supportBundle.ts');
      return await makeBundle(deps, { ...params, checks: await lookAtAll(deps, context) });
    },
  };
}

async function lookAtAll(deps: ServiceDeps, { signal, progress }: CallContext): Promise<Check[]> {
  const looks = [...ownLooks(deps, signal), ...backendLooks(deps, signal)];
  const checks = looks.map(async ({ id, title, look }): Promise<Check> => {
    progress({ phase: 'checking', detail: title });
    return { id, title, ...(await attempt(look)) };
  });
  const done = await Promise.all(checks);
  signal.throwIfAborted();
  return done;
}

function ownLooks(deps: ServiceDeps, signal: AbortSignal): Look[] {
  const { paths } = deps;
  return [
    { id: 'node', title: 'Node.js', look: checkNode },
    { id: 'store', title: `Store ${paths.home}`, look: () => checkStore(deps) },
    { id: 'disk', title: 'Free disk space', look: () => checkSpace(paths.home) },
    { id: 'settings', title: 'Settings', look: () => checkSettings(deps) },
    { id: 'git', title: 'git', look: () => checkGit(deps, signal) },
    { id: 'ssh-client', title: 'OpenSSH client', look: () => checkSsh(deps, signal) },
    { id: 'ssh-config', title: 'OpenSSH configuration', look: () => checkSshConfig(deps, signal) },
    { id: 'sandboxes', title: 'Sandboxes', look: () => checkSandboxes(deps) },
    { id: 'leftovers', title: 'Leftovers', look: () => checkLeftovers(deps) },
  ];
}

/** One that this machine does not have is `absent`: only a machine without any is in trouble. */
function backendLooks(deps: ServiceDeps, signal: AbortSignal): Look[] {
  return backends.map(backend => ({
    id: `backend:${backend.manifest.id}`,
    title: backend.manifest.title,
    look: async () => {
      const found = await availabilityOf(deps, backend, signal);
      const { id, capabilities, verified } = backend.manifest;
      const { boundary, caveats } = found.kind === 'ready' ? found.capabilities : capabilities;
      const about = { backend: { id, boundary, verified, caveats: [...caveats] } };
      if (found.kind === 'ready') return { ...ok([found.version, ...found.notes].join('; ')), ...about };
      const state = backends.length === 1 ? 'error' : 'absent';
      if (found.kind === 'unsupported') return { state, detail: found.why, ...about };
      return { state, detail: found.what, fix: found.fix, ...about };
    },
  }));
}

async function attempt(look: Look['look']): Promise<Finding> {
  try {
    return await look();
  } catch (thrown) {
    const error = toSandboxError(thrown);
    return {
      state: 'error',
      detail: error.message,
      ...(error.hint === undefined ? {} : { fix: error.hint }),
    };
  }
}

function ok(detail: string): Finding {
  return { state: 'ok', detail };
}

function checkNode(): Finding {
  const { version, versions } = process;
  if (Number(versions.node.split('.')[0]) >= OLDEST_NODE) return ok(version);
  return { state: 'error', detail: `${version} is too old`, fix: `install Node ${OLDEST_NODE} or newer` };
}

async function checkStore({ paths }: ServiceDeps): Promise<Finding> {
  for (const folder of [paths.home, paths.sandboxes, paths.run]) await ensureFolder(folder);
  const moved = paths.run.startsWith(paths.home)
    ? ''
    : `; sockets are in ${paths.run}, because its path is long`;
  return ok(`readable by you alone${moved}`);
}

async function checkSpace(home: string): Promise<Finding> {
  const { bavail, bsize } = await statfs(home);
  const free = bavail * bsize;
  const detail = `${Math.floor(free / 1024 ** 2)} MiB free`;
  return free > LITTLE_SPACE
    ? ok(detail)
    : { state: 'warning', detail, fix: 'free some space, or run heyvm prune' };
}

function checkSettings({ paths }: ServiceDeps): Finding {
  const { problems } = readSettings(paths);
  if (problems.length > 0) return troubled(problems);
  return ok(existsSync(paths.settings) ? paths.settings : 'none, so the defaults hold');
}

async function checkGit({ run }: ServiceDeps, signal: AbortSignal): Promise<Finding> {
  const { stdout } = await run(['git', '--version'], { signal, timeoutMs: LOOK_MS });
  const [major = 0, minor = 0] = (/(\d+)\.(\d+)/.exec(stdout)?.slice(1) ?? []).map(Number);
  const [wantedMajor, wantedMinor] = OLDEST_GIT;
  const fresh = major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
  const detail = stdout.trim();
  return fresh ? ok(detail) : { state: 'error', detail, fix: `install git ${OLDEST_GIT.join('.')} or newer` };
}

async function checkSsh({ run }: ServiceDeps, signal: AbortSignal): Promise<Finding> {
  const { stderr } = await run(['ssh', '-V'], { signal, timeoutMs: LOOK_MS });
  return ok(stderr.trim());
}

async function checkSshConfig(deps: ServiceDeps, signal: AbortSignal): Promise<Finding> {
  const { sshHandlers } = await import('./ssh.ts');
  const status = await sshHandlers(deps)['ssh/status']({}, { signal, progress: () => {} });
  if (status.effective) return ok(`${status.config} includes the aliases`);
  const fix = 'heyvm ssh-config --install';
  if (!status.installed)
    return { state: 'absent', detail: `${status.config} does not include the aliases`, fix };
  return { state: 'warning', detail: status.problem ?? 'the aliases have no effect', fix };
}

async function checkSandboxes({ sandboxes }: ServiceDeps): Promise<Finding> {
  const { entries, problems } = await sandboxes.list();
  return problems.length === 0 ? ok(`${entries.length} in the store`) : troubled(problems);
}

function troubled(problems: readonly Problem[]): Finding {
  const detail = problems.map(problem => problem.message).join('; ');
  const fix = problems.find(({ hint }) => hint !== undefined)?.hint;
  return {
    state: 'warning',
    detail,
    ...(fix === undefined ? {} : { fix }),
    problems: problems.map(problem => ({ ...problem })),
  };
}

async function checkLeftovers(deps: ServiceDeps): Promise<Finding> {
  const found = await findLeftovers(deps);
  if (found.length === 0) return ok('none');
  return { state: 'warning', detail: found.map(({ what }) => what).join('; '), fix: 'heyvm prune' };
}
