// Which sandboxes need which images, read from their records, readable or not.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isAbsence, readTextIfExists } from '../platform/files.ts';
import type { ImageManifest } from '../protocol/image.ts';
import { type Paths, sandboxPaths } from '../store/paths.ts';
import { listRecords, readIds } from '../store/sandboxes.ts';
import { sameNames } from './names.ts';

export type Usage = {
  /** The names of the sandboxes that were made from an image. */
  readonly usersOf: (image: Pick<ImageManifest, 'name' | 'digest'>) => readonly string[];
  /** Whether any sandbox mentions the digest, of an image or of a file, anywhere in its record. */
  readonly mentions: (digest: string) => boolean;
};

export async function readUsage(paths: Paths): Promise<Usage> {
  const { entries } = await listRecords(paths);
  const mentioned = await mentionedDigests(paths);
  return {
    usersOf: ({ name, digest }) =>
      entries.filter(({ record }) => isMadeFrom(record, name, digest)).map(({ record }) => record.name),
    mentions: digest => mentioned.has(digest),
  };
}

type Maker = { readonly image?: string | undefined; readonly image_digest?: string | undefined };

function isMadeFrom(record: Maker, name: string, digest: string): boolean {
  if (record.image_digest !== undefined) return record.image_digest === digest;
  return record.image !== undefined && sameNames(record.image).includes(name);
}

/** As text, so that what a record that was set aside needs is kept as well. */
async function mentionedDigests(paths: Paths): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for (const id of readIds(paths)) {
    const { folder } = sandboxPaths(paths, id);
    for (const file of await recordsIn(folder)) {
      const text = (await readTextIfExists(join(folder, file))) ?? '';
      for (const [, hex] of text.matchAll(/sha256[-:]([0-9a-f]{64})/g)) found.add(`sha256:${hex}`);
    }
  }
  return found;
}

async function recordsIn(folder: string): Promise<readonly string[]> {
  try {
    return (await readdir(folder)).filter(file => file.startsWith('sandbox.yaml'));
  } catch (error) {
    if (isAbsence(error)) return [];
    throw error;
  }
}
