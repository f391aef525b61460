// What `heyvm wt` does without opening anything: list, remove, diff, merge and import.
import type { Context } from './command.ts';
import { statusCell, table } from './render.ts';
import { warnOfWorktree } from './warnings.ts';

export async function list({ out, call, cwd }: Context): Promise<undefined> {
  const { worktrees } = await call('worktree/list', { cwd });
  out.result(worktrees, () => {
    const rows = worktrees.map(({ branch, path, sandbox }) => [
      branch,
      sandbox?.name ?? '-',
      sandbox === undefined ? '-' : statusCell(sandbox),
      path,
    ]);
    return rows.length === 0 ? '' : table(out, ['BRANCH', 'SANDBOX', 'STATUS', 'WORKTREE'], rows);
  });
  for (const worktree of worktrees) warnOfWorktree(out, worktree);
  if (worktrees.length === 0) out.note('no worktree has a sandbox; make one with: heyvm wt <branch>');
}

export async function remove({ args, out, call, cwd }: Context): Promise<undefined> {
  const answer = await call('worktree/remove', {
    cwd,
    branch: args.argument('branch'),
    force: args.flag('force'),
  });
  out.result(answer, () => {
    const sandbox = answer.sandbox === undefined ? '' : ` and sandbox ${answer.sandbox}`;
    return `removed worktree ${answer.path}${sandbox}; the branch stays`;
  });
}

export async function diff({ args, out, call, cwd }: Context): Promise<undefined> {
  const base = args.string('base');
  const branch = args.argument('branch');
  const answer = await call('worktree/diff', {
    cwd,
    branch,
    stat: args.flag('stat'),
    ...(base === undefined ? {} : { base }),
  });
  if (out.format === 'json') out.result(answer, () => '');
  else await out.writeForeign(answer.patch);
  if (answer.patch === '') out.note(`${branch} has no changes since ${answer.base}`);
}

export async function merge({ args, out, call, cwd }: Context): Promise<undefined> {
  const answer = await call('worktree/merge', { cwd, branch: args.argument('branch') });
  out.result(answer, () =>
    answer.kind === 'up-to-date'
      ? `${answer.into} has everything of ${answer.branch} already`
      : `merged ${answer.branch} into ${answer.into}: ${answer.commit} (${answer.kind})`,
  );
}

export async function bring({ args, out, call, cwd }: Context): Promise<undefined> {
  const branch = args.argument('branch');
  const answer = await call('worktree/import', { cwd, branch });
  out.result(answer, () =>
    answer.refs
      .map(({ ref, commit, commits, kind }) => {
        const how = {
          new: 'new',
          forward: 'moved on',
          rewritten: 'written anew; git reflog has what was before',
        };
        return `${ref} ${commit.slice(0, 12)} (${how[kind]}, ${commits} ${commits === 1 ? 'commit' : 'commits'} that no branch has)`;
      })
      .join('\n'),
  );
  for (const name of answer.ignored) out.note(`not imported, because its name cannot be kept here: ${name}`);
  if (answer.refs.length === 0) out.note(`nothing to import: everything of ${branch} is here`);
}
