// Answers as the update server of VS Code does, and as a fork's page of releases, from one archive on this machine.
import { createReadStream, statSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ServerArchive } from '../../scripts/lib/vscodeArchive.ts';

export type Vendor = {
  readonly origin: string;
  /** What was asked for, in order, with the range where there was one. */
  readonly asked: readonly string[];
  /** The next answer with the archive breaks off half-way. */
  breakNext(): void;
  /** No archive is sent from now on, or it is again. */
  hold(isHeld: boolean): void;
  close(): Promise<void>;
};

/** Without a program it has none for Remote-SSH. */
export async function startVendor(archive: ServerArchive, program?: ServerArchive): Promise<Vendor> {
  const asked: string[] = [];
  let breaks = false;
  let held = false;
  const server = createServer((request, response) => {
    const { range } = request.headers;
    const path = request.url ?? '';
    asked.push(range === undefined ? path : `${path} ${range}`);
    const isProgram = path.includes('/cli-') || path === '/program';
    const wanted = isProgram ? program : archive;
    if (wanted === undefined) return void response.writeHead(404).end();
    if (path.startsWith('/api/versions/commit:'))
      return void response.end(JSON.stringify({ sha256hash: wanted.sha256 }));
    if (path.endsWith('/wrong.tar.gz.sha256')) return void response.end(`${'0'.repeat(64)}  wrong.tar.gz\n`);
    if (path.endsWith('.sha256')) return void response.end(`${archive.sha256}  fork.tar.gz\n`);
    if (path.endsWith('/wrong.tar.gz')) return void response.end('something else');
    const location = isProgram ? '/program' : '/archive';
    if (path.startsWith('/commit:')) return void response.writeHead(302, { location }).end();
    if (path !== location && !path.endsWith('.tar.gz')) return void response.writeHead(404).end();
    if (held) return;
    send(response, { archive: wanted, range, breaks });
    breaks = false;
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    breakNext: () => {
      breaks = true;
    },
    hold: isHeld => {
      held = isHeld;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise(resolve => server.close(resolve));
    },
  };
}

type Sending = {
  readonly archive: ServerArchive;
  readonly range: string | undefined;
  readonly breaks: boolean;
};

function send(response: ServerResponse, { archive, range, breaks }: Sending): void {
  const { size } = statSync(archive.path);
  const start = Number(/^bytes=(\d+)-/.exec(range ?? '')?.[1] ?? 0);
  response.writeHead(start > 0 ? 206 : 200, {
    etag: `"${archive.sha256}"`,
    'content-length': size - start,
    ...(start > 0 ? { 'content-range': `bytes ${start}-${size - 1}/${size}` } : {}),
  });
  const end = breaks ? start + Math.floor((size - start) / 2) : size - 1;
  const file = createReadStream(archive.path, { start, end });
  file.pipe(response, { end: !breaks });
  if (breaks) file.once('end', () => setImmediate(() => response.destroy()));
}
