// Which folder may import which, and which packages; everything that is not named here is forbidden.

/** Folders of server/ by what each may import besides itself. */
const may = {
  protocol: [],
  core: ['protocol'],
  platform: ['protocol', 'core'],
  store: ['protocol', 'core', 'platform'],
  wire: ['protocol', 'core', 'platform'],
  rpc: ['protocol', 'core', 'platform'],
  sftp: ['protocol', 'core'],
  programs: ['protocol', 'core'],
  copy: ['protocol', 'core', 'platform', 'sftp'],
  project: ['protocol', 'core'],
  clients: ['core', 'project'],
  engine: ['protocol', 'core', 'platform'],
  backends: ['protocol', 'core', 'platform', 'wire', 'sftp', 'engine', 'store/lock.ts'],
  worktrees: ['protocol', 'core', 'platform', 'store'],
  ssh: ['protocol', 'core', 'platform', 'store', 'wire'],
  images: ['protocol', 'core', 'platform', 'store', 'engine'],
  editor: ['protocol', 'core', 'platform', 'store', 'images'],
  owner: ['protocol', 'core', 'platform', 'store', 'wire', 'rpc', 'backends', 'worktrees', 'ssh', 'images'],
  service: [
    'protocol',
    'core',
    'platform',
    'store',
    'wire',
    'rpc',
    'sftp',
    'programs',
    'copy',
    'project',
    'clients',
    'backends',
    'worktrees',
    'owner',
    'ssh',
    'images',
    'editor',
    'agents',
  ],
  helper: ['protocol', 'core', 'platform', 'store', 'rpc', 'project', 'service'],
  cli: [
    'protocol',
    'core',
    'platform',
    'store',
    'wire',
    'sftp',
    'programs',
    'copy',
    'project',
    'clients',
    'owner',
    'ssh',
    'service',
    'agents',
  ],
  agents: ['protocol', 'core', 'store', 'sftp', 'programs', 'owner'],
};

/** Packages and the one place that may load each. */
const owners = {
  vscode: '^extension/',
  'vscode-languageclient': '^extension/',
  'vscode-languageserver': '^server/(helper|bin)/',
  'vscode-jsonrpc': '^server/(rpc|helper)/',
  '@bytecodealliance': '^server/backends/wasip2/(inside|programs)/',
  dockerode: '^server/(engine|backends)/',
  execa: '^server/platform/',
  ssh2: '^server/ssh/',
  'jsonc-parser': '^server/(project|clients)/',
  'smol-toml': '^server/clients/',
  diff: '^server/cli/',
  yaml: '^server/(store|project)/',
  '@modelcontextprotocol/sdk': '^server/agents/',
};

const product = '^(server|extension)/(?!.*[.]test[.]ts$)';

const folders = Object.entries(may).map(([folder, allowed]) => ({
  name: `${folder}-imports`,
  comment: `server/${folder} may import ${['itself', ...allowed].join(', ')}`,
  severity: 'error',
  from: { path: `^server/${folder}/`, pathNot: '[.]test[.]ts$' },
  to: {
    path: '^(server|extension|scripts|test)/',
    pathNot: `^server/(${[folder, ...allowed].join('|')})(/|$)`,
  },
}));

const packages = Object.entries(owners).map(([name, place]) => ({
  name: `only-place-of-${name}`,
  severity: 'error',
  from: { path: product, pathNot: place },
  to: { path: `(^|node_modules/)(@types/)?${name}(/|$)` },
}));

// biome-ignore lint/style/noDefaultExport: the import checker loads its rules by their default export.
export default {
  forbidden: [
    ...folders,
    ...packages,
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'unresolvable',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true, pathNot: '^(vscode|[.]/client[.]cjs)$' },
    },
    {
      name: 'extension-knows-the-protocol-alone',
      severity: 'error',
      from: { path: '^extension/', pathNot: '[.]test[.]ts$' },
      to: { path: '^(server|scripts|test)/', pathNot: '^server/protocol/' },
    },
    {
      name: 'product-imports-no-tests',
      severity: 'error',
      from: { path: product },
      to: { path: '^(test|scripts)/' },
    },
    {
      name: 'protocol-is-pure',
      severity: 'error',
      from: { path: '^server/protocol/' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'core-is-pure',
      comment: 'types of streams describe a guest; nothing of Node may run',
      severity: 'error',
      from: { path: '^server/core/', pathNot: '[.]test[.]ts$' },
      to: { dependencyTypes: ['core'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'only-platform-starts-processes',
      severity: 'error',
      from: { path: '^server/', pathNot: '^server/platform/|[.]test[.]ts$' },
      to: { path: '^(node:)?child_process$', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'backends-are-strangers',
      comment: 'a backend shares with others only what is in kit',
      severity: 'error',
      from: { path: '^server/backends/([^/]+)/', pathNot: '^server/backends/kit/' },
      to: { path: '^server/backends/', pathNot: '^server/backends/($1|kit)/' },
    },
    {
      name: 'only-the-registry-imports-backends',
      severity: 'error',
      from: { path: '^(server|extension)/', pathNot: '^server/backends/' },
      to: { path: '^server/backends/', pathNot: '^server/backends/registry[.]ts$' },
    },
    {
      name: 'the-registry-imports-manifests',
      severity: 'error',
      from: { path: '^server/backends/registry[.]ts$' },
      to: { path: '^server/backends/', pathNot: '^server/backends/[^/]+/index[.]ts$' },
    },
    {
      name: 'small-zod',
      comment: 'the full build of zod costs more to load than most commands take',
      severity: 'error',
      from: { path: product },
      to: { path: 'node_modules/zod/', pathNot: 'node_modules/zod/(v4/)?(mini|core|locales)/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.base.json' },
    parser: 'swc',
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
};
