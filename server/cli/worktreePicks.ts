// What `heyvm wt` does with single commits of a branch: it lists them, and takes them over.
import { fail } from '../core/errors.ts';
import type { BranchCommit } from '../protocol/reviewMethods.ts';
import type { Context } from './command.ts';
import { age, table } from './render.ts';

const FULL_ID = /^([0-9a-f]{40}|[0-9a-f]{64})$/;
const PART_OF_ID = /^[0-9a-f]{4,}$/;
const SHOWN_DIGITS = 12;

export async function commits({ args, out, call, cwd }: Context): Promise<undefined> {
  const branch = args.argument('branch');
  const answer = await call('worktree/commits', { cwd, branch });
  out.result(answer, () => {
    const rows = answer.commits.map(({ id, author, authored_at, subject }) => [
      ...[id.slice(0, SHOWN_DIGITS), age(authored_at), author, subject],
    ]);
    return rows.length === 0 ? '' : table(out, ['COMMIT', 'AGE', 'AUTHOR', 'SUBJECT'], rows);
  });
  if (answer.commits.length === 0) out.note(`${answer.into} has everything of ${branch}`);
  else out.note(`take single ones over with: heyvm wt ${branch} --cherry-pick COMMIT`);
}

export async function cherryPick({ args, out, call, cwd }: Context): Promise<undefined> {
  const branch = args.argument('branch');
  const named = args.list('cherry-pick').map(commit => commit.toLowerCase());
  const isWhole = named.every(commit => FULL_ID.test(commit));
  const chosen = isWhole ? named : fullIds(named, branch, await call('worktree/commits', { cwd, branch }));
  const answer = await call('worktree/pick', { cwd, branch, commits: [...chosen] });
  const { taken, into, commit } = answer;
  out.result(answer, () =>
    taken === 0
      ? `${into} has the changes of ${chosen.length === 1 ? 'this commit' : 'these commits'} already`
      : `picked ${taken} ${taken === 1 ? 'commit' : 'commits'} of ${branch} into ${into}: ${commit}`,
  );
}

type Offered = { readonly into: string; readonly commits: readonly BranchCommit[] };

/** A beginning of an id counts among the commits that could be picked, and has to be of one alone. */
function fullIds(named: readonly string[], branch: string, { into, commits }: Offered): readonly string[] {
  return named.map(part => {
    if (FULL_ID.test(part)) return part;
    const hint = `heyvm wt ${branch} --commits lists them`;
    if (!PART_OF_ID.test(part)) {
      fail('usage', `--cherry-pick takes the id of a commit, or at least four digits of it, not "${part}"`, {
        hint,
      });
    }
    const [found, ...others] = commits.filter(({ id }) => id.startsWith(part));
    if (found === undefined) {
      fail('branch-not-found', `${part} is no commit of ${branch} that ${into} lacks`, { hint });
    }
    if (others.length > 0) fail('usage', `several commits of ${branch} begin with ${part}`, { hint });
    return found.id;
  });
}
