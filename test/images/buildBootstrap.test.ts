// A base from a real Debian mirror: what is in it and what is not, its kernel and ramdisk, that it boots, and who can make it.
import { strict as assert } from 'node:assert';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ciImage, ensureCiStore, takeCiImage } from '../../scripts/lib/ciImage.ts';
import { SandboxError } from '../../server/core/errors.ts';
import { checkBoot } from '../../server/images/build/bootCheck.ts';
import { bootstrapImage } from '../../server/images/build/bootstrap.ts';
import { bytesOf } from '../../server/images/build/content.ts';
import { ensureDisk } from '../../server/images/build/ensureDisk.ts';
import { kernelOf } from '../../server/images/build/kernelFiles.ts';
import { bootModules, chooseModules } from '../../server/images/build/modules.ts';
import { type FolderNode, resolve } from '../../server/images/build/rootTree.ts';
import { readTar } from '../../server/images/build/tarRead.ts';
import { unpackKernel } from '../../server/images/build/vmlinux.ts';
import { blobPath, layoutOf } from '../../server/images/layout.ts';
import { readManifest } from '../../server/images/manifest.ts';
import { bundle, guestProgram } from '../../server/platform/bundle.ts';
import { run } from '../../server/platform/run.ts';
import type { ImageManifest } from '../../server/protocol/image.ts';
import { has, newPlace, type Place } from './support.ts';

