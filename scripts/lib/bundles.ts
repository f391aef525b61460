// What is bundled from what: one entry per program, and how esbuild makes it.
import { copyFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BuildOptions, build, type Metafile, type OnResolveArgs, type Plugin } from 'esbuild';
import { parts } from '../../server/bin/programs.ts';
import { componentBundles } from './componentBundles.ts';
import { dist, root } from './places.ts';

export type Bundle = {
  readonly name: string;
  readonly entry: string;
  /** Bundles that only tests load are never packed. */
  readonly ships: boolean;
  readonly options?: BuildOptions;
  /** `mjs`: a module for programs that load others by their addresses; `js`: a script for a page of the editor's. */
  readonly form?: 'cjs' | 'mjs' | 'js';
  /** Files that lie beside it, by their names there. */
  readonly beside?: Readonly<Record<string, string>>;
};

const OLDEST_NODE = 22;

/** A stale Node should say so, not fail on its first unknown word. */
const versionGuard = `if(+process.versions.node.split('.')[0]<${OLDEST_NODE}){console.error('heyvm: needs Node ${OLDEST_NODE} or newer, this is '+process.versions.node+'\\n  install a newer Node, or set HEYVM_NODE to one');process.exit(5)}`;

/** Packages that owners and commands need seldom, or for one backend alone: read, and kept in memory, with their first use. */
const apart: Readonly<Record<string, string>> = {
  '@xmldom/xmldom': 'lib/index.js',
  dockerode: 'lib/docker.js',
  execa: 'index.js',
  ssh2: 'lib/index.js',
  'vscode-jsonrpc/node': '../lib/node/main.js',
  yaml: 'dist/index.js',
};

const wasmer = 'node_modules/@wasmer/sdk';

export const bundles: readonly Bundle[] = [
  {
    name: 'cli',
    entry: 'server/bin/cli.ts',
    ships: true,
    options: {
      banner: { js: versionGuard },
      plugins: [inFileOfItsOwn('agents/sdk.ts', 'mcp'), packagesApart()],
    },
  },
  { name: 'mcp', entry: 'server/agents/sdk.ts', ships: true },
  { name: 'brief', entry: 'server/bin/cli.ts', ships: true, options: { plugins: [briefOnly()] } },
  {
    name: 'making',
    entry: 'server/bin/cli.ts',
    ships: true,
    options: { banner: { js: versionGuard }, plugins: [makingOnly(), packagesApart()] },
  },
  { name: 'start', entry: 'server/bin/start.ts', ships: true },
  { name: 'owner', entry: 'server/bin/owner.ts', ships: true, options: { plugins: [packagesApart()] } },
  ...Object.entries(apart).map(([name, entry]) => ({
    name: placeOf(name),
    entry: join('node_modules', name, entry),
    ships: true,
  })),
  { name: 'helper', entry: 'server/bin/helper.ts', ships: true },
  {
    name: 'extension',
    entry: 'extension/main.ts',
    ships: true,
    options: {
      plugins: [inFileOfItsOwn('helperClient.ts', 'client'), inFileOfItsOwn('doctor/page.ts', 'doctor')],
    },
  },
  { name: 'doctor', entry: 'extension/doctor/page.ts', ships: true },
  {
    name: 'webview/doctor',
    entry: 'extension/doctor/view/main.ts',
    ships: true,
    form: 'js',
    options: { platform: 'browser', target: 'chrome120' },
    beside: { 'doctor.css': 'extension/doctor/view/doctor.css' },
  },
  { name: 'client', entry: 'extension/helperClient.ts', ships: true },
  {
    name: 'runners/wasix',
    entry: 'server/backends/wasix/child/main.ts',
    ships: true,
    form: 'mjs',
    options: {
      plugins: [withoutWisp()],
      define: { 'process.env.HEYVM_WASMER': JSON.stringify(versionOf(wasmer)) },
    },
    beside: { 'wasix.wasm': `${wasmer}/pkg/wasmer_sdk_js_bg.wasm` },
  },
  {
    name: 'runners/wasix-worker',
    entry: 'server/backends/wasix/child/worker.ts',
    ships: true,
    form: 'mjs',
  },
  { name: 'runners/wasix-sdk', entry: `${wasmer}/pkg/wasmer_sdk_js.js`, ships: true, form: 'mjs' },
  ...componentBundles,
  {
    name: 'test/vscode',
    entry: 'test/vscode/index.ts',
    ships: false,
    options: { external: ['vscode', 'mocha', '*.node'] },
  },
];

