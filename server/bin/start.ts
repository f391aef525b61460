// Runs the command line's program from its compiled form, kept from an earlier run, so that nothing is compiled twice.
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Script } from 'node:vm';
import { expectOwner } from '../owner/candidate.ts';
import { bundle } from '../platform/bundle.ts';
import { pathsOf } from '../store/paths.ts';
import { startOf } from './programs.ts';

/** Forms that were not used by any new run for this long belong to builds that are gone. */
const KEEP_MS = 7 * 24 * 3_600_000;

const start = startOf(process.argv[2]);
const program = join(import.meta.dirname, start.program);
const { cache } = pathsOf(process.env);
const compiled = join(cache, 'compiled', `${process.env['HEYVM_BUILD']}-${start.form}`);

if (start.owner)
  globalThis.heyvmOwner = expectOwner({ paths: pathsOf(process.env), env: process.env, bundle });

/** What Node puts around a module; the same text must come from every run, or the compiled form is void. */
const source = `(function (exports, require, module, __filename, __dirname) {${readFileSync(program, 'latin1')}\n})`;
const cachedData = read(compiled);
const script = new Script(source, { filename: program, ...(cachedData === undefined ? {} : { cachedData }) });
if (cachedData === undefined || script.cachedDataRejected === true) process.once('exit', keep);

const exported = { exports: {} };
script.runInThisContext()(exported.exports, createRequire(program), exported, program, dirname(program));

/** At the end of the run, when all that it used has been compiled. */
function keep(): void {
  const draft = `${compiled}.${process.pid}`;
  try {
    // Only what may be missing below an existing home; a recursive mkdir never ends where Linux has no real files.
    for (const folder of [dirname(cache), cache, dirname(compiled)]) makeFolder(folder);
    writeFileSync(draft, script.createCachedData(), { mode: 0o600 });
    renameSync(draft, compiled);
    forgetOld(dirname(compiled));
  } catch {
    // Without room or permission to keep it, the next run compiles again; the command itself has succeeded.
  }
}

function makeFolder(folder: string): void {
  if (!existsSync(folder)) mkdirSync(folder, { mode: 0o700 });
}

function forgetOld(folder: string): void {
  const since = Date.now() - KEEP_MS;
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if ((statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? since) < since) rmSync(path, { force: true });
  }
}

function read(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    // The first run of a build has none.
    return undefined;
  }
}
