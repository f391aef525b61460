// heyvm list: prints all sandboxes as a table.
import { fail } from '../../core/errors.ts';
import type { SandboxInfo } from '../../protocol/sandbox.ts';
import type { Context } from '../command.ts';
import { age, isOutOfReach, statusCell, table } from '../render.ts';
import { warnOfProblems } from '../warnings.ts';

export async function run({ args, out, call }: Context): Promise<undefined> {
  if (args.flag('running') && args.flag('stopped')) {
    fail('usage', '--running and --stopped exclude each other', {
      hint: 'leave both out to see all sandboxes',
    });
  }
  const { sandboxes, problems } = await call('sandbox/list', {});
  const shown = sandboxes.filter(sandbox => {
    const alive = sandbox.owner !== undefined;
    return (!args.flag('running') || alive) && (!args.flag('stopped') || !alive);
  });
  out.result(shown, () => (shown.length === 0 ? '' : listText(out, shown)));
  if (shown.length === 0) {
    out.note(
      sandboxes.length === 0
        ? 'no sandboxes yet; make one with: heyvm wt <branch>'
        : `none of the ${sandboxes.length} sandboxes; heyvm list shows all`,
    );
  }
  for (const { name, status_reason } of shown.filter(isOutOfReach))
    out.warn(`${name} cannot be reached now: ${status_reason}`);
  warnOfProblems(out, problems);
}

function listText(out: Context['out'], sandboxes: readonly SandboxInfo[]): string {
  const rows = sandboxes.map(sandbox => [
    sandbox.name,
    sandbox.id,
    statusCell(sandbox),
    sandbox.backend_type,
    sandbox.policy.network,
    age(sandbox.created_at),
    sandbox.worktree?.branch ?? '-',
  ]);
  return table(out, ['NAME', 'ID', 'STATUS', 'BACKEND', 'NETWORK', 'AGE', 'BRANCH'], rows);
}
