import { strict as assert } from 'node:assert';
import { redact, redactPart } from './redact.ts';

/** Put together here, so that no scanner takes this file for a leak. */
const secret = (prefix: string, length: number): string => prefix + 'a1B2c3D4e5'.repeat(30).slice(0, length);

const hidden: readonly (readonly [string, string, string])[] = [
  ['a token of GitHub', `token is ${secret('ghp_', 36)}.`, 'token is [redacted].'],
  ['a key of AWS', `${'AKIA'}${'ABCDEFGH12345678'} in us-east-1`, '[redacted] in us-east-1'],
  [
    'a private key',
    `x\n-----BEGIN ${'OPENSSH PRIVATE'} KEY-----\nabc\n-----END ${'OPENSSH PRIVATE'} KEY-----\ny`,
    'x\n[redacted]\ny',
  ],
  ['a private key that was cut', `-----BEGIN ${'RSA PRIVATE'} KEY-----\nabc`, '[redacted]'],
  ['a password in an address', 'https://me:hunter22@example.com/x', 'https://me:[redacted]@example.com/x'],
  ['a header', 'Authorization: Bearer abcdefghijkl', 'Authorization: Bearer [redacted]'],
  ['a variable', 'export DB_PASSWORD=hunter22 HOME=/root', 'export DB_PASSWORD=[redacted] HOME=/root'],
];

const kept: readonly string[] = [
  'const token = await issueToken(user);',
  'git push git@github.com:me/repo.git',
  'http://localhost:3000/path@2x.png',
  'API_KEY=$OTHER',
  'PASSWORD= ',
  'sk-learn is a library',
  'commit 3f786850e387550fdab836ed7e6dc881de23001b',
];

describe('what looks like a secret', () => {
  for (const [what, text, expected] of hidden) {
    it(`is replaced: ${what}`, () => {
      assert.deepEqual(redact(text), { text: expected, count: 1 });
    });
  }

  for (const text of kept) {
    it(`is told from ordinary text: ${text}`, () => {
      assert.deepEqual(redact(text), { text, count: 0 });
    });
  }

  it('is replaced in a part of it as well', () => {
    const token = secret('ghp_', 36);
    const text = `one ${token} two`;
    const part = (from: number, to: number) => redactPart(text, { from, to });
    assert.deepEqual(part(0, 3), { text: 'one', count: 0 });
    assert.deepEqual(part(2, 10), { text: 'e [redacted]', count: 1 });
    assert.deepEqual(part(10, 15), { text: '[redacted]', count: 1 });
    assert.deepEqual(part(30, text.length), { text: '[redacted] two', count: 1 });
  });

  it('is counted once, and not found again in what was replaced', () => {
    const once = redact(`A_TOKEN=${secret('ghp_', 36)}`);
    assert.deepEqual(once, { text: 'A_TOKEN=[redacted]', count: 1 });
    assert.deepEqual(redact(once.text), { text: once.text, count: 0 });
  });
});
