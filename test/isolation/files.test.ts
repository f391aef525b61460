// Attacks from inside on files of the host: nothing is there to be read, and what is shown cannot be changed.
import { strict as assert } from 'node:assert';
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { bubblewrap } from '../../server/backends/bubblewrap/index.ts';
import { type Bench, makeBench } from '../contract/bench.ts';
import { withAttacker } from './attacker.ts';

describe('isolation: files', () => {
  let other: Bench | undefined;
  const attacker = withAttacker({
    prepare(bench) {
      writeFileSync(join(bench.folder, 'secret'), 'secret of the host');
      symlinkSync(join(bench.folder, 'secret'), join(bench.workspace, 'link'));
      symlinkSync('/etc/shadow', join(bench.workspace, 'shadow'));
      symlinkSync('../secret', join(bench.workspace, 'up'));
      writeFileSync(join(bench.workspace, 'victim'), 'x');
    },
  });
  const silent = async (script: string): Promise<void> => {
    const { stdout } = await attacker().sh(`{ ${script}; } 2>/dev/null; true`);
    assert.equal(stdout, '', script);
  };

  before(async () => {
    other = await makeBench(bubblewrap);
    await other.start();
  });

  after(async () => {
    await other?.dispose();
  });

  it('the homes of the host are not there', async () => {
    const { stdout } = await attacker().sh(
      'ls /home; ls -d /root /mnt /media /srv /boot /sys /lost+found 2>/dev/null; true',
    );
    assert.equal(stdout, 'dev\n');
    await silent(`ls -a ${homedir()} | grep -v '^\\.*$'`);
  });

  it('a file beside the workspace is not there, by its name or over links in the workspace', async () => {
    assert.equal(readFileSync(join(attacker().bench.workspace, 'link'), 'utf8'), 'secret of the host');
    await silent(`cat ${join(attacker().bench.folder, 'secret')}`);
    await silent('cat link up shadow');
    await silent('cat /workspace/../secret /proc/self/cwd/../secret /proc/1/cwd/secret');
  });

  it('the root of its first process is its own root', async () => {
    await silent(`ls /proc/1/root${attacker().bench.folder} /proc/2/root${attacker().bench.folder}`);
    await silent('ls /oldroot /newroot /proc/1/root/oldroot');
  });

  it('passwords and accounts of the host are not there', async () => {
    await silent('cat /etc/shadow /etc/gshadow /etc/sudoers /etc/ssh/ssh_host_* /etc/machine-id.d');
    const { stdout } = await attacker().sh('cut -d: -f1 /etc/passwd');
    assert.deepEqual(
      stdout
        .trim()
        .split('\n')
        .filter(name => !['dev', 'root', 'nobody'].includes(name)),
      [],
    );
    assert.ok(
      !readFileSync('/etc/machine-id', 'utf8').includes((await attacker().sh('cat /etc/machine-id')).stdout),
    );
  });

  it('private keys of the host are not there', async () => {
    await silent("find /etc/ssl /etc/pki -name private -o -name '*.key'");
  });

  it('state and sockets of itself and of other sandboxes are not there', async () => {
    const { context } = attacker().bench;
    assert.ok(
      existsSync(join(context.runtime, 'guest')) && existsSync(join(other!.context.runtime, 'guest')),
    );
    for (const folder of [
      context.runtime,
      context.state,
      other!.context.runtime,
      other!.context.state,
      other!.workspace,
    ]) {
      await silent(`ls -a ${folder}`);
    }
    await silent("find / -xdev -type s -not -path '/proc/*'");
  });

  it('the system cannot be written, replaced or covered', async () => {
    for (const path of [
      '/usr/bin/x',
      '/usr/local/bin/x',
      '/etc/x',
      '/etc/passwd',
      '/x',
      '/opt/heyvm/guest',
      '/lib/x',
      '/dev/x',
      '/proc/x',
      '/home/x',
      '/var/x',
      '/etc/ssl/certs/x',
    ]) {
      await silent(`echo x >${path} && echo written`);
    }
    await silent(
      'mv /usr /usr2 && echo moved; rm -f /etc/passwd && echo removed; mv /home/dev /home/x && echo moved',
    );
    await silent(
      'ln /etc/passwd /workspace/hard && echo linked; ln /usr/bin/env /home/dev/hard && echo linked',
    );
    await silent(
      'chmod 777 /usr/bin/env && echo changed; chmod 777 /etc && echo changed; touch /usr/bin/env && echo touched',
    );
  });

  it('the guest program cannot be written through the descriptors of anybody', async () => {
    await silent('for f in /proc/1/exe /proc/2/exe /proc/self/exe; do echo x >>$f && echo written; done');
  });

  it('descriptors of the host are not inherited', async () => {
    const { stdout } = await attacker().sh(
      'ls /proc/self/fd; ls -l /proc/1/fd /proc/2/fd 2>/dev/null | grep -v -e pipe: -e /dev/null -e anon_inode -e total -e : ; true',
    );
    // The listing itself has one open.
    assert.deepEqual(stdout.trim().split('\n'), ['0', '1', '2', '3']);
  });

  it('the environment of whoever started it is not there', async () => {
    process.env['HEYVM_TEST_SECRET'] = 'do-not-tell';
    try {
      const bench = await makeBench(bubblewrap);
      const { guest } = await bench.start();
      const child = await guest.exec({ argv: ['/bin/sh', '-c', 'cat /proc/*/environ /proc/*/cmdline; env'] });
      let said = '';
      child.stdout.on('data', (chunk: Buffer) => {
        said += chunk.toString();
      });
      await child.exited;
      await bench.dispose();
      assert.ok(said.includes('HEYVM_SANDBOX'));
      assert.ok(!said.includes('do-not-tell'));
    } finally {
      delete process.env['HEYVM_TEST_SECRET'];
    }
  });
});

