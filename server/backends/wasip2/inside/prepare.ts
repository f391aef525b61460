// Makes a component ready to run, once for each: bindings and modules in a folder that is named by its digest.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { parseJson } from '../../../protocol/parse.ts';
import { type Generated, generateBindings } from './bindings.ts';
import { providedInterfaces } from './imports.ts';
import { type ModuleKind, moduleKindOf } from './moduleKind.ts';
import { ComponentError, Prepared, type PrepareOrders, SOURCE } from './orders.ts';

export async function prepare({ name, shelf }: PrepareOrders): Promise<Prepared> {
  const bytes = readFileSync(SOURCE);
  const kind = moduleKindOf(bytes);
  if (kind === 'neither') throw new ComponentError('image-broken', `${name} is no WebAssembly`);
  const digest = digestOf(bytes);
  const folder = join(shelf, digest);
  const world = onShelf(folder) ?? (await place(folder, { bytes, kind, name }));
  return { world, kind, digest };
}

/** Everything is read again and compared: what lies here is run as it is. */
function onShelf(folder: string): Prepared['world'] | undefined {
  const list = parseJson(Contents, readIfThere(join(folder, LIST))?.toString('utf8') ?? '');
  if (!list.ok) return undefined;
  const whole = Object.entries(list.value.files).every(([name, digest]) => {
    const content = readIfThere(join(folder, name));
    return content !== undefined && digestOf(content) === digest;
  });
  if (!whole) return undefined;
  const now = new Date();
  // Says when it was last of use, to whoever looks for what can go.
  utimesSync(join(folder, LIST), now, now);
  return list.value.world;
}

type Raw = {
  readonly bytes: Uint8Array;
  readonly kind: Exclude<ModuleKind, 'neither'>;
  readonly name: string;
};

/** Appears as a whole; of two that are made at once either one is as good. */
async function place(folder: string, raw: Raw): Promise<Prepared['world']> {
  const generated = await generate(raw);
  const world = worldOf(generated);
  const fresh = `${folder}.new-${process.pid}`;
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { recursive: true, mode: 0o700 });
  const files: Record<string, string> = {};
  for (const { name, content } of [...generated.files, { name: 'module.wasm', content: raw.bytes }]) {
    writeFileSync(join(fresh, name), content, { mode: 0o600 });
    files[name] = digestOf(content);
  }
  writeFileSync(join(fresh, LIST), JSON.stringify({ world, files }), { mode: 0o600 });
  rmSync(folder, { recursive: true, force: true });
  try {
    renameSync(fresh, folder);
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true });
    if (onShelf(folder) === undefined) throw error;
  }
  return world;
}

async function generate({ bytes, kind, name }: Raw): Promise<Generated> {
  let generated: Generated;
  try {
    generated = await generateBindings(bytes, kind);
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    // From the outermost reason to the innermost, one on each line.
    const why = words
      .trim()
      .split('\n')
      .at(-1)
      ?.replace(/^\s*\d+:\s*/, '');
    throw new ComponentError('image-broken', `${name} cannot be made ready to run: ${why}`);
  }
  const missing = generated.imports.filter(entry => !providedInterfaces.includes(nameOf(entry)));
  if (missing.length > 0) {
    throw new ComponentError(
      'unsupported',
      `${name} needs ${missing.join(', ')}, which nothing here provides`,
    );
  }
  return generated;
}

function worldOf({ exports }: Generated): Prepared['world'] {
  const names = exports.filter(entry => entry.includes('@0.2.')).map(nameOf);
  if (names.includes('wasi:cli/run')) return 'command';
  return names.includes('wasi:http/incoming-handler') ? 'http' : 'other';
}

/** Without its version. */
function nameOf(entry: string): string {
  return entry.replace(/@.*$/, '');
}

const LIST = 'prepared.json';

const Contents = z.strictObject({
  world: Prepared.shape.world,
  files: z.record(z.string().check(z.regex(/^[\w.-]+$/)), z.string()),
});

function readIfThere(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    // Absent or not readable, it is made again.
    return undefined;
  }
}

function digestOf(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}
