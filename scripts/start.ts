// Shows the product: a branch in its own sandbox, and VS Code on it. With --check it proves that it works and ends.
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { buildAll } from './build.ts';
import { ensurePrograms } from './lib/apt.ts';
import { command, which } from './lib/command.ts';
import { makeDemo } from './lib/demo.ts';
import { installExtension } from './lib/extensionIn.ts';
import { heyvmIn, type Opened, openBranch } from './lib/openBranch.ts';
import { cache } from './lib/places.ts';
import { proveAll } from './lib/prove.ts';
import { main, Stop, say } from './lib/say.ts';
import { quietSettings } from './lib/scene.ts';
import { type Served, serveVscode } from './lib/serveVscode.ts';
import { ensureVscodeServer } from './lib/vscodeServer.ts';
import { packOnce } from './lib/vsix.ts';
import { writeWindowFile } from './lib/windowFile.ts';

type Asked = { readonly repository?: string; readonly branch?: string; readonly mode: 'stay' | 'check' };

await main(async () => {
  const asked = readArguments(process.argv.slice(2));
  await ensurePrograms([
    { program: 'git', packages: ['git'], why: 'worktrees' },
    { program: 'bwrap', packages: ['bubblewrap'], why: 'sandboxes on this machine' },
    { program: 'ssh', packages: ['openssh-client'], why: 'to connect to sandboxes' },
  ]);
  await buildAll();
  return asked.mode === 'check' ? await check(asked) : await stay(asked);
});

function readArguments(args: readonly string[]): Asked {
  const [repository, branch, ...more] = args.filter(arg => !arg.startsWith('--'));
  const unknown = args.find(arg => arg.startsWith('--') && arg !== '--check');
  if (unknown !== undefined || more.length > 0) {
    throw new Stop(
      `cannot make sense of ${unknown ?? more[0]}`,
      'npm start [-- <repository> <branch>] [-- --check]',
    );
  }
  return {
    ...(repository === undefined ? {} : { repository: resolve(repository) }),
    ...(branch === undefined ? {} : { branch }),
    mode: args.includes('--check') ? 'check' : 'stay',
  };
}

async function stay(asked: Asked): Promise<number> {
  const { repository, branch } = await chooseBranch(asked, join(cache, 'demo'));
  const opened = await openBranch(heyvmIn(repository, process.env), branch);
  say(
    `\n${branch} is open in ${opened.sandbox.name} (${opened.sandbox.backend_type}): ${opened.worktree.path}`,
  );
  const vsix = await packOnce();
  const desktop = desktopEditor();
  if (desktop !== undefined) {
    await command([desktop, '--install-extension', vsix, '--force']);
    await command([desktop, '--new-window', writeWindowFile(cache, opened.sandbox)]);
    say(`VS Code is opening. ${whatNext(opened)}`);
    return 0;
  }
  const { served, address } = await serve(opened, join(cache, 'vscode-data'), vsix);
  say(`\nVS Code: ${address}\n\n${whatNext(opened)}\nCtrl-C ends this server; the sandbox goes on running.`);
  await new Promise<void>(done => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => done());
    served.process.once('exit', () => done());
  });
  await served.stop();
  return 0;
}

/** Everything in a folder of its own, so that nothing is left behind. */
async function check(asked: Asked): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'hv-'));
  const env = { ...process.env, HEYO_HOME: join(folder, 'h') };
  const { repository, branch } = await chooseBranch(asked, folder);
  const heyvm = heyvmIn(repository, env);
  let served: Served | undefined;
  try {
    const opened = await openBranch(heyvm, branch);
    const data = join(folder, 'vscode');
    const window = await serve(opened, data, await packOnce(), env);
    served = window.served;
    const proofs = await proveAll({
      heyvm,
      opened,
      repository,
      address: window.address,
      origin: served.origin,
    });
    say('');
    for (const { what, how } of proofs)
      say(`${how === 'failed' ? 'FAIL' : 'ok  '} ${what}${how === 'skipped' ? ' (not run)' : ''}`);
    return proofs.some(({ how }) => how === 'failed') ? 1 : 0;
  } finally {
    await served?.stop();
    await heyvm('wt', branch, '--remove', ...(asked.repository === undefined ? ['--force'] : []));
    await heyvm('prune', '--yes', '--stopped');
    rmSync(folder, { recursive: true, force: true });
  }
}

async function chooseBranch(asked: Asked, folder: string): Promise<{ repository: string; branch: string }> {
  if (asked.repository !== undefined) {
    if (asked.branch === undefined)
      throw new Stop('no branch was named', 'npm start -- <repository> <branch>');
    if (!existsSync(asked.repository)) throw new Stop(`${asked.repository} does not exist`);
    return { repository: asked.repository, branch: asked.branch };
  }
  const repository = join(folder, 'tea');
  return existsSync(join(repository, '.git'))
    ? { repository, branch: 'feature/oolong' }
    : await makeDemo(repository);
}

async function serve(
  opened: Opened,
  data: string,
  vsix: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<{ served: Served; address: string }> {
  const server = await ensureVscodeServer();
  mkdirSync(data, { recursive: true, mode: 0o700 });
  await installExtension(server, data, vsix);
  const token = randomBytes(16).toString('hex');
  const served = await serveVscode({ server, data, env, settings: quietSettings, token });
  const workspace = writeWindowFile(join(data, 'data', 'User', 'globalStorage'), opened.sandbox);
  return { served, address: `${served.origin}/?${new URLSearchParams({ tkn: token, workspace })}` };
}

/** VS Code of the desktop, where there is a desktop. */
function desktopEditor(): string | undefined {
  const screen = process.platform !== 'linux' || process.env['DISPLAY'] || process.env['WAYLAND_DISPLAY'];
  return screen ? ['code', 'codium', 'code-insiders'].map(which).find(path => path !== undefined) : undefined;
}

function whatNext({ sandbox }: Opened): string {
  return [
    `Its terminals are inside the sandbox. Also: heyvm sh ${sandbox.name}`,
    `To end it: heyvm rm --force ${sandbox.name} (heyvm is ${join(basename(process.cwd()), 'dist', 'heyvm')})`,
  ].join('\n');
}
