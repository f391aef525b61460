// What vendors publish about their files, and which way leads to them.
import { strict as assert } from 'node:assert';
import { SandboxError } from '../../server/core/errors.ts';
import { checksumIn } from '../../server/images/checksums.ts';
import { proxyFor } from '../../server/images/proxy.ts';

describe('lists of checksums', () => {
  const hex = 'AB'.repeat(32);
  const lists: Readonly<Record<string, string>> = {
    'with two blanks': `${'0'.repeat(64)}  other.img\n${hex}  disk.img\n`,
    'with a star': `${hex} *disk.img\r\n`,
    'with a folder': `${hex}  ./disk.img\n`,
    'of the BSD form': `SHA256 (disk.img) = ${hex}\n`,
    'of one digest': `${hex}\n`,
    'with a signature around it': `-----BEGIN PGP SIGNED MESSAGE-----\n\n${hex} *disk.img\n-----END PGP SIGNATURE-----\n`,
  };
  for (const [title, list] of Object.entries(lists)) {
    it(`${title} are read`, () => {
      assert.equal(checksumIn(list, { file: 'disk.img', algorithm: 'sha256' }), hex.toLowerCase());
    });
  }

  it('without the file, or with two digests for it, are refused', () => {
    const two = `${hex}  disk.img\n${'0'.repeat(64)}  disk.img\n`;
    for (const list of [
      '',
      `${hex}  disk.img.zst\n`,
      two,
      `${hex.slice(2)}  disk.img\n`,
      '<html>not found</html>',
    ]) {
      assert.throws(
        () => checksumIn(list, { file: 'disk.img', algorithm: 'sha256' }),
        isError('image-broken'),
      );
    }
  });
});

describe('proxies', () => {
  const url = new URL('https://cloud.example.com/x');
  const table: readonly (readonly [string, NodeJS.ProcessEnv, string | undefined])[] = [
    ['nothing', {}, undefined],
    ['https_proxy', { https_proxy: 'http://p:1' }, 'http://p:1/'],
    ['HTTPS_PROXY', { HTTPS_PROXY: 'p:1' }, 'http://p:1/'],
    ['http_proxy alone', { http_proxy: 'http://p:1' }, undefined],
    ['all_proxy', { all_proxy: 'http://p:1' }, 'http://p:1/'],
    ['an exception', { https_proxy: 'http://p:1', no_proxy: '.example.com' }, undefined],
    ['an exception with a port', { https_proxy: 'http://p:1', no_proxy: 'example.com:8443' }, 'http://p:1/'],
    ['an exception for all', { https_proxy: 'http://p:1', no_proxy: '*' }, undefined],
    ['another exception', { https_proxy: 'http://p:1', no_proxy: 'ample.com' }, 'http://p:1/'],
    ['another kind', { all_proxy: 'socks5://p:1' }, undefined],
  ];
  for (const [title, env, expected] of table) {
    it(`follow ${title}`, () => assert.equal(proxyFor(url, env)?.href, expected));
  }
});

function isError(code: string): (error: unknown) => boolean {
  return error => {
    assert.ok(error instanceof SandboxError, String(error));
    assert.equal(error.code, code, error.message);
    return true;
  };
}
