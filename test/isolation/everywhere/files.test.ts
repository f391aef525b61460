// Attacks from inside any guest on files of the host and of other sandboxes.
import { strict as assert } from 'node:assert';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { bundle, guestProgram } from '../../../server/platform/bundle.ts';
import { type Bench, makeBench } from '../../contract/bench.ts';
import { declareGate } from '../support/tally.ts';
import { type Attack, asStrongest, holds, prisons, whyNot, withTarget } from '../support/target.ts';

const SECRET = `secret-of-the-host-${process.pid}`;

const attacks: readonly Attack[] = [
  { what: 'a file beside the workspace', script: 'cat "$BESIDE"' },
  { what: 'a file above the workspace', script: 'cat "$W/../beside" "$W/./../beside" "$W//..//beside"' },
  { what: 'a link in the workspace that leads out', script: 'cat "$W/out"' },
  { what: 'a relative link in the workspace that leads out', script: 'cat "$W/up" "$W/deep/up"' },
  { what: 'a link to the root', script: 'cat "$W/root$BESIDE"' },
  { what: 'a link that it makes itself', script: 'ln -sfn "$BESIDE" "$W/mine"; cat "$W/mine"' },
  { what: 'a link to a folder that it makes itself', script: 'ln -sfn "$FOLDER" "$W/m"; cat "$W/m/beside"' },
  { what: 'a hard link', script: 'rm -f "$W/hard"; ln "$BESIDE" "$W/hard" && cat "$W/hard"' },
  {
    what: 'the folder it stands in',
    script: 'cd "$W/deep"; cat ../../beside; cat /proc/self/cwd/../../beside',
  },
  { what: 'a descriptor of a folder', script: 'exec 3<"$W/deep"; cat /proc/self/fd/3/../../beside' },
  { what: 'the workspace of another sandbox', script: 'cat "$OTHER/secret"' },
].map(attack => ({ ...attack, marker: SECRET }));

describe('isolation everywhere: files', function () {
  this.timeout(120_000);
  for (const backend of prisons()) {
    describe(backend.manifest.id, () => {
      let other: Bench | undefined;
      const names = (bench: Bench) => ({
        BESIDE: join(bench.folder, 'beside'),
        FOLDER: bench.folder,
        OTHER: other?.workspace ?? '',
        STATE: bench.context.state,
        RUN: bench.context.runtime,
      });
      const target = withTarget(backend, {
        names,
        prepare: async bench => {
          other = await makeBench(backend);
          writeFileSync(join(other.workspace, 'secret'), SECRET);
          plant(bench);
        },
      });

      after(async () => {
        await other?.dispose();
        other = undefined;
      });

      for (const attack of attacks) {
        it(`${attack.what} does not lead out`, () => holds(target(), attack, names(target().bench)));
      }

      it('who it is on the host is not told', async () => {
        const { stdout } = await target().sh(
          'cat /etc/machine-id /proc/1/cmdline /proc/self/mountinfo | tr "\\0" " "',
        );
        const id = readFileSync('/etc/machine-id', 'utf8').trim();
        assert.ok(id === '' || !stdout.includes(id));
      });

      it('its own state, its sockets and its mounts’ sources are not there', async () => {
        const { context } = target().bench;
        const places = [context.state, context.runtime].filter(path => existsSync(path));
        assert.ok(
          places.length > 0 && places.some(path => readdirSync(path).length > 0),
          'there is nothing to hide',
        );
        const { stdout } = await target().sh(
          'ls -A "$STATE" "$RUN" "$FOLDER" "$OTHER" 2>/dev/null | grep -v ":$"; true',
        );
        assert.equal(stdout.trim(), '');
      });

      it('what it moves, links and makes in the workspace stays in the workspace', async () => {
        const { bench, sh } = target();
        const before = listing(bench.folder);
        await sh(
          'cd "$W"; echo x >new; mv new ../new; mv new "$FOLDER/new"; ln -sfn .. climb; echo x >climb/new; ' +
            'mkdir -p a/b; mv a/b ../b; ln -sfn "$FOLDER" f; cp new f/new; ln victim f/hard; mkdir f/made; ' +
            'exec 3<.; cp new /proc/self/fd/3/../new; cd a; mv ../../workspace ../../moved; rm -rf ../../state',
        );
        assert.deepEqual(listing(bench.folder), before);
        assert.ok(existsSync(join(bench.workspace, 'new')) || existsSync(join(bench.workspace, 'climb')));
        assert.equal(readlinkSync(join(bench.workspace, 'climb')), '..');
      });

      it('the program that runs in every guest cannot be changed from inside', async () => {
        const program = guestProgram(bundle.folder);
        const before = digest(program);
        await target().sh(
          'for f in /proc/1/exe /proc/2/exe /proc/self/exe /opt/heyvm/* $(find / -xdev -name "*heyvm*" -type f 2>/dev/null); do ' +
            'echo x >>"$f"; cp /bin/true "$f"; mv /bin/true "$f"; rm -f "$f"; mount -o remount,rw "$f"; umount "$f"; done 2>/dev/null',
        );
        assert.equal(digest(program), before);
      });

      it('makes folders where the group of a folder is passed on', async () => {
        const { bench, sh } = target();
        mkdirSync(join(bench.workspace, 'shared'));
        chmodSync(join(bench.workspace, 'shared'), 0o2775);
        await sh('cd "$W/shared" && umask 022 && mkdir -p made/below && touch made/below/file');
        const made = statSync(join(bench.workspace, 'shared', 'made', 'below'));
        assert.equal(made.mode & 0o7777, 0o2755);
        assert.ok(existsSync(join(bench.workspace, 'shared', 'made', 'below', 'file')));
      });

      it('makes no file in the workspace that lends the identity of somebody else', async () => {
        const { bench, sh } = target();
        await sh(
          'cd "$W"; for m in 6755 4755 2755; do cp /bin/true lent$m; chown 0:0 lent$m; chmod $m lent$m; install -m $m /bin/true made$m; done; mknod disk b 8 0; mknod memory c 1 1',
        );
        const mine = process.getuid?.() ?? 0;
        const found = readdirSync(bench.workspace).filter(entry => /^(lent|made|disk|memory)/.test(entry));
        assert.ok(found.length >= 3, 'nothing was made');
        for (const name of found.map(entry => join(bench.workspace, entry))) {
          const { mode, uid } = statSync(name);
          assert.equal(uid, mine);
          assert.ok((mode & 0o170000) === 0o100000, `${name} is no file`);
          assert.equal(mode & 0o6000, 0, `${name} lends what its owner may do`);
        }
      });
    });
  }
  declareGate(attacks.length);
});

