// An ed25519 key pair in OpenSSH's own format, made without loading an ssh library: of a host, or of this store.
import { generateKeyPair, type JsonWebKey, randomBytes } from 'node:crypto';
import { link, rm, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { fail } from '../core/errors.ts';
import { errorCodeOf, readTextIfExistsNow } from './files.ts';

const KIND = 'ssh-ed25519';
const MAGIC = Buffer.from('openssh-key-v1\0');
const BEGIN = '-----BEGIN OPENSSH PRIVATE KEY-----';
const END = '-----END OPENSSH PRIVATE KEY-----';

export type SshKey = {
  /** What ssh2 and ssh-keygen read. */
  readonly pem: string;
  /** `ssh-ed25519 AAAA…`, as it stands in known_hosts. */
  readonly publicLine: string;
};

/** Reads the key, and makes it when there is none yet; of several makers at once one wins. */
export async function ensureSshKey(path: string): Promise<SshKey> {
  const existing = readKey(path);
  if (existing !== undefined) return existing;
  const draft = `${path}.${process.pid}-${randomBytes(4).toString('hex')}`;
  await writeFile(draft, await generate(), { mode: 0o600, flag: 'wx' });
  try {
    await link(draft, path);
  } catch (error) {
    if (errorCodeOf(error) !== 'EEXIST') throw error;
  } finally {
    await rm(draft, { force: true });
  }
  return readKey(path) ?? fail('storage', `the key ${path} vanished while it was made`);
}

function readKey(path: string): SshKey | undefined {
  const pem = readTextIfExistsNow(path);
  return pem === undefined ? undefined : { pem, publicLine: publicLineOf(pem, path) };
}

async function generate(): Promise<string> {
  const { privateKey } = await promisify(generateKeyPair)('ed25519');
  const jwk: JsonWebKey = privateKey.export({ format: 'jwk' });
  const publicKey = Buffer.from(jwk.x ?? '', 'base64url');
  const seed = Buffer.from(jwk.d ?? '', 'base64url');
  const check = randomBytes(4);
  const blob = Buffer.concat([field(KIND), field(publicKey)]);
  const secret = Buffer.concat([check, check, blob, field(Buffer.concat([seed, publicKey])), field('')]);
  const padding = Buffer.from(Array.from({ length: (8 - (secret.length % 8)) % 8 }, (_, index) => index + 1));
  const none = [field('none'), field('none'), field('')];
  const body = [MAGIC, ...none, count(1), field(blob), field(Buffer.concat([secret, padding]))];
  const lines =
    Buffer.concat(body)
      .toString('base64')
      .match(/.{1,70}/g) ?? [];
  return [BEGIN, ...lines, END, ''].join('\n');
}

/** The public half stands in clear before the private one: four fields after the magic word and a count. */
function publicLineOf(pem: string, path: string): string {
  const text = pem.replace(BEGIN, '').replace(END, '').replaceAll(/\s/g, '');
  const body = Buffer.from(text, 'base64');
  const broken = () =>
    fail('record-broken', `the key ${path} is not an OpenSSH key`, {
      hint: 'remove the file; a new one is made',
    });
  if (!pem.startsWith(BEGIN) || !body.subarray(0, MAGIC.length).equals(MAGIC)) return broken();
  let at = MAGIC.length;
  for (const _ of ['cipher', 'kdf', 'options']) at += 4 + (at + 4 <= body.length ? body.readUInt32BE(at) : 0);
  at += 4;
  if (at + 4 > body.length) return broken();
  const blob = body.subarray(at + 4, at + 4 + body.readUInt32BE(at));
  return `${KIND} ${blob.toString('base64')}`;
}

function field(content: string | Buffer): Buffer {
  const bytes = Buffer.from(content);
  return Buffer.concat([count(bytes.length), bytes]);
}

function count(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