const formats = { cjs: 'cjs', mjs: 'esm', js: 'iife' } as const;

export type Built = { readonly bundle: Bundle; readonly bytes: number; readonly metafile: Metafile };

/** Undefined when the entry does not exist. */
export async function makeBundle(bundle: Bundle, buildId: string, folder = dist): Promise<Built | undefined> {
  if (!existsSync(join(root, bundle.entry))) return undefined;
  const form = bundle.form ?? 'cjs';
  const outfile = join(folder, `${bundle.name}.${form}`);
  const { external = ['vscode', '*.node'], define, ...options } = bundle.options ?? {};
  const done = await build({
    absWorkingDir: root,
    entryPoints: [bundle.entry],
    outfile,
    bundle: true,
    platform: 'node',
    format: formats[form],
    target: `node${OLDEST_NODE}`,
    minify: true,
    sourcemap: 'external',
    legalComments: 'none',
    metafile: true,
    logLevel: 'silent',
    // A required module is evaluated when it is reached, as an imported one is, and costs less.
    supported: form === 'mjs' ? {} : { 'dynamic-import': false },
    mainFields: ['module', 'main'],
    define: {
      ...(form === 'mjs' ? {} : { 'import.meta.dirname': '__dirname', 'import.meta.filename': '__filename' }),
      'process.env.HEYVM_BUILD': JSON.stringify(buildId),
      ...define,
    },
    external: [...external],
    ...options,
    plugins: [lightEngine(), ...(options.plugins ?? [])],
  });
  const { metafile } = done;
  if (metafile === undefined) throw new Error(`esbuild gave no metafile for ${bundle.name}`);
  for (const [name, source] of Object.entries(bundle.beside ?? {}))
    copyFileSync(join(root, source), join(outfile, '..', name));
  const bytes = Object.values(metafile.outputs).find(output => output.entryPoint !== undefined)?.bytes ?? 0;
  return { bundle, bytes, metafile };
}

function versionOf(folder: string): string {
  return JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')).version;
}

/** A way to the network for browsers, under a license that we do not ship. */
function withoutWisp(): Plugin {
  return {
    name: 'without-wisp',
    setup(hooks) {
      hooks.onResolve({ filter: /\/wisp-network\.js$/ }, ({ path }) => ({ path, namespace: 'without-wisp' }));
      hooks.onLoad({ filter: /./, namespace: 'without-wisp' }, () => ({ contents: 'export {};' }));
    },
  };
}

/** What costs more to load than everything else is a file of its own, which is loaded when it is needed. */
function inFileOfItsOwn(module: string, name: string): Plugin {
  const file = `${name}.cjs`;
  return {
    name: `${name}-in-a-file-of-its-own`,
    setup(hooks) {
      hooks.onResolve({ filter: /^\..*\.ts$/ }, ({ path, importer }) => {
        const asked = join(importer, '..', path);
        return asked.endsWith(`/${module}`) ? { path: `./${file}`, external: true } : undefined;
      });
    },
  };
}

function placeOf(name: string): string {
  return `owner/${name.replace(/^@/, '').replaceAll('/', '-')}`;
}

function packagesApart(): Plugin {
  return {
    name: 'packages-apart',
    setup(hooks) {
      hooks.onResolve({ filter: /^[a-z@]/ }, ({ path }) =>
        path in apart ? { path: `./${placeOf(path)}.cjs`, external: true } : undefined,
      );
    },
  };
}

/** Parts of dockerode that heyvm never asks for: gRPC for BuildKit, an SSH client, packing folders. */
const unasked = ['./session', './buildkit', './ssh', 'tar-fs', 'zlib', '@balena/dockerignore'];

