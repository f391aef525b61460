// A handler of HTTP requests in JavaScript.
import type { ProjectPreset } from '../../../core/projectPreset.ts';

const source = `// Answers requests; each finds a fresh instance, so nothing is kept between them.
addEventListener('fetch', event => event.respondWith(answer(event.request)));

async function answer(request) {
  const { pathname } = new URL(request.url);
  console.log(\`asked for \${pathname}\`);
  return new Response(\`hello from \${pathname}\\n\`);
}
`;

const world = `package project:server;

world server {
  import wasi:cli/environment@0.2.3;
  import wasi:cli/stdout@0.2.3;
  import wasi:cli/stderr@0.2.3;
  import wasi:clocks/wall-clock@0.2.3;
  import wasi:http/outgoing-handler@0.2.3;
  export wasi:http/incoming-handler@0.2.3;
}
`;

const manifest = `{
  "private": true,
  "type": "module",
  "scripts": { "build": "node build.mjs" },
  "devDependencies": { "@bytecodealliance/jco": "1.35.0" },
  "overrides": { "@bytecodealliance/preview2-shim": "0.25.0" }
}
`;

const build = `// Makes build/server.wasm from server.js with componentize-js.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const here = import.meta.dirname;
const jco = join(here, 'node_modules', '@bytecodealliance', 'jco');
if (!existsSync(jco)) {
  console.error('jco is missing: npm install --ignore-scripts');
  process.exit(1);
}
// jco has the interfaces of one version of WASI, and componentize-js knows those of another.
const [HAS, KNOWS] = ['0.2.12', '0.2.3'];
const wit = join(here, 'build', 'wit');
rmSync(wit, { recursive: true, force: true });
mkdirSync(wit, { recursive: true });
cpSync(join(jco, 'lib', 'wit', 'builtin', HAS), join(wit, 'deps'), { recursive: true });
for (const name of readdirSync(join(wit, 'deps'), { recursive: true, encoding: 'utf8' })) {
  const file = join(wit, 'deps', name);
  if (name.endsWith('.wit')) writeFileSync(file, readFileSync(file, 'utf8').replaceAll(HAS, KNOWS));
}
cpSync(join(here, 'server.wit'), join(wit, 'server.wit'));
const words = ['componentize', 'server.js', '--wit', wit, '-n', 'server', '-o', join('build', 'server.wasm')];
const made = spawnSync(process.execPath, [join(jco, 'dist', 'jco.js'), ...words], { cwd: here, stdio: 'inherit' });
process.exit(made.status ?? 1);
`;

const sandbox = `# What heyvm up starts. Build first: npm install --ignore-scripts && npm run build
# A sandbox keeps the component that it was made from; for a new one: heyvm rm --force <name> && heyvm up
backend: wasip2
runtime: wasm
image: ./build/server.wasm

# It is served on this port of the sandbox: heyvm forward <name> 8080
ready: { port: 8080, timeout: 2m }

# What it may reach: none or open.
# network: none

# env:
#   NAME: value

# limits: { memory: 512m }
`;

export const http: ProjectPreset = {
  name: 'wasm-http',
  about: 'JavaScript that answers HTTP requests, as a component of WebAssembly',
  signs: [],
  files: [
    { path: 'server.js', content: source },
    { path: 'server.wit', content: world },
    { path: 'package.json', content: manifest },
    { path: 'build.mjs', content: build },
    { path: '.gitignore', content: 'build/\nnode_modules/\n' },
    { path: '.heyvm/sandbox.yaml', content: sandbox },
  ],
  first: 'npm install --ignore-scripts && npm run build',
};
