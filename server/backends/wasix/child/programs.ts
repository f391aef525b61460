// What a guest can run: the commands of its packages by their names, and modules among its files by their paths.
import { createHash } from 'node:crypto';
import { closeSync, fstatSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { type Package, type Sandbox, type Wasmer, WasmerError } from '@wasmer/sdk/node';
import { fail, SandboxError } from '../../../core/errors.ts';
import type { Progress } from '../../../protocol/contract.ts';
import type { GuestTree } from '../../kit/guestTree.ts';
import type { Source } from '../plan.ts';

export type Found = { readonly pkg: Package; readonly command: string };

/** Names by which programs are known elsewhere, and those of the packages that have them. */
const otherNames: Readonly<Record<string, string>> = { python3: 'python', sh: 'bash' };

const MODULE = Buffer.from('\0asm');
const CORE = '0061736d01000000';
const PACKAGE = '0077656263';
/** A guest can make a file look as large as it likes. */
const LARGEST = 512 * 1024 * 1024;

export async function loadSource(
  runtime: Wasmer,
  source: Source,
  progress: (progress: Progress) => void,
): Promise<Package> {
  try {
    if (source.kind === 'registry') {
      const onProgress = ({
        phase,
        download,
      }: {
        phase: string;
        download: { percent: number | null };
      }): void =>
        progress({
          phase: `${phase} ${source.name}`,
          ...(download.percent === null ? {} : { percent: download.percent }),
        });
      return await runtime.packages.load(source.name, { onProgress });
    }
    const bytes = readFileSync(source.path);
    if (bytes.subarray(0, 4).equals(MODULE)) return await moduleAs(runtime, source.name, bytes);
    return await runtime.packages.load(bytes);
  } catch (error) {
    throw plainly(source, error);
  }
}

export class Programs {
  readonly #runtime: Wasmer;
  readonly #packages: readonly Package[];
  readonly #tree: GuestTree;
  /** Modules that were run from files, by what they contain. */
  readonly #modules = new Map<string, Promise<Found>>();
  #sandbox: Sandbox | undefined;

  constructor(runtime: Wasmer, packages: readonly Package[], tree: GuestTree) {
    this.#runtime = runtime;
    this.#packages = packages;
    this.#tree = tree;
  }

  attach(sandbox: Sandbox): void {
    this.#sandbox = sandbox;
  }

  names(): readonly string[] {
    return [...new Set(this.#packages.flatMap(({ commands }) => commands))];
  }

  /** Fails with `path-not-found` when there is no such program. */
  async find(program: string, cwd: string): Promise<Found> {
    const plain = program.replace(/^\/(usr\/)?bin\//, '');
    for (const name of [plain, otherNames[plain]]) {
      const pkg = this.#packages.find(({ commands }) => name !== undefined && commands.includes(name));
      if (pkg !== undefined && name !== undefined) return { pkg, command: name };
    }
    if (program.includes('/') || /\.(wasm|webc)$/.test(program))
      return this.#fromFile(posix.resolve(cwd, program));
    const known = this.names();
    return fail('path-not-found', `cannot run ${program}: the guest has no such program`, {
      hint: `it has ${known.length === 0 ? 'none by name' : known.join(', ')}; a module of its files runs by its path, such as ./${program}.wasm`,
    });
  }

  async #fromFile(path: string): Promise<Found> {
    const bytes = this.#read(path);
    const digest = createHash('sha256').update(bytes).digest('hex');
    const known = this.#modules.get(digest) ?? this.#install(path, bytes);
    this.#modules.set(digest, known);
    // What could not be run once may have been a matter of the moment.
    known.catch(() => this.#modules.delete(digest));
    return known;
  }

  #read(path: string): Buffer {
    let file: number;
    try {
      file = this.#tree.open(path, { read: true });
    } catch (cause) {
      return fail('path-not-found', `cannot run ${path}: there is no such file inside`, { cause });
    }
    try {
      if (fstatSync(file).size > LARGEST)
        fail('image-broken', `${path} is larger than ${LARGEST} bytes, as no program is`);
      return readFileSync(file);
    } finally {
      closeSync(file);
    }
  }

  async #install(path: string, bytes: Buffer): Promise<Found> {
    const head = bytes.subarray(0, 8).toString('hex');
    if (head !== CORE && !head.startsWith(PACKAGE)) {
      fail('path-not-found', `cannot run ${path}: it is neither a core module nor a package of WebAssembly`, {
        hint: bytes.subarray(0, 4).equals(MODULE)
          ? 'it is a component, which other backends run: heyvm backends'
          : 'give a .wasm or .webc',
      });
    }
    try {
      const name = posix.basename(path).replace(/\.(wasm|webc)$/, '');
      const pkg =
        head === CORE ? await moduleAs(this.#runtime, name, bytes) : await this.#runtime.packages.load(bytes);
      await this.#sandbox?.installPackage(pkg);
      return { pkg, command: pkg.entrypoint ?? pkg.commands[0] ?? name };
    } catch (error) {
      throw plainly({ kind: 'file', name: path, path }, error);
    }
  }
}

function moduleAs(runtime: Wasmer, name: string, bytes: Uint8Array): Promise<Package> {
  return runtime.packages.create({ modules: { [name]: bytes }, commands: { [name]: { module: name } } });
}

/** What the runtime says, with what mends it. */
function plainly(source: Source, error: unknown): Error {
  if (!(error instanceof WasmerError)) return error instanceof Error ? error : new Error(String(error));
  const { code, message } = error;
  if (source.kind === 'registry') {
    const missing = code === 'PACKAGE_NOT_FOUND';
    return new SandboxError(
      'image-not-found',
      missing
        ? `the registry has no package ${source.name}`
        : `the package ${source.name} cannot be had from the registry: ${message}`,
      {
        hint: missing
          ? 'look for its name on wasmer.io, or give a .wasm or .webc file'
          : 'connect to the internet once, or take the package from a file: heyvm images add package.webc my-package',
        cause: error,
      },
    );
  }
  return new SandboxError('image-broken', `${source.name} cannot be run: ${message}`, {
    hint: 'a core module has to be a command for WASI (preview 1) or WASIX, with a function _start',
    cause: error,
  });
}
