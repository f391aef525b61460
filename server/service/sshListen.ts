// Offers ssh of a sandbox on a port of loopback, or ends that; the port and the key stay the same as long as it lasts.

import { rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { connectOwner } from '../owner/connect.ts';
import { ensureSshKey } from '../platform/sshKey.ts';
import { withLock } from '../store/lock.ts';
import { sandboxPaths } from '../store/paths.ts';
import { type Entry, updateRecord } from '../store/sandboxes.ts';
import type { CallContext, ServiceDeps } from './deps.ts';
import { requireEntry } from './entry.ts';

/** The caller writes the aliases anew. */
export async function setListening(
  deps: ServiceDeps,
  { sandbox, on }: { readonly sandbox: string; readonly on: boolean },
  { signal }: CallContext,
): Promise<Entry> {
  const { paths } = deps;
  const { id } = (await deps.sandboxes.find(sandbox)).record;
  await withLock(paths, `sandbox-${id}`, { wait: 'wait', signal }, async () => {
    const entry = await requireEntry(paths, id);
    const { clientKey } = sandboxPaths(paths, id);
    const port = on ? (entry.record.ssh_listen?.port ?? (await freePort())) : undefined;
    if (port !== undefined) await ensureSshKey(clientKey);
    if (entry.owner !== undefined) await tell(entry, port, signal);
    await updateRecord(paths, id, ({ ssh_listen: _, ...known }) =>
      port === undefined ? known : { ...known, ssh_listen: { port } },
    );
    // Whoever has the key must not come in by it once it is offered again.
    if (port === undefined) await rm(clientKey, { force: true });
  });
  return requireEntry(paths, id);
}

async function tell(entry: Entry, port: number | undefined, signal: AbortSignal): Promise<void> {
  const owner = connectOwner(entry);
  try {
    const asked = port === undefined ? { on: false } : { on: true, port };
    await owner.call('owner/listen', asked, { signal });
  } finally {
    owner.close();
  }
}

/** Free now; that it still is when it is taken, the owner finds out. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: '127.0.0.1', port: 0, exclusive: true }, resolve);
  });
  const address = server.address();
  await new Promise(resolve => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : freePort();
}