describe('a base made from packages', function () {
  this.timeout(600_000);
  let place: Place;
  let image: ImageManifest;
  let root: FolderNode;

  before(async function () {
    const missing = ['mmdebstrap', 'mke2fs', 'debugfs', 'qemu-img', 'xz'].find(program => !has(program));
    if (missing !== undefined) {
      console.log(`not run: ${missing} is not installed`);
      return this.skip();
    }
    const store = await ensureCiStore();
    place = newPlace();
    takeCiImage(store, place.deps.paths.home);
    const found = await readManifest(place.deps.paths, ciImage);
    assert.ok(found);
    image = found;
    root = readTar(fileOf('rootfs'));
  });

  after(() => place?.dispose());

  const fileOf = (role: string, from = image): string =>
    blobPath(place.deps.paths, from.files.find(file => file.role === role)?.digest ?? '');

  const textAt = async (path: string): Promise<string> => {
    const node = resolve(root, path);
    return node?.kind === 'file' ? (await bytesOf(node.content)).toString() : '';
  };

  it('has what work in a sandbox needs', () => {
    assert.deepEqual(image.os, { id: 'debian', version: '12', libc: 'glibc' });
    assert.deepEqual([...image.runtimes].sort(), ['node', 'python', 'shell']);
    for (const tool of ['bash', 'git', 'ps', 'less', 'python3', 'node', 'ip', 'ssh']) {
      assert.equal(
        ['usr/bin', 'bin', 'usr/sbin', 'sbin'].some(
          folder => resolve(root, `${folder}/${tool}`)?.kind === 'file',
        ),
        true,
        tool,
      );
    }
    assert.equal(resolve(root, 'etc/ssl/certs/ca-certificates.crt')?.kind, 'file');
  });

  it('has no password, no host key, no identity and no caches', async () => {
    const passwords = (await textAt('etc/shadow'))
      .trim()
      .split('\n')
      .map(line => line.split(':')[1] ?? '');
    assert.ok(passwords.length > 10);
    assert.deepEqual(
      passwords.filter(password => !/^[!*]/.test(password)),
      [],
    );
    const ssh = resolve(root, 'etc/ssh');
    const keys = ssh?.kind === 'folder' ? [...ssh.children.keys()].filter(name => name.includes('host')) : [];
    assert.deepEqual(keys, []);
    assert.equal(await textAt('etc/machine-id'), '');
    assert.equal(await textAt('etc/resolv.conf'), '');
    for (const path of ['var/lib/apt/lists', 'var/cache/apt', 'var/log', 'usr/share/man', 'tmp']) {
      const folder = resolve(root, path);
      assert.deepEqual(folder?.kind === 'folder' ? [...folder.children.keys()] : [], [], path);
    }
  });

  it('has a kernel that starts without being unpacked in the guest, and its modules in order', async () => {
    const kernel = await kernelOf(root);
    assert.ok(kernel);
    const work = { run, signal: place.call.signal, scratch: place.folder, log: assert.fail };
    const unpacked = await unpackKernel(work, kernel.image, place.folder);
    assert.equal(unpacked.format, 'elf');
    const modules = await chooseModules(work, kernel.modules, bootModules);
    const names = modules.map(({ name }) => name);
    for (const wanted of ['virtio_blk', 'virtio_console', 'ext4', '9p', '9pnet_virtio', 'virtiofs'])
      assert.ok(names.includes(wanted), wanted);
    for (const [index, { name, needs }] of modules.entries()) {
      for (const need of needs) assert.ok(names.indexOf(need) < index, `${name} comes after ${need}`);
    }
    // A kernel that is damaged is started as it is, which is slower and says more.
    const broken = Buffer.from(kernel.image).fill(0, kernel.image.length / 2);
    assert.equal((await unpackKernel({ ...work, log: () => {} }, broken, place.folder)).format, 'bzimage');
  });

  it('becomes a disk with its kernel and a ramdisk, once', async () => {
    const agent = guestProgram(bundle.folder);
    const bootable = await ensureDisk(place.deps, { image, agent }, place.call);
    assert.deepEqual(
      bootable.files.map(({ role }) => role),
      ['rootfs', 'disk', 'kernel', 'initrd'],
    );
    const steps = place.call.seen.length;
    assert.deepEqual(await ensureDisk(place.deps, { image, agent }, place.call), bootable);
    assert.equal(place.call.seen.length, steps);
    const listed = listRamdisk(place, fileOf('initrd', bootable));
    assert.ok(listed.includes('init') && listed.includes('lib/modules/list'));
    // Another guest program needs another ramdisk, and nothing else.
    const other = place.file('agent', 'another');
    const second = await ensureDisk(place.deps, { image, agent: other }, place.call);
    const same = (role: string): boolean => fileOf(role, second) === fileOf(role, bootable);
    assert.deepEqual(['disk', 'kernel', 'initrd'].map(same), [true, true, false]);
    // What is damaged is made again, and is the same.
    rmSync(fileOf('kernel', bootable));
    assert.equal(
      fileOf('kernel', await ensureDisk(place.deps, { image, agent }, place.call)),
      fileOf('kernel', bootable),
    );
  });

  it('boots, and one that does not is refused with what it said', async function () {
    if (!has('qemu-system-x86_64')) {
      console.log('not run: qemu-system-x86_64 is not installed');
      this.skip();
    }
    const bootable = await ensureDisk(place.deps, { image, agent: guestProgram(bundle.folder) }, place.call);
    assert.equal(await checkBoot(place.deps, bootable, place.call), 'booted');
    const agent = place.file('no-program', '#!/bin/sh\n');
    const broken = await ensureDisk(place.deps, { image, agent }, place.call);
    await assert.rejects(checkBoot(place.deps, broken, place.call), (error: unknown) => {
      assert.ok(error instanceof SandboxError);
      assert.equal(error.code, 'image-broken');
      assert.match(error.hint ?? '', /Kernel panic/);
      return true;
    });
    assert.deepEqual(readdirSync(layoutOf(place.deps.paths).incoming), []);
  });

  it('is the same when a user without privileges makes it', async function () {
    const user = newUser();
    if (typeof user === 'string') {
      console.log(`not run: ${user}`);
      return this.skip();
    }
    try {
      const outcome = user.run(join(import.meta.dirname, 'fixtures', 'baseMaker.ts'), ciImage);
      assert.equal(outcome.status, 0, outcome.stderr);
      const made = JSON.parse(outcome.stdout) as ImageManifest;
      assert.equal(made.files[0]?.digest, image.files[0]?.digest);
    } finally {
      user.end();
    }
  });

  it('needs ranges of users, and says how they are given', function () {
    const user = newUser('no ranges');
    if (typeof user === 'string') {
      console.log(`not run: ${user}`);
      return this.skip();
    }
    try {
      const outcome = user.run(join(import.meta.dirname, 'fixtures', 'baseMaker.ts'), ciImage);
      assert.notEqual(outcome.status, 0);
      assert.match(outcome.stderr, /no range of subordinate users.*\n.*usermod --add-subuids/);
    } finally {
      user.end();
    }
  });

  it('leaves nothing when it is given up in the middle', async () => {
    const other = newPlace();
    const before = leftovers();
    try {
      const stop = new AbortController();
      const progress = ({ phase }: { phase: string }): void => {
        if (phase === 'unpacking packages') stop.abort();
      };
      const env = { ...process.env, ...other.deps.env };
      const made = bootstrapImage(
        { ...other.deps, env },
        { base: ciImage },
        { signal: stop.signal, progress },
      );
      await assert.rejects(
        made,
        (error: unknown) => error instanceof Error && /abort|cancel/i.test(error.message),
      );
      assert.deepEqual(leftovers(), before);
      assert.deepEqual(readdirSync(layoutOf(other.deps.paths).incoming), []);
      assert.equal(await readManifest(other.deps.paths, ciImage), undefined);
    } finally {
      other.dispose();
    }
  });

  it('is not made again while the same packages are offered, and is with others', async () => {
    const phases: string[] = [];
    const call = { ...place.call, progress: ({ phase }: { phase: string }) => void phases.push(phase) };
    const env = { ...process.env, ...place.deps.env };
    const again = await bootstrapImage({ ...place.deps, env }, { base: ciImage }, call);
    assert.deepEqual([again.cached, again.image], [true, image]);
    assert.deepEqual(phases, ['looking for newer packages']);
    const stop = new AbortController();
    const stopping = ({ phase }: { phase: string }): void => {
      if (phase !== 'looking for newer packages') stop.abort();
    };
    const other = { base: ciImage, include: ['tree'] };
    const made = bootstrapImage({ ...place.deps, env }, other, { signal: stop.signal, progress: stopping });
    await assert.rejects(
      made,
      (error: unknown) => error instanceof Error && /abort|cancel/i.test(error.message),
    );
  });

  it('is refused by names that mean nothing', async () => {
    const make = (more: object): Promise<unknown> =>
      bootstrapImage(place.deps, { base: ciImage, ...more }, place.call);
    await assert.rejects(make({ base: 'plan9:4' }), /no base that can be made/);
    await assert.rejects(make({ include: ['--evil'] }), /no name of a package/);
    await assert.rejects(make({ mirror: 'http://x "y' }), /no address of a mirror/);
  });
});

