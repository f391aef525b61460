// Reads the lists of digests that vendors publish: SHA256SUMS and its kind, the BSD form, or one bare digest.
import { fail } from '../core/errors.ts';
import type { Algorithm } from './bases.ts';

const lengths: Readonly<Record<Algorithm, number>> = { sha256: 64, sha512: 128 };

/** The digest of one file in lower case; fails with `image-broken` when the list does not have it. */
export function checksumIn(
  list: string,
  { file, algorithm }: { readonly file: string; readonly algorithm: Algorithm },
): string {
  const found = new Set(
    list.split(/\r?\n/).flatMap(line => {
      const hex = digestOfLine(line.trim(), file, algorithm);
      return hex === undefined ? [] : [hex];
    }),
  );
  const [hex] = found;
  if (hex !== undefined && found.size === 1) return hex;
  const why = found.size > 1 ? `names several digests for ${file}` : `has no ${algorithm} of ${file}`;
  return fail('image-broken', `the vendor's list of checksums ${why}`, {
    hint: 'try again later; without a checksum nothing is taken',
  });
}

function digestOfLine(line: string, file: string, algorithm: Algorithm): string | undefined {
  const hex = `([0-9a-fA-F]{${lengths[algorithm]}})`;
  const gnu = new RegExp(`^\\\\?${hex}[ \\t]+[ *]?(.+)$`).exec(line);
  if (gnu !== null) return isFile(gnu[2], file) ? gnu[1]?.toLowerCase() : undefined;
  const bsd = new RegExp(`^${algorithm} ?\\((.+)\\) ?= ?${hex}$`, 'i').exec(line);
  if (bsd !== null) return isFile(bsd[1], file) ? bsd[2]?.toLowerCase() : undefined;
  return new RegExp(`^${hex}$`).exec(line)?.[1]?.toLowerCase();
}

function isFile(named: string | undefined, file: string): boolean {
  return named?.replace(/^\.\//, '') === file;
}
