// The host key of an endpoint: OpenSSH reads it, and it is made once.
import { strict as assert } from 'node:assert';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { ensureSshKey } from '../../server/platform/sshKey.ts';
import { hasProgram, run } from './support/run.ts';

describe('a host key', () => {
  let folder: string;
  let path: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'hv-'));
    path = join(folder, 'key');
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('is what ssh-keygen takes for an ed25519 key', async function () {
    if (!(await hasProgram('ssh-keygen'))) {
      console.log('not run: ssh-keygen is not installed');
      return this.skip();
    }
    const { publicLine } = await ensureSshKey(path);
    const { code, stdout, stderr } = await run(['ssh-keygen', '-y', '-f', path]);
    assert.equal(code, 0, stderr);
    assert.equal(stdout.toString().trim(), publicLine);
  });

  it('is what ssh2 takes for one', async () => {
    const { pem, publicLine } = await ensureSshKey(path);
    const parsed = ssh2.utils.parseKey(pem);
    assert.ok(!(parsed instanceof Error));
    assert.equal(`${parsed.type} ${parsed.getPublicSSH().toString('base64')}`, publicLine);
    assert.ok(parsed.verify('x', parsed.sign('x')));
  });

  it('is private and stays the same, also when many make it at once', async () => {
    const keys = await Promise.all(Array.from({ length: 10 }, () => ensureSshKey(path)));
    assert.equal(new Set(keys.map(({ publicLine }) => publicLine)).size, 1);
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    assert.deepEqual(await ensureSshKey(path), keys[0]);
  });

  for (const broken of ['', 'garbage', '-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEA\n']) {
    it(`is not taken from a file with ${JSON.stringify(broken.slice(0, 12))}`, async () => {
      await writeFile(path, broken);
      await assert.rejects(ensureSshKey(path), { code: 'record-broken' });
    });
  }
});