/**
 * What stands in for the rest: nobody reads the log, Node's own streams are what a newer release would use, and few
 * engines are reached over TLS, which takes long to load.
 */
const inPlace: Readonly<Record<string, string>> = {
  debug: 'module.exports = () => () => {};',
  https: `module.exports = { request: (...args) => require('node:https').request(...args) };`,
  'readable-stream': `module.exports = require('node:stream');`,
};

/** Those take longer to load than everything else in these programs; whoever asks for one is told. */
function lightEngine(): Plugin {
  return {
    name: 'light-engine',
    setup(hooks) {
      hooks.onResolve({ filter: /./ }, ({ path, importer }) => {
        if (!/node_modules\/(dockerode|docker-modem)\//.test(importer)) return undefined;
        if (!unasked.includes(path) && !(path in inPlace)) return undefined;
        return { path, namespace: 'light-engine' };
      });
      hooks.onLoad({ filter: /./, namespace: 'light-engine' }, ({ path }) => ({
        contents: inPlace[path] ?? refusing(path),
        resolveDir: root,
      }));
    },
  };
}

function refusing(path: string): string {
  return [
    `const refuse = () => { throw new Error(${JSON.stringify(`dockerode's ${path} is not part of this program`)}); };`,
    'module.exports = new Proxy(refuse, { get: refuse });',
  ].join('\n');
}

/** What is said about commands that neither part runs. */
const otherTables = /\/table\/(images|machine|moments|projects)\.ts$/;

/** Methods that none of these commands calls. */
const otherMethods = /\/(client|editor|file|forward|image|project|review)Methods\.ts$/;

/** What `list`, `get` and `exec` import late in every run; nothing else is there. */
const briefly = isOneOf([...parts.brief, 'service', 'sandboxHandlers']);

/** Commands, and nouns of the service; what those import late themselves is all there. */
const making = isOneOf([...parts.making, 'sandboxHandlers']);
const families = /\/server\/(cli\/table\/\w+|service\/service)\.ts$/;

function isOneOf(names: readonly string[]): RegExp {
  return new RegExp(`/(${names.join('|')})\\.ts$`);
}

/** Commands that people and agents call in loops, in a program a fifth as large. */
function briefOnly(): Plugin {
  return partOnly('brief-only', ({ path }) => briefly.test(path));
}

/** Commands that scripts call for each program that they run. */
function makingOnly(): Plugin {
  return partOnly('making-only', ({ path, importer }) => !families.test(importer) || making.test(path));
}

/**
 * Whoever imports late what is left out waits for ever, while the whole program starts over in the same process; so
 * nothing that is not there may be imported late by these commands once they have had an effect.
 */
function partOnly(name: string, isThere: (late: OnResolveArgs) => boolean): Plugin {
  return {
    name,
    setup(hooks) {
      hooks.onResolve({ filter: /./ }, args => {
        const { kind, path } = args;
        if (path === './cli.cjs') return { path, external: true };
        if (otherTables.test(path)) return { path: 'tables', namespace: 'tables' };
        if (otherMethods.test(path)) return { path: 'methods', namespace: 'methods' };
        return kind !== 'dynamic-import' || isThere(args) ? undefined : { path: 'rest', namespace: 'rest' };
      });
      hooks.onLoad({ filter: /./, namespace: 'tables' }, () => ({
        contents:
          'export const imageCommands = [], machineCommands = [], momentCommands = [], projectCommands = [];',
      }));
      hooks.onLoad({ filter: /./, namespace: 'methods' }, () => ({
        contents:
          'export const clientMethods = {}, editorMethods = {}, fileMethods = {}, forwardMethods = {}, imageMethods = {}, projectMethods = {}, reviewMethods = {};',
      }));
      // A module with a `then` is a promise to whoever awaits its import, and this one is never kept.
      hooks.onLoad({ filter: /./, namespace: 'rest' }, () => ({
        contents: `require('./cli.cjs'); exports.then = () => {};`,
      }));
    },
  };
}
