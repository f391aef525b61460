// Where servers of editors come from and how they are named, as tables.
import { strict as assert } from 'node:assert';
import type { EditorProduct, GuestFacts } from '../protocol/editorMethods.ts';
import { hasPages, productOf } from '../protocol/editorMethods.ts';
import { addressOf, keyOf, platformOf, programArtifactOf, vendorAddressOf, versionFolder } from './place.ts';

const commit = '0a1b2c3d'.repeat(5);
const code: EditorProduct = {
  ...{ commit, quality: 'stable', version: '1.139.1', data_folder: '.vscode-server' },
  ...{ application: 'code-server', update_url: 'https://update.example.com/' },
};
const codium: EditorProduct = {
  ...{ commit, quality: 'stable', version: '1.139.1', release: '25345', data_folder: '.vscodium-server' },
  application: 'codium-server',
  download_url_template:
    // biome-ignore lint/suspicious/noTemplateCurlyInString: as it stands in a product.json.
    'https://example.com/${version}.${release}/reh-${os}-${arch}.tar.gz',
};

const guest = (arch: string, kind: 'glibc' | 'musl') => ({ arch, libc: { kind } }) as GuestFacts;

describe('the server of an editor', () => {
  const artifacts = {
    'server-linux-x64': guest('x86_64', 'glibc'),
    'server-linux-arm64': guest('aarch64', 'glibc'),
    'server-linux-armhf': guest('armv7l', 'glibc'),
    'server-linux-alpine': guest('x86_64', 'musl'),
    'server-alpine-arm64': guest('aarch64', 'musl'),
  };
  for (const [artifact, facts] of Object.entries(artifacts))
    it(`is ${artifact} where the guest fits it`, () => assert.equal(platformOf(facts).artifact, artifact));

  it('does not exist for every processor', () => {
    assert.throws(() => platformOf(guest('s390x', 'glibc')), { code: 'unsupported' });
  });

  it('of VS Code comes from where its vendor updates it, with the checksum of the release', () => {
    const address = addressOf(code, platformOf(guest('x86_64', 'glibc')));
    const rest = `commit:${commit}/server-linux-x64/stable`;
    assert.equal(address.url, `https://update.example.com/${rest}`);
    assert.deepEqual(address.checksum, {
      kind: 'release',
      url: `https://update.example.com/api/versions/${rest}`,
    });
  });

  it('of a fork comes from its own template, with the checksum beside it', () => {
    const url = 'https://example.com/1.139.1.25345/reh-alpine-arm64.tar.gz';
    const address = addressOf(codium, platformOf(guest('aarch64', 'musl')));
    assert.deepEqual(address, { url, checksum: { kind: 'file', url: `${url}.sha256` } });
  });

  it('is refused when a template has a part that nobody knows', () => {
    const odd = { ...codium, download_url_template: `${codium.download_url_template}$\{moon}` };
    assert.throws(() => addressOf(odd, platformOf(guest('x86_64', 'glibc'))), {
      code: 'usage',
      message: /moon/,
    });
  });

  it('has a folder that no other can use', () => {
    const platform = platformOf(guest('x86_64', 'musl'));
    assert.equal(keyOf(codium, platform.artifact), `vscodium-server-stable-${commit}-server-linux-alpine`);
    assert.equal(versionFolder({ ...code, quality: 'insider' }), `Insider-${commit}`);
  });
});

describe('the program that Remote-SSH starts first', () => {
  const machines = [
    ['x86_64', 'glibc', 'cli-alpine-x64'],
    ['x86_64', 'musl', 'cli-alpine-x64'],
    ['aarch64', 'glibc', 'cli-alpine-arm64'],
    ['armv7l', 'glibc', 'cli-linux-armhf'],
  ] as const;
  for (const [machine, libc, artifact] of machines) {
    it(`for ${machine} with ${libc} is ${artifact}`, () => {
      const platform = platformOf(guest(machine, libc));
      assert.equal(programArtifactOf(code, platform), artifact);
      assert.ok(vendorAddressOf(code, artifact).url.endsWith(`/commit:${commit}/${artifact}/stable`));
    });
  }

  it('is none where a fork starts its server itself', () => {
    assert.equal(programArtifactOf(codium, platformOf(guest('x86_64', 'glibc'))), undefined);
  });
});

describe('a product.json', () => {
  it('of VS Code itself leaves out what is usual', () => {
    const read = productOf(JSON.stringify({ commit, quality: 'stable', version: '1.139.1' }));
    assert.deepEqual(JSON.parse(JSON.stringify(read)), {
      ok: true,
      value: {
        commit,
        quality: 'stable',
        version: '1.139.1',
        data_folder: '.vscode-server',
        application: 'code-server',
      },
    });
  });

  const bad = {
    'a commit that is a path': { commit: '../../etc', quality: 'stable' },
    'a data folder outside of the home': { commit, quality: 'stable', serverDataFolderName: '../x' },
    'a program elsewhere': { commit, quality: 'stable', serverApplicationName: 'a/b' },
    'no quality': { commit },
  };
  for (const [name, file] of Object.entries(bad))
    it(`with ${name} is refused`, () => assert.equal(productOf(JSON.stringify(file)).ok, false));

  const licences = {
    'https://example.com/terms': 'https://example.com/terms',
    '': undefined,
    'see LICENSE.txt': undefined,
    'file:///etc/passwd': undefined,
  };
  for (const [written, known] of Object.entries(licences))
    it(`with the licence ${JSON.stringify(written)} ${known === undefined ? 'names no' : 'names its'} terms`, () => {
      const read = productOf(JSON.stringify({ commit, quality: 'stable', serverLicenseUrl: written }));
      assert.equal(read.ok && read.value.license_url, known);
    });

  it('has pages unless its server is a fork’s own', () => {
    assert.deepEqual([hasPages(code), hasPages(codium)], [true, false]);
  });
});
