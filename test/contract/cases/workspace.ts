// Contract: the guest sees the workspace in the way that the manifest says, and the mounts that were asked for.
import { strict as assert } from 'node:assert';
import { mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Mount } from '../../../server/protocol/sandbox.ts';
import { type Bench, runIn, succeeded } from '../bench.ts';
import { caseFor } from '../claims.ts';
import type { Subject } from '../suite.ts';

export function workspaceCases(subject: Subject): void {
  const { bench } = subject;
  const bound = caseFor(subject, {
    what: 'live folders',
    of: ({ workspace }) => workspace === 'bind' || workspace === 'shared' || workspace === 'reverse-sftp',
  });
  describe('workspace', () => {
    bound('shows files of the host, and files of the guest on the host', async () => {
      writeFileSync(join(bench().workspace, 'from-host'), 'host');
      const { guest } = await bench().start();
      assert.equal((await runIn(guest, ['cat', 'from-host'])).stdout, 'host');
      await runIn(guest, 'printf guest >from-guest');
      assert.equal(readFileSync(join(bench().workspace, 'from-guest'), 'utf8'), 'guest');
    });

    bound('keeps the home across a stop', async () => {
      const { guest } = await bench().start();
      await runIn(guest, 'echo kept >$HOME/kept');
      await guest.stop({ graceMs: 5_000 });
      const again = await bench().start();
      assert.equal((await runIn(again.guest, 'cat $HOME/kept')).stdout, 'kept\n');
    });

    bound('does not keep what is temporary', async () => {
      const { guest } = await bench().start();
      await runIn(guest, 'echo gone >/tmp/gone');
      await guest.stop({ graceMs: 5_000 });
      const again = await bench().start();
      assert.notDeepEqual((await runIn(again.guest, 'test -e /tmp/gone')).status, succeeded);
    });

    bound('takes read-only mounts that nobody inside can write to', async () => {
      const extra = folder(bench(), 'extra', { file: 'content' });
      const { guest } = await bench().start(mounts(bench(), { source: extra, target: '/data', mode: 'ro' }));
      assert.equal((await runIn(guest, ['cat', '/data/file'])).stdout, 'content');
      assert.notDeepEqual((await runIn(guest, 'echo x >/data/file')).status, succeeded);
      assert.notDeepEqual((await runIn(guest, 'rm -f /data/file && test ! -e /data/file')).status, succeeded);
      assert.equal(readFileSync(join(extra, 'file'), 'utf8'), 'content');
    });

    bound('lays later mounts over earlier ones', async () => {
      mkdirSync(join(bench().workspace, 'inner'));
      const over = folder(bench(), 'over', { file: 'over' });
      const { guest } = await bench().start(
        mounts(bench(), { source: over, target: '/workspace/inner', mode: 'ro' }),
      );
      assert.equal((await runIn(guest, 'cat inner/file')).stdout, 'over');
      assert.notDeepEqual((await runIn(guest, 'mv inner moved')).status, succeeded);
    });

    bound('names the mount whose source has vanished', async () => {
      const gone = join(bench().folder, 'gone');
      await assert.rejects(bench().start(mounts(bench(), { source: gone, target: '/data', mode: 'ro' })), {
        code: 'path-not-found',
        message: new RegExp(gone),
      });
    });

    for (const target of [
      '/',
      '/usr',
      '/usr/lib/x',
      '/proc',
      '/proc/1',
      '/dev/shm',
      '/etc/passwd',
      '/tmp',
      '/opt/heyvm/guest',
      'data',
      '/data/../etc',
      '/data//x',
    ]) {
      bound(`refuses ${target} as a mount point`, async () => {
        const source = folder(bench(), 'source', {});
        await assert.rejects(bench().start(mounts(bench(), { source, target, mode: 'ro' })), {
          code: 'usage',
        });
      });
    }

    bound('does not follow a link that the guest put in the place of a mount source', async () => {
      const inner = join(bench().workspace, 'inner');
      mkdirSync(inner);
      const change = mounts(bench(), { source: inner, target: '/workspace/inner', mode: 'ro' });
      const { guest } = await bench().start(change);
      await guest.stop({ graceMs: 5_000 });
      rmSync(inner, { recursive: true });
      symlinkSync('/etc', inner);
      await assert.rejects(bench().start(change), { code: 'policy-refused' });
    });

    bound('does not follow a link that stands in the way to a mount point', async () => {
      const source = folder(bench(), 'source', { file: 'x' });
      mkdirSync(join(bench().workspace, 'real'));
      symlinkSync('real', join(bench().workspace, 'linked'));
      const change = mounts(bench(), { source, target: '/workspace/linked/deep', mode: 'ro' });
      await assert.rejects(bench().start(change), { code: 'policy-refused' });
    });

    bound('does not open another folder than the one that it was made for', async () => {
      const { guest, ref, request } = await bench().start();
      await guest.stop({ graceMs: 5_000 });
      renameSync(bench().workspace, `${bench().workspace}-moved`);
      symlinkSync('/etc', bench().workspace);
      await assert.rejects(bench().driver.open(bench().context, ref, request), { code: 'policy-refused' });
    });
  });
}

function folder({ folder: base }: Bench, name: string, files: Readonly<Record<string, string>>): string {
  const path = join(base, name);
  mkdirSync(path);
  for (const [file, content] of Object.entries(files)) writeFileSync(join(path, file), content);
  return path;
}

function mounts(bench: Bench, ...more: Mount[]): { mounts: Mount[] } {
  return { mounts: [...bench.request().mounts, ...more] };
}
