// Everything that a run in VS Code needs to itself: a store, a home, a repository and a server, and how they end.
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { attempt } from './command.ts';
import { makeDemo } from './demo.ts';
import { artifacts, dist, root } from './places.ts';
import { type Served, serveVscode, writeSettings } from './serveVscode.ts';
import { ensureVscodeServer, type ReleaseName, withProduct } from './vscodeServer.ts';

export type Scene = {
  readonly folder: string;
  readonly home: string;
  readonly repository: string;
  readonly branch: string;
  readonly env: NodeJS.ProcessEnv;
  readonly served: Served;
  /** Added to those of the user; windows that are opened from now on begin with them. */
  set(settings: Readonly<Record<string, unknown>>): void;
  /** The address of a window on a folder, with the extension of this tree in development mode. */
  windowOn(folder: string, extra?: readonly (readonly [string, string])[]): string;
  heyvm(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }>;
  end(): Promise<void>;
};

/** Settings under which a window shows the product and nothing that is not ours. */
export const quietSettings = {
  'chat.agentHost.enabled': false,
  'chat.disableAIFeatures': true,
  'extensions.autoCheckUpdates': false,
  'extensions.ignoreRecommendations': true,
  'git.openRepositoryInParentFolders': 'never',
  'remote.extensionKind': { 'heyvm.heyvm': ['workspace'] },
  'security.workspace.trust.enabled': false,
  'telemetry.telemetryLevel': 'off',
  'terminal.integrated.enablePersistentSessions': false,
  'terminal.integrated.suggest.enabled': false,
  'update.mode': 'none',
  'window.commandCenter': false,
  'workbench.enableExperiments': false,
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'workbench.startupEditor': 'none',
  'workbench.tips.enabled': false,
} as const;

export type SceneOptions = {
  readonly env?: NodeJS.ProcessEnv;
  /** The newest one when it is left out. */
  readonly editor?: ReleaseName | undefined;
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Folders of more extensions, by the names under which an editor keeps them. */
  readonly extensions?: Readonly<Record<string, string>>;
  /** What the editor says about itself, added to what its product.json holds. */
  readonly product?: Readonly<Record<string, unknown>>;
};

export async function openScene(name: string, options: SceneOptions = {}): Promise<Scene> {
  const installed = await ensureVscodeServer(options.editor);
  // Socket paths are short, so the folder is as well.
  const folder = mkdtempSync(join(tmpdir(), 'hv-'));
  const home = join(folder, 'h');
  const user = join(folder, 'user');
  const data = join(folder, 'vscode');
  for (const made of [home, user, data]) mkdirSync(made, { mode: 0o700 });
  writeFileSync(join(user, '.gitconfig'), '[user]\n\tname = Tea Drinker\n\temail = tea@example.com\n');
  const server =
    options.product === undefined
      ? installed
      : await withProduct(installed, join(folder, 'editor'), options.product);
  const { repository, branch } = await makeDemo(join(folder, 'tea'));
  const env = { ...process.env, HEYO_HOME: home, HOME: user, ...options.env };
  const settings: Record<string, unknown> = { ...quietSettings, ...options.settings };
  for (const [name, from] of Object.entries(options.extensions ?? {}))
    cpSync(from, join(data, 'extensions', name), { recursive: true });
  const served = await serveVscode({ server, data, env, settings, smokeTestDriver: 'on' });
  const heyvm = (...args: string[]) => attempt([join(dist, 'heyvm'), ...args], { cwd: repository, env });
  return {
    folder,
    home,
    repository,
    branch,
    env,
    served,
    set: more => writeSettings(data, Object.assign(settings, more)),
    heyvm,
    windowOn: (path, extra = []) => addressOf(served, path, extra),
    end: async () => {
      await served.stop();
      keepLog(name, served.log);
      await removeAll(heyvm);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function addressOf(served: Served, path: string, extra: readonly (readonly [string, string])[]): string {
  const remote = (absolute: string) => `vscode-remote://127.0.0.1:${served.port}${absolute}`;
  const payload = [
    ['extensionDevelopmentPath', remote(root)],
    ...extra.map(([key, value]) => [key, remote(value)]),
  ];
  const query = new URLSearchParams({ folder: path, payload: JSON.stringify(payload) });
  return `${served.origin}/?${query}`;
}

function keepLog(name: string, log: string): void {
  const folder = join(artifacts, 'logs');
  mkdirSync(folder, { recursive: true });
  void attempt(['cp', log, join(folder, `${name}-server.log`)]);
}

async function removeAll(heyvm: Scene['heyvm']): Promise<void> {
  const listed = await heyvm('list', '--format', 'json');
  const ids = [...new Set(listed.stdout.match(/sb-[0-9a-f]{8}/g))];
  if (ids.length > 0) await heyvm('rm', '--force', '--yes', ...ids);
}
