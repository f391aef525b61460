// The methods about programs for agents: what their configuration would be with heyvm in it, and writing that.
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { type Client, type ClientId, clientIds, clients } from '../clients/clients.ts';
import { editConfig } from '../clients/edit.ts';
import { fail } from '../core/errors.ts';
import { nearest } from '../core/nearest.ts';
import { errorCodeOf } from '../platform/files.ts';
import { type ForeignFile, readForeign, replaceForeign } from '../platform/foreignFile.ts';
import type { Handlers, Params } from '../protocol/contract.ts';
import type { HelperContract } from '../protocol/helper.ts';
import { launcherPath } from '../ssh/aliases.ts';
import { withLock } from '../store/lock.ts';
import type { CallContext, ServiceDeps } from './deps.ts';
import { refreshAliases } from './ssh.ts';

type Methods = Extract<keyof HelperContract, `client/${string}`>;
type Target = Params<HelperContract, 'client/preview'>;
type Deps = Pick<ServiceDeps, 'paths' | 'env' | 'bundle'>;

export function clientHandlers(deps: Deps): Pick<Handlers<HelperContract, CallContext>, Methods> {
  return {
    'client/list': async ({ folder }) => ({
      clients: clientIds.map(id => {
        const { title, about } = clients[id];
        return { id, title, about, path: pathOf(deps, clients[id], folder) };
      }),
    }),
    'client/preview': async target => {
      const { title, path, existing, before, after } = await previewOf(deps, target);
      return {
        title,
        path,
        changed: before !== after || existing === undefined,
        after,
        ...(before === undefined ? {} : { before }),
      };
    },
    'client/install': ({ after: seen, ...target }, { signal }) =>
      withLock(deps.paths, 'client-config', { wait: 'wait', signal }, async () => {
        const { path, existing, before, after } = await previewOf(deps, target);
        if (after !== seen) refuseChanged(path);
        if (before === after) return { path, changed: false };
        await refreshAliases(deps, signal);
        await write(path, existing, after);
        return { path, changed: true };
      }),
  };
}

function clientOf(id: string): Client {
  if (id in clients) return clients[id as ClientId];
  const [meant] = nearest(id, clientIds);
  return fail('usage', `there is no client ${id}; known are: ${clientIds.join(', ')}`, {
    hint: meant === undefined ? undefined : `did you mean ${meant}?`,
  });
}

function pathOf({ env }: Deps, client: Client, folder: string): string {
  return client.path({ folder, home: env['HOME'] || homedir(), env });
}

type Preview = {
  readonly title: string;
  readonly path: string;
  readonly existing: ForeignFile | undefined;
  readonly before: string | undefined;
  readonly after: string;
};

async function previewOf(deps: Deps, target: Target): Promise<Preview> {
  const client = clientOf(target.client);
  const path = pathOf(deps, client, target.folder);
  const existing = await readForeign(path);
  const before = existing === undefined ? undefined : textOf(path, existing.bytes);
  const entry = client.entry({ command: commandFor(deps, client), args: wordsOf(target) });
  const edited = editConfig(client.form, before, { at: client.at, entry });
  if (edited.kind === 'refused') {
    fail('settings-broken', `${path} is left as it is: ${edited.why}`, {
      hint: `mend it, or add the server by hand: ${JSON.stringify(entry)}`,
    });
  }
  return { title: client.title, path, existing, before, after: edited.text };
}

function wordsOf({ read_only: readOnly, repositories = [] }: Target): string[] {
  const only = readOnly === true ? ['--read-only'] : [];
  return ['mcp', ...only, ...repositories.flatMap(folder => ['--repository', folder])];
}

/** A path of one person is of no use to others, where a name may do; a person's own file gets what updates keep right. */
function commandFor({ paths, env }: Deps, { whose }: Client): string {
  const folders = (env['PATH'] ?? '').split(delimiter).filter(folder => folder !== '');
  const known = folders.some(folder => existsSync(join(folder, 'heyvm')));
  return whose === 'project' && known ? 'heyvm' : launcherPath(paths);
}

function textOf(path: string, bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return fail('settings-broken', `${path} is left as it is: it is no UTF-8`, { hint: 'save it as UTF-8' });
  }
}

async function write(path: string, existing: ForeignFile | undefined, after: string): Promise<void> {
  if (existing !== undefined && (existing.mode & 0o222) === 0) {
    fail('storage', `${path} is read-only`, { hint: 'change it where it comes from' });
  }
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    if (!(await replaceForeign(path, existing, Buffer.from(after)))) refuseChanged(path);
  } catch (error) {
    const code = errorCodeOf(error);
    if (code === undefined || !/^E[A-Z]+$/.test(code)) throw error;
    fail('storage', `${path} cannot be written: ${code}`, {
      hint: 'look at who may write there',
      cause: error,
    });
  }
}

function refuseChanged(path: string): never {
  fail('busy', `${path} was changed meanwhile, and is left as it is`, { hint: 'try again' });
}
