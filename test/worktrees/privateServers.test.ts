// A guest that answers in the place of its git what no git would, against an import by the host.
import { strict as assert } from 'node:assert';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { unimported } from '../../server/worktrees/unimported.ts';
import { askGuest, GUEST } from '../../server/worktrees/uploadPack.ts';
import { MINE, withHostile } from './support/hostile.ts';

describe('a guest that answers in the place of git', function () {
  this.timeout(180_000);
  const hostile = withHostile();
  const { plant, bring, refused } = hostile;

  /** Comes first in the PATH of guests, as their own programs do. */
  const pretend = (script: string): void => {
    const { lab } = hostile.siege();
    mkdirSync(join(lab.folder, 'guest-home/.local/bin'), { recursive: true });
    plant(`cat > /home/dev/.local/bin/git <<'END'
#!/bin/bash
pkt() { printf '%04x%s' $((\${#1} + 4)) "$1"; }
case "$*" in *upload-pack*) ;; *) exec /usr/bin/git "$@";; esac
${script}
END
chmod +x /home/dev/.local/bin/git`);
  };
  const listing = (...names: string[]): string => {
    const { lab } = hostile.siege();
    const commit = lab.git(lab.main, 'rev-parse', 'other');
    // The listing is answered, and so is the request for its commits, which the host has.
    return `printf '%04x%s %s\\0%s\\n' $((47 + \${#first} + \${#caps})) ${commit} "$first" "$caps"
      ${names.map(name => `pkt "${commit} ${name}"$'\\n'`).join('\n')}
      printf 0000; cat > /dev/null`;
  };
  const withCaps = (...names: string[]): string =>
    `first=refs/heads/first; caps='multi_ack side-band-64k allow-reachable-sha1-in-want object-format=sha1 agent=x'\n${listing(...names)}`;

  it('keeps names below its own place, and says which it does not take', async () => {
    const { lab } = hostile.siege();
    pretend(
      withCaps(
        ...[
          'refs/heads/../../../config',
          'refs/heads/x.lock',
          'refs/heads/-c',
          'refs/heads/a..b',
          'refs/heads/.x',
        ],
        ...[
          'refs/heads/x y',
          'refs/heads/@{0}',
          'refs/heads/good',
          'refs/remotes/origin/evil',
          'refs/replace/x',
        ],
        ...['HEADS', `refs/heads/${'n'.repeat(300)}`],
      ),
    );
    const before = lab.git(
      lab.main,
      'for-each-ref',
      'refs/heads',
      'refs/remotes',
      'refs/replace',
      'refs/tags',
    );
    const { refs, ignored } = await bring();
    assert.deepEqual(refs.map(({ ref }) => ref).sort(), [`${MINE}/heads/first`, `${MINE}/heads/good`]);
    assert.equal(ignored.length, 8);
    assert.equal(
      lab.git(lab.main, 'for-each-ref', 'refs/heads', 'refs/remotes', 'refs/replace', 'refs/tags'),
      before,
    );
    assert.equal((await unimported(lab.host, hostile.siege().target, undefined))?.names.length, 0);
  });

  it('sets no ref when two of them cannot both exist', async () => {
    pretend(withCaps('refs/heads/a', 'refs/heads/a/b'));
    assert.equal((await refused()).code, 'worktree-conflict');
  });

  it('is cut off when it sends without end', async () => {
    pretend('yes zzzz | tr -d "\\n"');
    assert.equal((await refused()).code, 'guest-failed');
    const asking = { args: ['ls-remote', GUEST], limit: 1_000_000, timeoutMs: 60_000 };
    pretend(`yes "$(pkt "$(printf 'a%.0s' {1..40}) refs/heads/x")" | tr -d "\\n"`);
    const error = await refused(askGuest(hostile.siege().lab.host, hostile.server(), asking));
    assert.match(error.message, /more than 1000000 bytes/);
  });

  it('is given up when it says nothing', async () => {
    pretend('sleep 600');
    const asking = { args: ['ls-remote', GUEST], limit: 1_000, timeoutMs: 1_000 };
    assert.equal(
      (await refused(askGuest(hostile.siege().lab.host, hostile.server(), asking))).code,
      'timeout',
    );
  });

  it('is quoted without what a terminal would obey', async () => {
    pretend(`pkt $'ERR \\e]0;evil\\a\\e[2Jgo away'; printf '\\e[31mred' >&2; exit 1`);
    const error = await refused();
    assert.match(error.message, /go away/);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what must not be there.
    assert.doesNotMatch(error.message, /[\x00-\x1f\x7f-\x9f]/);
  });

  it('is not followed to other places', async () => {
    pretend(
      `pkt 'version 2'$'\\n'; pkt 'ls-refs=unborn'$'\\n'; pkt 'fetch=packfile-uris'$'\\n'; pkt 'bundle-uri'$'\\n'; printf 0000; timeout 1 cat >/dev/null`,
    );
    await refused();
  });
});
