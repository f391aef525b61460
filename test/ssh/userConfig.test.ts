// The one line in a person's ssh configuration: it goes in at the top, and comes out byte for byte.
import { strict as assert } from 'node:assert';
import { randomInt } from 'node:crypto';
import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run as runHost } from '../../server/platform/run.ts';
import { SandboxId } from '../../server/protocol/sandbox.ts';
import { type AliasSource, writeAliases } from '../../server/ssh/aliases.ts';
import { configStatus } from '../../server/ssh/configStatus.ts';
import { installInclude, uninstallInclude } from '../../server/ssh/userConfig.ts';
import { type Paths, pathsOf, sandboxPaths } from '../../server/store/paths.ts';
import { hasProgram, run } from './support/run.ts';

const table: Readonly<Record<string, string>> = {
  empty: '',
  'one host': 'Host a\n  Port 3\n',
  'no final newline': 'Host a\n  Port 3',
  'only a newline': '\n',
  'windows line ends': 'Host a\r\n  Port 3\r\n',
  'mixed line ends': 'Host a\r\n  Port 3\nHost b\r\n',
  'a byte order mark after the beginning': 'Host a\n\u{feff}',
  comments: '# mine\n\n# more\nHost *\n  ServerAliveInterval 3\n',
  'another include': 'Include config.d/*\nHost *\n',
  'an include that looks like ours': 'Include "/elsewhere/ssh/config"\n',
};

