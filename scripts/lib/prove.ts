// Proves that an opened branch works: inside, on the host, and in VS Code.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { findBrowser, openBrowser } from './browser.ts';
import { attempt } from './command.ts';
import type { Heyvm, Opened } from './openBranch.ts';
import { openTerminal, screenshot, untilReady } from './workbench.ts';

export type Proof = { readonly what: string; readonly how: 'held' | 'failed' | 'skipped' };

export type Subject = {
  readonly heyvm: Heyvm;
  readonly opened: Opened;
  readonly repository: string;
  /** Of the window, with its token. */
  readonly address: string;
  readonly origin: string;
};

export async function proveAll(subject: Subject): Promise<Proof[]> {
  const proofs: Proof[] = [];
  for (const prove of [
    commandRuns,
    fileArrives,
    commitArrives,
    workbenchAnswers,
    strangersAreRefused,
    workbenchLoads,
  ]) {
    proofs.push(
      await prove(subject).catch(error => ({
        what: `${prove.name}: ${String(error)}`,
        how: 'failed' as const,
      })),
    );
  }
  return proofs;
}

async function commandRuns({ heyvm, opened }: Subject): Promise<Proof> {
  const done = await heyvm('exec', opened.sandbox.name, '--', 'sh', '-c', 'pwd; id -un');
  return proof(
    done.code === 0 && done.stdout.startsWith('/workspace\n'),
    `a command ran inside: ${oneLine(done.stdout)}`,
  );
}

async function fileArrives({ heyvm, opened }: Subject): Promise<Proof> {
  const done = await heyvm('exec', opened.sandbox.name, '--', 'sh', '-c', 'echo from inside > proof.txt');
  const path = join(opened.worktree.path, 'proof.txt');
  const seen = existsSync(path) ? readFileSync(path, 'utf8') : '';
  return proof(done.code === 0 && seen === 'from inside\n', `a file written inside is on the host: ${path}`);
}

async function commitArrives({ heyvm, opened, repository }: Subject): Promise<Proof> {
  const identity = ['-c', 'user.name=Inside', '-c', 'user.email=inside@example.com'];
  const add = await heyvm('exec', opened.sandbox.name, '--', 'git', 'add', 'proof.txt');
  const done = await heyvm(
    'exec',
    opened.sandbox.name,
    '--',
    'git',
    ...identity,
    'commit',
    '-q',
    '-m',
    'Made inside',
  );
  const branch = opened.sandbox.worktree?.branch ?? 'HEAD';
  const log = await attempt(['git', 'log', '-1', '--format=%an: %s', branch, '--'], { cwd: repository });
  const arrived = add.code === 0 && done.code === 0 && log.stdout === 'Inside: Made inside\n';
  return proof(
    arrived,
    `a commit made inside is in the repository: ${oneLine(log.stdout) || oneLine(done.stderr)}`,
  );
}

async function workbenchAnswers({ address, origin }: Subject): Promise<Proof> {
  const answer = await fetch(address, { redirect: 'manual' });
  const cookie = answer.headers.get('set-cookie')?.split(';')[0] ?? '';
  const next = new URL(answer.headers.get('location') ?? address, origin);
  const page = await (await fetch(next, { headers: { cookie } })).text();
  return proof(
    page.includes('vscode-workbench-web-configuration'),
    `the VS Code workbench answers on ${origin}`,
  );
}

async function strangersAreRefused({ origin }: Subject): Promise<Proof> {
  const answer = await fetch(origin, { redirect: 'manual' });
  return proof(answer.status === 403, `without its token it answers ${answer.status}`);
}

/** Only where a browser is there already; a check should not install one. */
async function workbenchLoads({ address }: Subject): Promise<Proof> {
  if (findBrowser() === undefined)
    return { what: 'the workbench in a browser: there is no Chromium', how: 'skipped' };
  const browser = await openBrowser();
  try {
    const page = await browser.newPage();
    await page.goto(address);
    const loads = untilReady(page).then(() => openTerminal(page));
    const holds = await loads.then(
      () => true,
      () => false,
    );
    const picture = await screenshot(page, 'start-check');
    return proof(holds, `the workbench loads in a browser, shows the files, and has a terminal: ${picture}`);
  } finally {
    await browser.close();
  }
}

function proof(holds: boolean, what: string): Proof {
  return { what, how: holds ? 'held' : 'failed' };
}

function oneLine(text: string): string {
  return text.trim().split('\n').join(', ');
}
