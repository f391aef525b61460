// Links come from anywhere, so that everything about them is checked.
import { strict as assert } from 'node:assert';
import { readLink } from './link.ts';

describe('a link', () => {
  it('names a repository and a branch', () => {
    assert.deepEqual(readLink('/open', 'repo=/home/me/a%20b&branch=feature/x'), {
      repository: '/home/me/a b',
      branch: 'feature/x',
    });
  });

  const refused = [
    ['/delete', 'repo=/a&branch=b', /nothing at/],
    ['/open', '', /one repo and one branch/],
    ['/open', 'repo=/a', /one repo and one branch/],
    ['/open', 'repo=/a&repo=/b&branch=c', /one repo and one branch/],
    ['/open', 'repo=a&branch=b', /absolute path/],
    ['/open', 'repo=/a%00b&branch=c', /absolute path/],
    ['/open', 'repo=/a%0Ab&branch=c', /absolute path/],
    ['/open', 'repo=/a%E2%80%AEb&branch=c', /absolute path/],
    ['/open', 'repo=/a%E2%80%A9b&branch=c', /absolute path/],
    ['/open', 'repo=//server/share&branch=c', /folder of this machine/],
    ['/open', 'repo=/%5Cserver/share&branch=c', /folder of this machine/],
    ['/open', 'repo=/a&branch=b%E2%80%AE', /cannot be seen/],
    ['/open', 'repo=/a&branch=--upload-pack', /cannot begin with -/],
    ['/open', 'repo=/a&branch=a%20b', /no spaces/],
    ['/open', 'repo=/a&branch=b&backend=docker', /a part "backend"/],
  ] as const;
  for (const [path, query, why] of refused) {
    it(`is refused: ${path}?${query}`, () => {
      assert.throws(() => readLink(path, query), { code: 'usage', message: why });
    });
  }
});
