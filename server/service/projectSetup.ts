// What a project wants to be run once in a new sandbox.
import { fail } from '../core/errors.ts';
import type { OwnerConnection } from '../owner/connect.ts';
import { collect } from '../programs/collect.ts';
import { codeOf } from '../programs/exitStatus.ts';
import type { Project } from '../project/spec.ts';
import type { Result } from '../protocol/contract.ts';
import type { HelperContract } from '../protocol/helper.ts';
import { type Entry, updateRecord } from '../store/sandboxes.ts';
import type { CallContext, ServiceDeps } from './deps.ts';

type Setup = Result<HelperContract, 'project/up'>['setup'];

/** What is shown of a setup program that fails. */
const SHOWN_BYTES = 4 * 1024;

export type Inside = {
  readonly project: Pick<Project, 'setup' | 'command' | 'ready'>;
  readonly entry: Entry;
  readonly owner: OwnerConnection;
};

/** Once for a sandbox, unless it is asked for again. */
export async function setUp(
  { paths }: Pick<ServiceDeps, 'paths'>,
  { project, entry, owner, again }: Inside & { readonly again: boolean },
  context: CallContext,
): Promise<Setup> {
  const { id } = entry.record;
  if (entry.record.project?.setup_done === true && !again)
    return project.setup.length === 0 ? 'none' : 'done before';
  for (const argv of project.setup) await runSetup({ project, entry, owner }, argv, context);
  await updateRecord(paths, id, known =>
    known.project === undefined ? known : { ...known, project: { ...known.project, setup_done: true } },
  );
  return project.setup.length === 0 ? 'none' : 'ran';
}

/** A program that fails leaves the sandbox as it is, so that it can be looked into; the next `up` begins anew. */
async function runSetup(
  { entry, owner }: Inside,
  argv: readonly string[],
  { signal, progress }: CallContext,
): Promise<void> {
  const shown = argv.at(-1) ?? '';
  progress({ phase: 'setting up', detail: shown });
  const child = await owner.guest.exec({ argv: [...argv] });
  const cancel = (): void => child.hangUp();
  signal.addEventListener('abort', cancel, { once: true });
  child.stdin.on('error', () => {
    // It need not read its input.
  });
  child.stdin.end();
  const [out, err, status] = await Promise.all([
    collect(child.stdout, SHOWN_BYTES),
    collect(child.stderr, SHOWN_BYTES),
    child.exited,
  ]).finally(() => signal.removeEventListener('abort', cancel));
  signal.throwIfAborted();
  if (status.kind === 'exited' && status.code === 0) return;
  const said = `${out.bytes}${err.bytes}`.trim();
  fail(
    'guest-failed',
    `the setup of ${entry.record.name} failed: ${shown} ended with ${codeOf(status)}${said === '' ? '' : `: ${said}`}`,
    {
      hint: `heyvm sh ${entry.record.name} to look into it; heyvm up tries it again`,
    },
  );
}