describe('the Include line', () => {
  let top: string;
  let paths: Paths;
  const box: AliasSource = { id: SandboxId.parse('sb-0a1b2c3d'), name: 'box', intent: 'running' };
  beforeEach(async () => {
    top = await mkdtemp(join(tmpdir(), 'hv-'));
    paths = pathsOf({ HEYO_HOME: join(top, 'h') });
    await mkdir(sandboxPaths(paths, box.id).folder, { recursive: true, mode: 0o700 });
    await writeAliases(paths, [box]);
  });
  afterEach(() => rm(top, { recursive: true, force: true }));

  const roundTrip = async (before: Buffer) => {
    const config = join(top, 'config');
    await writeFile(config, before, { mode: 0o640 });
    if (before.toString().startsWith('\u{feff}')) {
      await assert.rejects(installInclude(paths, config), { code: 'ssh-config', message: /byte order mark/ });
      assert.ok((await readFile(config)).equals(before));
      return;
    }
    assert.equal((await installInclude(paths, config)).changed, true);
    const between = (await readFile(config)).toString();
    assert.match(between, new RegExp(`^Include "${paths.sshConfig}"\\r?\\n`));
    assert.equal((await installInclude(paths, config)).changed, false);
    assert.equal((await uninstallInclude(paths, config)).changed, true);
    assert.ok((await readFile(config)).equals(before), JSON.stringify(before.toString()));
    assert.equal((await stat(config)).mode & 0o777, 0o640);
    assert.equal((await uninstallInclude(paths, config)).changed, false);
    assert.deepEqual(
      (await readdir(top)).filter(name => name.startsWith('config.')),
      [],
    );
  };

  for (const [what, text] of Object.entries(table)) {
    it(`leaves a file with ${what} as it was`, () => roundTrip(Buffer.from(text)));
  }

  it('is refused for a file with a byte order mark, which OpenSSH does not read either', async function () {
    const text = '\u{feff}Host a\n  User x\n';
    await roundTrip(Buffer.from(text));
    if (!(await hasProgram('ssh'))) {
      console.log('not run: ssh is not installed');
      return this.skip();
    }
    const { code } = await run(['ssh', '-G', '-F', join(top, 'config'), 'a']);
    assert.notEqual(code, 0);
  });

  it('leaves any file as it was', async () => {
    const seed = Number(process.env['HEYVM_SEED'] ?? randomInt(2 ** 31));
    console.log(`    seed ${seed}`);
    for (const text of randomConfigs(seed, 200)) await roundTrip(text);
  });

  it('makes the file and its folder private, and takes both away again', async () => {
    const config = join(top, 'new', '.ssh', 'config');
    await mkdir(join(top, 'new'));
    await installInclude(paths, config);
    assert.deepEqual(
      [(await stat(config)).mode & 0o777, (await stat(join(top, 'new', '.ssh'))).mode & 0o777],
      [0o600, 0o700],
    );
    await uninstallInclude(paths, config);
    assert.deepEqual(await readdir(join(top, 'new')), []);
  });

  it('keeps what a person added to a file that heyvm made', async () => {
    const config = join(top, 'new', 'config');
    await installInclude(paths, config);
    await writeFile(config, `${await readFile(config, 'utf8')}Host mine\n`);
    await uninstallInclude(paths, config);
    assert.equal(await readFile(config, 'utf8'), 'Host mine\n');
  });

  it('writes through a link', async () => {
    const config = join(top, 'config');
    await writeFile(join(top, 'dotfiles'), 'Host a\n');
    await symlink('dotfiles', config);
    await installInclude(paths, config);
    assert.ok((await lstat(config)).isSymbolicLink());
    assert.match(await readFile(join(top, 'dotfiles'), 'utf8'), /^Include .*\nHost a\n$/);
  });

  it('moves a line to the top that stands where it has no effect', async () => {
    const config = join(top, 'config');
    await writeFile(config, `Host a\nInclude "${paths.sshConfig}"\n`);
    await installInclude(paths, config);
    assert.equal(await readFile(config, 'utf8'), `Include "${paths.sshConfig}"\nHost a\n`);
  });

  it('says what to do about a file that cannot be changed', async () => {
    const config = join(top, 'config');
    await writeFile(config, 'Host a\n', { mode: 0o444 });
    await assert.rejects(installInclude(paths, config), {
      code: 'ssh-config',
      message: /read-only/,
      hint: /yourself/,
    });
    assert.equal(await readFile(config, 'utf8'), 'Host a\n');
  });

  it('is not added while others could write what it includes', async () => {
    await chmod(paths.sshConfig, 0o620);
    const config = join(top, 'config');
    await assert.rejects(installInclude(paths, config), { code: 'ssh-config', hint: /chmod/ });
    await assert.rejects(stat(config), { code: 'ENOENT' });
  });

  it('survives many installs at once', async () => {
    const config = join(top, 'config');
    await writeFile(config, 'Host a\n');
    await Promise.all(Array.from({ length: 8 }, () => installInclude(paths, config)));
    assert.equal(await readFile(config, 'utf8'), `Include "${paths.sshConfig}"\nHost a\n`);
  });

  describe('its status', () => {
    const status = (config: string) =>
      configStatus(paths, runHost, { config, place: 'elsewhere', sample: box });

    it('is what ssh -G says', async () => {
      const config = join(top, 'config');
      assert.deepEqual(await status(config), { config, installed: false, effective: false });
      await writeFile(config, 'Host *\n  ProxyCommand /bin/false\n');
      await installInclude(paths, config);
      assert.deepEqual(await status(config), { config, installed: true, effective: true });
    });

    it('names what is in the way', async () => {
      const config = join(top, 'config');
      await writeFile(config, `ProxyCommand /bin/false\nInclude "${paths.sshConfig}"\n`);
      assert.match((await status(config)).problem ?? '', /runs "\/bin\/false"; a line above the Include/);
      await writeFile(config, `ProxyJump other\nInclude "${paths.sshConfig}"\n`);
      assert.match((await status(config)).problem ?? '', /goes through other/);
      await writeFile(config, `Host x\nInclude "${paths.sshConfig}"\n`);
      assert.match((await status(config)).problem ?? '', /below a Host/);
      await writeFile(config, `Include "${paths.sshConfig}"\nNoSuchOption 3\n`);
      assert.match((await status(config)).problem ?? '', /cannot read its configuration: .*nosuchoption/i);
    });
  });
});

/** Texts of lines as they occur in such files, and of bytes that do not. */
function randomConfigs(seed: number, count: number): Buffer[] {
  let state = seed >>> 0;
  const next = (below: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const words = [
    'Host *',
    'Host a b',
    '  Port 22',
    'Match all',
    '# note',
    '',
    '\t',
    'Include x',
    'ü',
    '\u{feff}',
    ' ',
  ];
  const ends = ['\n', '\r\n', '\n\n', '\r'];
  return Array.from({ length: count }, () => {
    const lines = Array.from(
      { length: next(8) },
      () => `${words[next(words.length)]}${ends[next(ends.length)]}`,
    );
    const bytes = Buffer.from(Array.from({ length: next(6) }, () => next(256)));
    return Buffer.concat([Buffer.from(lines.join('')), next(2) === 0 ? bytes : Buffer.alloc(0)]);
  });
}
