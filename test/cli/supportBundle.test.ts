// The support bundle has what helps, and nothing that was meant to stay here.
import { strict as assert } from 'node:assert';
import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { makeWorld, needEngine, type World } from './support/world.ts';

/** Put together here, so that no scanner takes this file for a leak. */
const token = `ghp_${'a1B2c3D4e5'.repeat(4).slice(0, 36)}`;

/** What is planted, and where. */
const secrets = {
  variable: 'correct horse battery',
  quoted: 'it is "quoted" \\ here',
  host: 'of-this-machine-alone',
  unknownSetting: 'swordfish-in-settings',
  option: 'opensesame-option',
  address: 'pa55word-in-address',
  logged: token,
  assigned: 'hunter2hunter2',
  extra: 'Bearer abcdefghijklmnop',
} as const;

describe('heyvm support-bundle', function () {
  this.timeout(60_000);
  let world: World;
  let sandbox: string;
  let out: string;

  before(async function () {
    needEngine(this);
    world = await makeWorld();
    const made = (await world.json([
      ...['create', '--name', 'helped', '--env', `PLAIN_NAME=${secrets.variable}`],
      ...['--env', `OTHER=${secrets.quoted}`],
    ])) as { id: string };
    sandbox = made.id;
    const log = join(world.store, 'sandboxes', sandbox, 'owner.log');
    appendFileSync(
      log,
      [
        'a line that helps',
        `pushing with ${secrets.logged}`,
        `printed ${secrets.variable} and ${JSON.stringify(secrets.quoted)}`,
        `export DB_PASSWORD=${secrets.assigned}`,
        `knows ${secrets.host}`,
        `Authorization: ${secrets.extra}`,
        '',
      ].join('\n'),
    );
    writeFileSync(
      join(world.store, 'settings.json'),
      JSON.stringify({
        network: 'none',
        my_key: secrets.unknownSetting,
        backends: {
          bubblewrap: { debug: false },
          docker: { connect: `ssh://me:${secrets.address}@engine`, registry_token: secrets.option },
        },
      }),
    );
    out = join(world.folder, 'out');
    mkdirSync(out);
  });

  after(() => world?.end());

  const wanted = () => join(out, 'bundle.tar.gz');

  it('writes one file that only its owner can read, and says what is in it', async () => {
    const env = { MY_API_TOKEN: secrets.host };
    const answer = z
      .object({
        path: z.string(),
        files: z.array(z.object({ name: z.string(), bytes: z.int() })),
        redacted: z.int(),
      })
      .parse(await world.json(['support-bundle', wanted()], { env }));
    assert.equal(answer.path, wanted());
    assert.ok(answer.redacted >= 8, String(answer.redacted));
    assert.equal(statSync(wanted()).mode & 0o777, 0o600);
    execFileSync('tar', ['-xzf', wanted(), '-C', out]);
    const names = answer.files.map(({ name }) => name).sort();
    const unpacked = readdirSync(out, { recursive: true, withFileTypes: true })
      .filter(entry => entry.isFile() && entry.name !== 'bundle.tar.gz')
      .map(entry => join(entry.parentPath, entry.name).slice(out.length + 1));
    assert.deepEqual(unpacked.sort(), names);
    for (const { name, bytes } of answer.files) assert.equal(statSync(join(out, name)).size, bytes, name);
  });

  it('has what helps: versions, the doctor, settings, records and logs', () => {
    const read = (name: string) => readFileSync(join(out, 'heyvm-support', name), 'utf8');
    assert.match(JSON.parse(read('versions.json')).node, /^\d+\./);
    assert.ok(JSON.parse(read('doctor.json')).length > 5);
    const settings = JSON.parse(read('settings.json'));
    assert.equal(settings.network, 'none');
    assert.equal(settings.backends.bubblewrap.debug, false);
    assert.deepEqual(Object.keys(settings).includes('my_key'), true);
    const record = JSON.parse(read(`sandboxes/${sandbox}/record.json`));
    assert.equal(record.name, 'helped');
    assert.deepEqual(Object.keys(record.env).sort(), ['OTHER', 'PLAIN_NAME']);
    assert.match(read(`sandboxes/${sandbox}/log.txt`), /a line that helps/);
    assert.match(read('README.txt'), /look before you send it/);
  });

  for (const [where, secret] of Object.entries(secrets)) {
    it(`has no secret: ${where}`, () => {
      const everything = execFileSync('tar', ['-xzOf', wanted()]).toString();
      assert.ok(everything.includes('[redacted]'));
      for (const form of [secret, JSON.stringify(secret).slice(1, -1)])
        assert.ok(!everything.includes(form), form);
    });
  }

  it('does not say where the home folder is', () => {
    const everything = execFileSync('tar', ['-xzOf', wanted()]).toString();
    assert.ok(!everything.includes(String(world.env['HOME'])));
  });

  it('writes over nothing', async () => {
    const before = readFileSync(wanted());
    const again = await world.heyvm(['support-bundle', wanted()]);
    assert.equal(again.code, 2);
    assert.match(again.stderr, /exists already/);
    assert.deepEqual(readFileSync(wanted()), before);
  });
});
