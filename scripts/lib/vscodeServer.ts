// A real VS Code server without a download from its vendor: taken out of the npm package code-server, with the few
// native modules that it needs built here. Kept outside the tree.
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ensurePrograms } from './apt.ts';
import { attempt, command } from './command.ts';
import { arch, cache } from './places.ts';
import { Stop, say } from './say.ts';

type Release = {
  /** Of the package. */
  readonly version: string;
  /** The Node that its native modules are built for. */
  readonly node: string;
  /** Modules that the server loads when it starts and that ship without a binary for this platform. */
  readonly compiled: readonly string[];
  /** In the place of what npm cannot give. */
  readonly instead?: Readonly<Record<string, string>>;
};

/** `lowest` has the oldest VS Code that package.json claims to work with. */
const releases = {
  newest: {
    version: '4.139.1',
    node: '24.21.0',
    compiled: ['@vscode/fs-copyfile', '@vscode/native-watchdog', '@vscode/spdlog'],
  },
  lowest: {
    version: '4.105.1',
    node: '22.23.5',
    compiled: ['native-watchdog', '@vscode/spdlog', 'node-pty'],
    instead: { '@parcel/watcher': '2.5.6' },
  },
} as const satisfies Record<string, Release>;

export type ReleaseName = keyof typeof releases;

/** Features that nothing here uses, and that bring half a gigabyte, other platforms' code, or system libraries. */
const unused = [
  '@devcontainers/cli',
  '@github/copilot-sdk',
  '@microsoft/mxc-sdk',
  '@vscode/copilot-api',
  '@vscode/sandbox-runtime',
  '@vscode/sqlite3',
  '@vscode/windows-process-tree',
  '@vscode/windows-registry',
  'kerberos',
  'ssh2',
];

export type VscodeServer = {
  /** The tree with `out/server-main.js`; never written to when it runs. */
  readonly folder: string;
  readonly node: string;
  /** Of VS Code itself. */
  readonly version: string;
  readonly commit: string;
};

export async function ensureVscodeServer(name: ReleaseName = 'newest'): Promise<VscodeServer> {
  const release: Release = releases[name];
  const node = await ensureNode(release.node);
  const folder = join(cache, `vscode-server-${release.version}`);
  if (!existsSync(join(folder, 'out', 'server-main.js'))) await install(release, folder, node);
  const product = readJson(join(folder, 'product.json'));
  const version = String(readJson(join(folder, 'package.json'))['version']);
  return { folder, node, version, commit: String(product['commit']) };
}

/** The same server, whose product.json says more; its other files are those of the cache where the file system can. */
export async function withProduct(
  server: VscodeServer,
  folder: string,
  more: Readonly<Record<string, unknown>>,
): Promise<VscodeServer> {
  const linked = await attempt(['cp', '-al', server.folder, folder]);
  if (linked.code !== 0) {
    rmSync(folder, { recursive: true, force: true });
    await command(['cp', '-a', server.folder, folder]);
  }
  const file = join(folder, 'product.json');
  const product = { ...readJson(file), ...more };
  // Written into, it would be another one in the cache as well.
  rmSync(file);
  writeFileSync(file, JSON.stringify(product));
  return { ...server, folder };
}

/** Node of the one major version that the server's native modules are built for, with its headers. */
async function ensureNode(version: string): Promise<string> {
  const running = dirname(dirname(process.execPath));
  const right = process.versions.node.split('.')[0] === version.split('.')[0];
  if (right && existsSync(join(running, 'include', 'node', 'node.h'))) return process.execPath;
  const name = `node-linux-${arch}`;
  const folder = join(cache, `node-${version}`);
  const node = join(folder, 'node_modules', name, 'bin', 'node');
  if (existsSync(node)) return node;
  say(`installing Node ${version} for the VS Code server`);
  await npm(['install', '--prefix', folder, `${name}@${version}`], dirname(folder), process.execPath);
  return node;
}

async function install(release: Release, folder: string, node: string): Promise<void> {
  if (process.platform !== 'linux') {
    throw new Stop('the VS Code server of the tests is for Linux', 'run npm run test:electron instead');
  }
  say(`installing the VS Code server (npm package code-server ${release.version}, about a minute)`);
  await ensurePrograms([
    { program: 'g++', packages: ['build-essential'], why: 'to build native modules of the VS Code server' },
    { program: 'make', packages: ['make'], why: 'to build native modules of the VS Code server' },
    { program: 'python3', packages: ['python3'], why: 'to build native modules of the VS Code server' },
  ]);
  const making = `${folder}.${process.pid}`;
  rmSync(making, { recursive: true, force: true });
  mkdirSync(making, { recursive: true });
  try {
    const tree = await unpack(release, making);
    await fill(release, tree, node);
    // Another process may have been faster.
    if (!existsSync(folder)) renameSync(tree, folder);
  } finally {
    rmSync(making, { recursive: true, force: true });
  }
}

/** Fetches the package as npm does, integrity check included, and takes only VS Code's tree out of it. */
async function unpack({ version }: Release, making: string): Promise<string> {
  await npm(['pack', '--silent', `code-server@${version}`], making, process.execPath);
  const archive = readdirSync(making).find(name => name.endsWith('.tgz'));
  if (archive === undefined) throw new Stop('npm pack left no archive of code-server');
  await command(['tar', '-xzf', archive, 'package/lib/vscode'], { cwd: making });
  return join(making, 'package', 'lib', 'vscode');
}

async function fill({ compiled, instead }: Release, tree: string, node: string): Promise<void> {
  const file = join(tree, 'package.json');
  const wanted = readJson(file);
  wanted['dependencies'] = { ...without(wanted['dependencies'], unused), ...instead };
  wanted['overrides'] = without(wanted['overrides'], ['kerberos@2.1.1', 'koffi']);
  writeFileSync(file, JSON.stringify(wanted, null, 2));
  const quick = ['install', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund'];
  await npm(quick, tree, node);
  await npm(quick, join(tree, 'extensions'), node);
  await npm(['rebuild', ...compiled], tree, node);
}

async function npm(args: readonly string[], cwd: string, node: string): Promise<void> {
  const folder = dirname(dirname(node));
  const env = {
    ...process.env,
    PATH: `${join(folder, 'bin')}:${process.env['PATH'] ?? ''}`,
    npm_config_nodedir: folder,
    npm_config_update_notifier: 'false',
    npm_config_loglevel: 'error',
  };
  await command(['npm', ...args], { cwd, env });
}

function without(from: unknown, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(from ?? {}).filter(([name]) => !names.includes(name)));
}

function readJson(path: string): Record<string, unknown> {
  return JSON.parse(readFileSync(path, 'utf8'));
}