describe('isolation everywhere: read-only mounts', function () {
  this.timeout(120_000);
  const tries = [
    ...[
      'echo x >$D/file',
      'rm -f $D/file',
      'mv $D $W/away',
      'rm -rf $D/file',
      'chmod 777 $D/file',
      'touch $D/new',
    ],
    ...[
      'mv $D/file $W',
      'ln $D/file $W/hard && echo x >$W/hard',
      'cp /dev/null $D/file',
      'truncate -s 0 $D/file',
    ],
    ...['mount -o remount,rw $D; echo x >$D/file', 'mount -o remount,rw,bind $D; echo x >$D/file'],
    ...[
      'umount $D; echo x >$D/file',
      'umount -l $D; echo x >$D/file',
      'mkdir /tmp/b; mount --bind $D /tmp/b; echo x >/tmp/b/file',
    ],
    ...['unshare -Urm sh -c "mount -o remount,rw,bind $D; umount -l $D; echo x >$D/file"'],
    ...[
      'exec 3<$D/file; echo x >/proc/self/fd/3',
      'exec 3<$D; echo x >/proc/self/fd/3/file',
      'setfattr -n user.x -v y $D/file',
    ],
    // What a machine's root can do that nobody else can: mount what is shared once more, elsewhere and in full.
    'for t in $(cat /sys/bus/virtio/drivers/9pnet_virtio/virtio*/mount_tag | tr "\\0" "\\n"); do mkdir -p /tmp/t; mount -t 9p -o trans=virtio,version=9p2000.L $t /tmp/t; ' +
      'for f in $(find /tmp/t -name file); do echo x >$f; rm -f $f; done; for f in /tmp/t/.. /tmp/t/../..; do echo x >$f/beside; done; umount /tmp/t; done',
  ];

  for (const backend of prisons()) {
    it(`${backend.manifest.id} holds against everything that can be tried on a file`, async function () {
      const why = await whyNot(backend);
      if (why !== undefined) {
        console.log(`not run: ${backend.manifest.id}: ${why}`);
        return this.skip();
      }
      const bench = await makeBench(backend);
      try {
        for (const name of ['ro', 'rw']) {
          mkdirSync(join(bench.folder, name));
          writeFileSync(join(bench.folder, name, 'file'), 'original');
        }
        const { guest } = await bench.start({
          ...asStrongest(backend),
          mounts: [
            ...bench.request().mounts,
            { source: join(bench.folder, 'ro'), target: '/data/ro', mode: 'ro' },
            { source: join(bench.folder, 'rw'), target: '/data/rw', mode: 'rw' },
          ],
        });
        const changes = (name: string): boolean => state(join(bench.folder, name)) !== 'file original';
        let controls = 0;
        for (const attempt of tries) {
          for (const name of ['ro', 'rw']) {
            const child = await guest.exec({
              argv: ['/bin/bash', '-c', `W=/workspace; D=/data/${name}; exec 2>/dev/null; ${attempt}`],
            });
            child.stdout.resume();
            child.stderr.resume();
            await child.exited;
          }
          assert.equal(changes('ro'), false, attempt);
          if (!changes('rw')) continue;
          controls += 1;
          rmSync(join(bench.folder, 'rw', 'new'), { force: true });
          writeFileSync(join(bench.folder, 'rw', 'file'), 'original', { mode: 0o644 });
        }
        console.log(`      ${controls} of ${tries.length} attempts change what may be written`);
        assert.ok(controls >= 8);
      } finally {
        await bench.dispose();
      }
    });
  }
});

function plant({ folder, workspace }: Bench): void {
  writeFileSync(join(folder, 'beside'), SECRET);
  mkdirSync(join(workspace, 'deep'));
  writeFileSync(join(workspace, 'victim'), 'x');
  symlinkSync(join(folder, 'beside'), join(workspace, 'out'));
  symlinkSync('../beside', join(workspace, 'up'));
  symlinkSync('../../beside', join(workspace, 'deep', 'up'));
  symlinkSync('/', join(workspace, 'root'));
  linkSync(join(workspace, 'victim'), join(folder, 'linked'));
}

/** Names and kinds beside the workspace, and what is in the one file. */
function listing(folder: string): string[] {
  return [...readdirSync(folder).sort(), readFileSync(join(folder, 'beside'), 'utf8')];
}

function state(folder: string): string {
  const mode = existsSync(join(folder, 'file')) ? statSync(join(folder, 'file')).mode & 0o777 : 0;
  const names = readdirSync(folder);
  if (mode === 0o777) return 'changed mode';
  return [...names, existsSync(join(folder, 'file')) ? readFileSync(join(folder, 'file'), 'utf8') : ''].join(
    ' ',
  );
}

function digest(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}
