// The names that are refused early are refused by git as well, and no other ones.
import { strict as assert } from 'node:assert';
import { spawnSync } from 'node:child_process';
import { branchProblem } from './branchName.ts';

const names = [
  'main',
  'feature/x',
  'fix-1.2',
  'größe/ä',
  'a@b',
  'x.y/z',
  '#12',
  '',
  '-x',
  'a b',
  'a~1',
  'a^',
  'a:b',
  'a?b',
  'a*b',
  'a[b',
  'a\\b',
  'a..b',
  'a//b',
  '/a',
  'a/',
  'a.',
  '.a',
  'a/.b',
  'a.lock',
  'a.lock/b',
  'a@{b',
  'HEAD',
  'a\tb',
  'a\u0001b',
];

describe('a branch name', () => {
  for (const name of names) {
    it(`${JSON.stringify(name)} is judged as git judges it`, () => {
      const git = spawnSync('git', ['check-ref-format', '--branch', name], { cwd: '/', encoding: 'utf8' });
      assert.equal(git.error, undefined);
      assert.equal(
        branchProblem(name) === undefined,
        git.status === 0,
        `${branchProblem(name)} / ${git.stderr}`,
      );
    });
  }
});
