// What a link from outside asks for: <scheme>://heyvm.heyvm/open?repo=<folder>&branch=<branch>.
import { isAbsolute } from 'node:path';
import { branchProblem } from './branchName.ts';
import { CallFailure } from './failure.ts';

export type Link = { readonly repository: string; readonly branch: string };

/** The question to the person shows both names, so they must hold nothing that moves or hides the text around it. */
const unseen = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

/** Fails with `usage`, in words for the person who followed the link. */
export function readLink(path: string, query: string): Link {
  if (path !== '/open') throw wrong(`there is nothing at ${path}`);
  const given = new URLSearchParams(query);
  const unknown = [...given.keys()].find(name => name !== 'repo' && name !== 'branch');
  if (unknown !== undefined) throw wrong(`it has a part ${JSON.stringify(unknown)}`);
  const [repository = '', branch = ''] = ['repo', 'branch'].map(name => given.get(name) ?? '');
  if (given.getAll('repo').length !== 1 || given.getAll('branch').length !== 1)
    throw wrong('it must name one repo and one branch');
  if (!isAbsolute(repository) || unseen.test(repository))
    throw wrong('repo must be the absolute path of a folder');
  if (/^[\\/]{2}/.test(repository)) throw wrong('repo must be a folder of this machine');
  const problem = unseen.test(branch) ? 'it has characters that cannot be seen' : branchProblem(branch);
  if (problem !== undefined) throw wrong(`branch: ${problem}`);
  return { repository, branch };
}

function wrong(why: string): CallFailure {
  return new CallFailure({
    code: 'usage',
    message: `this link cannot be opened: ${why}`,
    hint: 'links look like /open?repo=<folder>&branch=<branch>',
  });
}
