// A root file system that arrives as an archive is written once where its order allows that, and is the same image either way.
import { strict as assert } from 'node:assert';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { SandboxError } from '../../server/core/errors.ts';
import { foreseen, lockAccounts, removeIdentity } from '../../server/images/build/hygiene.ts';
import { type Draft, draftTar, isFinal } from '../../server/images/build/tarDraft.ts';
import { readTar } from '../../server/images/build/tarRead.ts';
import { writeTar } from '../../server/images/build/tarWrite.ts';
import { makeRoot, newPlace, type Place, pack } from './support.ts';

/** As engines order their archives. */
const ordered = ['--sort=name', '--format=pax'];

describe('a root file system that arrives', () => {
  let place: Place;
  let root: string;

  beforeEach(() => {
    place = newPlace();
    root = makeRoot(place);
    write('etc/shadow', 'root:$6$salt$hash:1::::::\nme:!:1::::::\n');
    write('etc/passwd', 'root:old-secret:0:0::/root:/bin/sh\n');
    write('etc-data', 'beside the folder whose name it begins with');
    write('etc/ssh/ssh_host_rsa_key', 'mine alone');
    write('etc/ssh/sshd_config', '');
    write('var/lib/dbus/machine-id', 'id-of-the-maker\n');
    write(`deep/${'n'.repeat(120)}/${'m'.repeat(90)}`, 'far down');
    write('large', Buffer.alloc(3 * 1024 * 1024 + 17, 'large'));
  });

  afterEach(() => place.dispose());

  const write = (path: string, content: string | Buffer): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  };

  /** In pieces of odd sizes, which are written over as soon as the next one is asked for. */
  const draft = (tar: string, length?: number): Promise<Draft> => {
    const bytes = readFileSync(tar).subarray(0, length);
    return draftTar(inPieces(bytes), join(place.folder, 'draft.tar'), foreseen);
  };

  /** What the archive becomes in two passes. */
  const inTwoPasses = async (tar: string): Promise<string> => {
    const tree = readTar(tar);
    await lockAccounts(tree);
    removeIdentity(tree);
    return (await writeTar(tree, join(place.folder, 'two.tar'))).digest;
  };

  const finish = async (found: Draft): Promise<boolean> => {
    await lockAccounts(found.root);
    removeIdentity(found.root);
    return isFinal(found, found.root);
  };

  const packed = (): string => pack(root, join(place.folder, 'root.tar'), ...ordered);

  const changes: readonly (readonly [string, () => void])[] = [
    ['no machine id', () => undefined],
    ['a machine id', () => write('etc/machine-id', 'id-of-the-maker\n')],
    ['a machine id with a second name after it', () => twice('etc/machine-id', 'etc/same-id')],
    ['accounts with a second name after them', () => twice('etc/shadow', 'etc/shadow.copy')],
    ['no accounts', () => rmSync(join(root, 'etc/shadow'))],
    ['no etc', () => rmSync(join(root, 'etc'), { recursive: true })],
  ];

  const twice = (path: string, other: string): void => {
    if (path === 'etc/machine-id') write(path, 'known to two\n');
    linkSync(join(root, path), join(root, other));
  };

  for (const [name, change] of changes) {
    it(`is written once: ${name}`, async () => {
      change();
      const tar = packed();
      const found = await draft(tar);
      assert.equal(await finish(found), true);
      const bytes = readFileSync(found.path);
      assert.equal(found.digest, `sha256:${createHash('sha256').update(bytes).digest('hex')}`);
      assert.equal(found.bytes, bytes.length);
      assert.equal(found.digest, await inTwoPasses(tar));
      for (const secret of ['$6$salt', 'old-secret', 'mine alone', 'id-of-the-maker']) {
        const mayStay = secret === '$6$salt' && name.startsWith('accounts');
        assert.equal(bytes.includes(secret), mayStay, secret);
      }
    });
  }

  const others: readonly (readonly [string, () => string])[] = [
    ['another order', anotherOrder],
    ['a file that comes twice', () => appended('large')],
    ['a folder that changes later', () => appended('etc', '--no-recursion', '--mode=0700')],
    ['accounts behind a link', behindLink],
    ['names that lead through a link', throughLink],
  ];

  function anotherOrder(): string {
    const tar = join(place.folder, 'root.tar');
    execFileSync('tar', ['-cf', tar, '-C', root, './var', './usr', './etc']);
    return tar;
  }

  function appended(path: string, ...options: string[]): string {
    const tar = packed();
    execFileSync('tar', [...options, '--append', '-f', tar, '-C', root, `./${path}`]);
    return tar;
  }

  function behindLink(): string {
    write('etc/real', readFileSync(join(root, 'etc/shadow')));
    rmSync(join(root, 'etc/shadow'));
    symlinkSync('real', join(root, 'etc/shadow'));
    return packed();
  }

  function throughLink(): string {
    const tar = packed();
    rmSync(join(root, 'bin'));
    write('bin/late', 'through the link');
    execFileSync('tar', ['--append', '-f', tar, '-C', root, './bin/late']);
    return tar;
  }

  for (const [name, make] of others) {
    it(`is written again: ${name}`, async () => {
      const tar = make();
      const found = await draft(tar);
      assert.equal(await finish(found), false);
      const { digest } = await writeTar(found.root, join(place.folder, 'again.tar'));
      assert.equal(digest, await inTwoPasses(tar));
    });
  }

  it('is refused where it was cut off, in the words for a file that was', async () => {
    const tar = packed();
    const { length } = readFileSync(tar);
    for (const at of [0, 100, 512, 1024 * 1024, length - 10_240]) {
      rmSync(join(place.folder, 'draft.tar'), { force: true });
      await assert.rejects(draft(tar, at), (error: unknown) => {
        assert.ok(error instanceof SandboxError);
        assert.match(error.message, /ends (before its end mark|in the middle of)/);
        return error.code === 'image-broken';
      });
    }
  });

  it('is refused where it leads out of the root', async () => {
    write('x', 'x');
    const tar = pack(root, join(place.folder, 'bad.tar'), '--transform=s,^./x$,../x,', '-P');
    await assert.rejects(draft(tar), /leads out of the root file system/);
  });
});

async function* inPieces(bytes: Buffer): AsyncGenerator<Buffer, void, undefined> {
  const piece = Buffer.alloc(70_001);
  for (let at = 0, size = 1; at < bytes.length; size = (size * 7 + 13) % piece.length) {
    const length = bytes.copy(piece, 0, at, at + Math.max(1, size));
    yield piece.subarray(0, length);
    at += length;
  }
}