function listRamdisk(place: Place, path: string): string[] {
  const plain = join(place.folder, 'ramdisk');
  execFileSync('zstd', ['-q', '-d', '-f', path, '-o', plain]);
  const listed = execFileSync('cpio', ['--list', '--quiet'], {
    input: readFileSync(plain),
    encoding: 'utf8',
  });
  return listed.trim().split('\n');
}

function leftovers(): string[] {
  return readdirSync(tmpdir()).filter(name => name.startsWith('heyvm-bootstrap-'));
}

type User = {
  run(script: string, ...words: string[]): { status: number | null; stdout: string; stderr: string };
  end(): void;
};

/** An account of this machine for one test; why there is none where that cannot be. */
function newUser(ranges: 'ranges' | 'no ranges' = 'ranges'): User | string {
  if (process.getuid?.() !== 0) return 'only root can make another user';
  const missing = ['useradd', 'userdel', 'setpriv', 'newuidmap'].find(
    program => !has(program) && !existsSync(`/usr/sbin/${program}`),
  );
  if (missing !== undefined) return `${missing} is not installed`;
  const home = mkdtempSync(join(tmpdir(), 'hvb-'));
  const name = `hvb${process.pid}`;
  rmSync(home, { recursive: true });
  execFileSync('/usr/sbin/useradd', ['--create-home', '--home-dir', home, name], { stdio: 'ignore' });
  if (ranges === 'no ranges') {
    for (const path of ['/etc/subuid', '/etc/subgid']) {
      const lines = readFileSync(path, 'utf8')
        .split('\n')
        .filter(line => !line.startsWith(`${name}:`));
      writeFileSync(path, lines.join('\n'));
    }
  }
  return {
    run: (script, ...words) =>
      spawnSync(
        'setpriv',
        ['--reuid', name, '--regid', name, '--init-groups', process.execPath, script, home, ...words],
        {
          cwd: home,
          encoding: 'utf8',
          env: { PATH: process.env['PATH'], HOME: home, USER: name, HEYO_HOME: join(home, 'h') },
        },
      ),
    end: () => {
      execFileSync('/usr/sbin/userdel', ['--remove', '--force', name], { stdio: 'ignore' });
      rmSync(home, { recursive: true, force: true });
    },
  };
}
