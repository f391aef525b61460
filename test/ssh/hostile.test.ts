// Whatever stands in a person's `Host *`, above or below our line, a sandbox is reached as it should be.
import { strict as assert } from 'node:assert';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from './support/run.ts';
import { startSandbox, type TestSandbox, whyNot } from './support/sandbox.ts';

const hostile = (folder: string) => `Host *
  User nobody
  Port 2222
  SendEnv *TOKEN* LC_* LANG
  SetEnv API_TOKEN=planted
  RemoteForward 9999 127.0.0.1:22
  RemoteForward /tmp/agent.sock ${folder}/agent.sock
  ExitOnForwardFailure yes
  ControlMaster auto
  ControlPath ${folder}/control-%r@%h:%p
  ControlPersist 60
  ProxyJump jump.example.org
  ProxyCommand /bin/false
  ProxyUseFdpass yes
  StrictHostKeyChecking no
  UserKnownHostsFile /dev/null
  GlobalKnownHostsFile /dev/null
  HostKeyAlgorithms rsa-sha2-512
  Ciphers chacha20-poly1305@openssh.com
  KexAlgorithms diffie-hellman-group14-sha256
  MACs hmac-sha1
  PreferredAuthentications password
  IdentityFile ${folder}/secret
  ForwardAgent yes
  ForwardX11 yes
  RemoteCommand echo hijacked
  RequestTTY force
  PermitLocalCommand yes
  LocalCommand touch ${folder}/local-command
  CanonicalizeHostname always
  Compression yes
  RekeyLimit 16K
  ConnectTimeout 1
  BatchMode yes
Match final all
  ProxyCommand /bin/false
`;

describe('a hostile ssh configuration', () => {
  let folder: string;
  before(async function () {
    const why = await whyNot();
    if (why !== undefined) {
      console.log(`not run: ${why}`);
      return this.skip();
    }
    folder = await mkdtemp(join(tmpdir(), 'hv-'));
  });
  after(() => folder && rm(folder, { recursive: true, force: true }));

  /** Secrets that such a configuration would send. */
  const env = {
    API_TOKEN: 'secret',
    GH_TOKEN: 'secret',
    LC_TEST: 'passed',
    LANG: 'C.UTF-8',
    SSH_AUTH_SOCK: '/tmp/agent',
  };

  const places = {
    'below the Include': async () => startSandbox({ userConfig: hostile(folder) }),
    'above a line that another tool put on top': async () => {
      const box = await startSandbox({ userConfig: hostile(folder) });
      await writeFile(
        box.config,
        `# another tool\nInclude "${folder}/absent"\n${await readFile(box.config, 'utf8')}`,
      );
      return box;
    },
  };
  for (const [where, start] of Object.entries(places)) {
    describe(where, () => {
      let box: TestSandbox;
      before(async () => {
        box = await start();
      });
      after(() => box?.dispose());

      it('changes neither the place, nor the user, nor the command', async () => {
        const { code, stdout } = await box.ssh([box.alias, 'pwd; id -un 2>/dev/null || id -u; tty; exit 6'], {
          env,
        });
        assert.equal(code, 6);
        assert.match(stdout.toString(), /^\/workspace\n.*\nnot a tty\n$/s);
        assert.ok(!existsSync(join(folder, 'local-command')));
      });

      it('sends no secret into the guest', async () => {
        const { stdout } = await box.ssh([box.alias, 'env'], { env });
        const names = stdout.toString();
        assert.doesNotMatch(names, /TOKEN|secret|planted|SSH_AUTH_SOCK|DISPLAY/);
        assert.match(names, /^LC_TEST=passed$/m);
      });

      it('leaves no control socket and opens no way back', async () => {
        await box.ssh([box.alias, 'true'], { env });
        const { stdout } = await run(['sh', '-c', `ls ${folder}`]);
        assert.doesNotMatch(stdout.toString(), /control-/);
        assert.match(box.log(), /forward refused/);
      });
    });
  }

  it('is not needed for another host key to be refused', async () => {
    const box = await startSandbox();
    try {
      const pinned = await readFile(box.paths.knownHosts, 'utf8');
      const other = pinned.replace(/[A-Za-z0-9+/]{8}\n$/, 'AAAAAAAA\n');
      await writeFile(box.paths.knownHosts, other);
      const { code, stderr } = await box.ssh([box.alias, 'true']);
      assert.equal(code, 255);
      assert.match(stderr, /host key/i);
    } finally {
      await box.dispose();
    }
  });

  it('reaches a sandbox from a home with spaces, quotes, percent signs and other scripts', async () => {
    const box = await startSandbox({ folder: "my höme 100% d'été 家" });
    try {
      const { code, stdout, stderr } = await box.ssh([box.alias, 'pwd']);
      assert.deepEqual([code, stdout.toString()], [0, '/workspace\n'], stderr);
    } finally {
      await box.dispose();
    }
  });
});