describe('isolation: read-only mounts', () => {
  const attacker = withAttacker({
    prepare({ workspace, folder }) {
      mkdirSync(join(folder, 'common', 'objects'), { recursive: true });
      writeFileSync(join(folder, 'common', 'config'), 'original');
      mkdirSync(join(workspace, 'protected'));
      writeFileSync(join(workspace, 'protected', 'file'), 'original');
    },
  });

  it('hold against everything that can be tried on a file', async () => {
    const { bench } = attacker();
    const second = await makeBench(bubblewrap);
    mkdirSync(join(second.workspace, 'protected'));
    writeFileSync(join(second.workspace, 'protected', 'file'), 'original');
    mkdirSync(join(second.folder, 'common', 'objects'), { recursive: true });
    writeFileSync(join(second.folder, 'common', 'config'), 'original');
    try {
      const { guest } = await second.start({
        mounts: [
          ...second.request().mounts,
          { source: join(second.workspace, 'protected'), target: '/workspace/protected', mode: 'ro' },
          { source: join(second.folder, 'common'), target: '/common', mode: 'ro' },
          { source: join(second.folder, 'common', 'objects'), target: '/common/objects', mode: 'rw' },
        ],
      });
      const tries = [
        ...[
          'echo x >protected/file',
          'rm -f protected/file',
          'mv protected away',
          'rm -rf protected',
          'chmod 777 protected',
        ],
        ...[
          'mv protected/file .',
          'ln protected/file hard',
          'ln -sfn /tmp protected',
          'rmdir protected',
          'touch protected/new',
        ],
        ...[
          'exec 3<>protected/file',
          'cp /dev/null protected/file',
          'truncate -s 0 protected/file',
          'mount -o remount,rw protected',
        ],
        ...[
          'echo x >/common/config',
          'mv /common/objects /common/o',
          'echo x >/common/objects/../config',
          'touch /common/new',
        ],
        ...[
          'exec 3<protected/file; echo x >/proc/self/fd/3',
          'cd protected; echo x >../protected/file',
          'umount protected',
        ],
      ];
      for (const attempt of tries) {
        const child = await guest.exec({
          argv: ['/bin/bash', '-c', `{ ${attempt}; } 2>/dev/null && echo DONE`],
        });
        let said = '';
        child.stdout.on('data', (chunk: Buffer) => {
          said += chunk.toString();
        });
        await child.exited;
        assert.equal(said, '', attempt);
      }
      assert.equal(readFileSync(join(second.workspace, 'protected', 'file'), 'utf8'), 'original');
      assert.equal(readFileSync(join(second.folder, 'common', 'config'), 'utf8'), 'original');
      const allowed = await guest.exec({ argv: ['touch', '/common/objects/new'] });
      assert.deepEqual(await allowed.exited, { kind: 'exited', code: 0 });
    } finally {
      await second.dispose();
    }
    assert.ok(existsSync(bench.workspace));
  });
});
