// A host key for the image's own sshd, made on the host so that no two machines share one and none waits for entropy.
import { generateKeyPairSync, randomBytes } from 'node:crypto';

export type HostKey = { readonly private: string; readonly public: string };

const TYPE = 'ssh-ed25519';
const COMMENT = 'heyvm';

export function makeHostKey(): HostKey {
  const { privateKey } = generateKeyPairSync('ed25519');
  const { x = '', d = '' } = privateKey.export({ format: 'jwk' });
  const [open, secret] = [Buffer.from(x, 'base64url'), Buffer.from(d, 'base64url')];
  const blob = Buffer.concat([field(TYPE), field(open)]);
  return { private: armoured(blob, open, secret), public: `${TYPE} ${blob.toString('base64')} ${COMMENT}` };
}

/** The format of OpenSSH, which older versions insist on for this kind of key. */
function armoured(blob: Buffer, open: Buffer, secret: Buffer): string {
  const check = randomBytes(4);
  const fields = [field(TYPE), field(open), field(Buffer.concat([secret, open])), field(COMMENT)];
  const inner = Buffer.concat([check, check, ...fields]);
  const padding = Buffer.from(Array.from({ length: (8 - (inner.length % 8)) % 8 }, (_, index) => index + 1));
  const body = Buffer.concat([
    Buffer.from('openssh-key-v1\0'),
    ...[field('none'), field('none'), field(''), number(1), field(blob)],
    field(Buffer.concat([inner, padding])),
  ]);
  const lines = body.toString('base64').match(/.{1,70}/g) ?? [];
  return ['-----BEGIN OPENSSH PRIVATE KEY-----', ...lines, '-----END OPENSSH PRIVATE KEY-----', ''].join(
    '\n',
  );
}

function field(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value as Buffer);
  return Buffer.concat([number(bytes.length), bytes]);
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
