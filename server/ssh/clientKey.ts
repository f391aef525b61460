// Lets in who has one key: for connections that anybody on this machine could open.
import { timingSafeEqual } from 'node:crypto';
import ssh2, { type AuthContext } from 'ssh2';
import { fail } from '../core/errors.ts';

/** `publicLine` as in authorized_keys. Answers whether an attempt is let in; every other one is told what would be. */
export function keyChecker(publicLine: string): (attempt: AuthContext) => void {
  const parsed = ssh2.utils.parseKey(publicLine);
  const key = parsed instanceof Error ? fail('internal', parsed.message) : parsed;
  const wanted = key.getPublicSSH();
  return attempt => {
    if (attempt.method !== 'publickey') return attempt.reject(['publickey']);
    const { algo, data } = attempt.key;
    const same = algo === key.type && data.length === wanted.length && timingSafeEqual(data, wanted);
    if (!same) return attempt.reject(['publickey']);
    // Without a signature a client only asks whether this key would do.
    const { signature, blob } = attempt;
    if (signature === undefined) return attempt.accept();
    if (blob !== undefined && key.verify(blob, signature, attempt.hashAlgo) === true) attempt.accept();
    else attempt.reject(['publickey']);
  };
}
