// What is looked up in an image once: its accounts, its shell and its runtimes, kept by the image's digest.
import { join } from 'node:path';
import * as z from 'zod/mini';
import { fail } from '../../core/errors.ts';
import { createContainer, discardContainer } from '../../engine/containers.ts';
import { type Engine, unless } from '../../engine/engine.ts';
import { ensureFolder, readTextIfExists, writeAtomic } from '../../platform/files.ts';
import { type Runtime, Runtime as RuntimeSchema, runtimes } from '../../protocol/backend.ts';
import { parseJson } from '../../protocol/parse.ts';
import type { Image } from './answers.ts';
import { storeLabels } from './marks.ts';
import { readFirstFile } from './tar.ts';

const Facts = z.strictObject({
  version: z.literal(1),
  env: z.record(z.string(), z.string()),
  passwd: z.string(),
  group: z.string(),
  shell: z.string(),
  runtimes: z.array(RuntimeSchema),
});
export type Facts = z.output<typeof Facts>;

export type Looking = { readonly engine: Engine; readonly cache: string; readonly store: string };

/** Answered from the cache when this image was looked at before. */
export async function factsOf(looking: Looking, image: Image): Promise<Facts> {
  refuseStrangers(image);
  const folder = join(looking.cache, 'facts');
  const file = join(folder, `${image.Id.replace(/[^0-9a-z]/gi, '-')}.json`);
  const text = await readTextIfExists(file);
  const known = text === undefined ? undefined : parseJson(Facts, text);
  if (known?.ok === true) return known.value;
  const facts = await look(looking, image);
  await ensureFolder(folder);
  await writeAtomic(file, `${JSON.stringify(facts)}\n`, { durability: 'quick' });
  return facts;
}

const architectures: Readonly<Record<string, readonly string[]>> = {
  x64: ['amd64', 'x86_64'],
  arm64: ['arm64', 'aarch64'],
};

/** The guest program is for this machine's processor, and an image for another one could not start it. */
function refuseStrangers({ Architecture: arch, Os: os }: Image): void {
  const fits = os === 'linux' && (arch === '' || (architectures[process.arch] ?? []).includes(arch));
  if (fits) return;
  fail('unsupported', `the image is for ${os} ${arch}, and this machine runs linux ${process.arch}`, {
    hint: 'choose an image for this processor',
  });
}

/** A container that is never started shows the files of its image. */
async function look({ engine, store }: Looking, image: Image): Promise<Facts> {
  const body = {
    Image: image.Id,
    Entrypoint: ['/never'],
    Labels: storeLabels(store, 'look'),
    NetworkDisabled: true,
  };
  const id = await createContainer(engine, body);
  try {
    const [passwd, group, shell, found] = await Promise.all([
      textOf(engine, id, '/etc/passwd'),
      textOf(engine, id, '/etc/group'),
      firstOf(engine, id, shells),
      Promise.all(runtimes.map(async name => ({ name, at: await firstOf(engine, id, programs[name]) }))),
    ]);
    return {
      version: 1,
      env: variablesOf(image.Config?.Env ?? []),
      passwd,
      group,
      shell: shell ?? '/bin/sh',
      runtimes: found.flatMap(({ name, at }) => (at === undefined ? [] : [name])),
    };
  } finally {
    await discardContainer(engine, id);
  }
}

const shells = ['/bin/bash', '/usr/bin/bash', '/bin/sh'];

const programs: Readonly<Record<Runtime, readonly string[]>> = {
  shell: ['/bin/sh', '/usr/bin/sh'],
  python: ['/usr/bin/python3', '/usr/local/bin/python3'],
  node: ['/usr/local/bin/node', '/usr/bin/node'],
  wasm: [],
};

async function firstOf(engine: Engine, id: string, paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    const request = engine.call('look for a file', docker => docker.getContainer(id).infoArchive({ path }));
    const head = await unless(404, request);
    head?.resume();
    if (head !== undefined) return path;
  }
  return undefined;
}

/** Empty when the image has no such file, or something else in its place. */
async function textOf(engine: Engine, id: string, path: string): Promise<string> {
  const request = engine.call('read a file', docker => docker.getContainer(id).getArchive({ path }));
  const archive = await unless(404, request);
  return archive === undefined ? '' : ((await readFirstFile(archive))?.toString('utf8') ?? '');
}

function variablesOf(list: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    list.flatMap(entry => {
      const at = entry.indexOf('=');
      return at > 0 ? [[entry.slice(0, at), entry.slice(at + 1)]] : [];
    }),
  );
}
