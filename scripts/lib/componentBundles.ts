// The processes in which components of WebAssembly run and are made ready, which are jco's for the most part.
import { readFileSync } from 'node:fs';
import type { BuildOptions, Plugin } from 'esbuild';
import type { Bundle } from './bundles.ts';

const source = 'server/backends/wasip2/programs';
const vendor = 'node_modules/@bytecodealliance/jco-transpile/vendor';

const options: BuildOptions = {
  banner: { js: `const ownAddress=require('node:url').pathToFileURL(__filename).href;` },
  define: { 'import.meta.url': 'ownAddress' },
  plugins: [lateThread()],
};

/** What jco's compiler looks for beside itself, by the names that it has for them. */
const compiler = ['js-component-bindgen-component', 'wasm-tools'].flatMap(name =>
  ['core', 'core2'].map(part => `${name}.${part}.wasm`),
);

export const componentBundles: readonly Bundle[] = [
  { name: 'runners/wasip2', entry: `${source}/wasip2.ts`, ships: true, options },
  { name: 'runners/wasip2-io', entry: `${source}/wasip2Io.ts`, ships: true, options },
  {
    name: 'runners/wasip2-prepare',
    entry: `${source}/wasip2Prepare.ts`,
    ships: true,
    options,
    beside: {
      ...Object.fromEntries(compiler.map(name => [name, `${vendor}/${name}`])),
      'wasip2-preview1.wasm': `${source}/preview1.wasm`,
    },
  },
];

/** jco's shim starts a thread when it is loaded, which costs more than most programs that never need it. */
function lateThread(): Plugin {
  const edits: readonly [RegExp, (text: string) => string][] = [
    [
      /preview2-shim\/dist\/synckit\/index\.js$/,
      text =>
        `${replaced(text, 'export function createSyncFn', 'function createEarly')}
export function createSyncFn(...how) { let call; return (...words) => (call ??= createEarly(...how))(...words); }`,
    ],
    [
      /preview2-shim\/dist\/io\/worker-io\.js$/,
      text => replaced(text, './worker-thread.bundle.js', './wasip2-io.cjs'),
    ],
  ];
  return {
    name: 'late-thread',
    setup(hooks) {
      for (const [filter, edit] of edits) {
        hooks.onLoad({ filter }, ({ path }) => ({ contents: edit(readFileSync(path, 'utf8')) }));
      }
    },
  };
}

function replaced(text: string, from: string, to: string): string {
  if (!text.includes(from)) throw new Error(`preview2-shim is not as expected: no ${from}`);
  return text.replace(from, to);
}
