// A vendor's web server that misbehaves as it is told: cuts connections, ignores ranges, lies, redirects, stands still.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';

/** What happens to one request; the next one takes the next. */
export type Mood =
  | { readonly kind: 'well' }
  | { readonly kind: 'cut'; readonly after: number }
  | { readonly kind: 'still'; readonly after: number }
  | { readonly kind: 'status'; readonly status: number }
  | { readonly kind: 'wrong' }
  | { readonly kind: 'elsewhere'; readonly to: string }
  /** Sends everything, whatever part was asked for. */
  | { readonly kind: 'whole' }
  | { readonly kind: 'other part' };

export type Asked = {
  readonly url: string;
  readonly range: string | undefined;
  readonly ifRange: string | undefined;
};

export type Vendor = {
  readonly url: string;
  readonly asked: Asked[];
  /** The content of every address that has none of its own. */
  content: Buffer;
  etag: string;
  moods: Mood[];
  readonly pages: Map<string, string>;
  end(): Promise<void>;
};

export async function startVendor(content: Buffer): Promise<Vendor> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const vendor: Vendor = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: [],
    content,
    etag: '"one"',
    moods: [],
    pages: new Map(),
    end: () => end(server),
  };
  server.on('request', (request, response) => answer(vendor, request, response));
  return vendor;
}

export function hexOf(algorithm: 'sha256' | 'sha512', content: Buffer): string {
  return createHash(algorithm).update(content).digest('hex');
}

/** A proxy that notes what it was asked for, and passes it on. */
export async function startProxy(): Promise<{ url: string; asked: string[]; end(): Promise<void> }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url} ${request.headers['proxy-authorization'] ?? ''}`.trim());
    response.setHeader('content-length', 7);
    response.end('proxied');
  });
  server.on('connect', (request: IncomingMessage, socket: Socket) => {
    asked.push(`CONNECT ${request.url}`);
    const [, port = ''] = (request.url ?? '').split(':');
    const onward = connect(Number(port), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      socket.pipe(onward).pipe(socket);
    });
    for (const side of [socket, onward]) side.on('error', () => socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked, end: () => end(server) };
}

function answer(vendor: Vendor, request: IncomingMessage, response: ServerResponse): void {
  const url = request.url ?? '';
  const page = vendor.pages.get(url);
  if (page !== undefined) {
    response.end(page);
    return;
  }
  const { range } = request.headers;
  const ifRange = request.headers['if-range'];
  vendor.asked.push({ url, range, ifRange: ifRange === undefined ? undefined : String(ifRange) });
  const mood = vendor.moods.shift() ?? { kind: 'well' };
  if (mood.kind === 'status') {
    response.writeHead(mood.status).end();
    return;
  }
  if (mood.kind === 'elsewhere') {
    response.writeHead(302, { location: mood.to }).end();
    return;
  }
  send(vendor, { mood, response, start: startOf(vendor, mood, request) });
}

function startOf(vendor: Vendor, mood: Mood, { headers }: IncomingMessage): number {
  if (mood.kind === 'whole' || headers.range === undefined) return 0;
  if (headers['if-range'] !== undefined && headers['if-range'] !== vendor.etag) return 0;
  const start = Number(/^bytes=(\d+)-/.exec(headers.range)?.[1]);
  return mood.kind === 'other part' ? start + 1 : start;
}

type Sending = { readonly mood: Mood; readonly response: ServerResponse; readonly start: number };

function send({ content, etag }: Vendor, { mood, response, start }: Sending): void {
  if (start >= content.length && start > 0) {
    response.writeHead(416).end();
    return;
  }
  const body =
    mood.kind === 'wrong' ? Buffer.alloc(content.length - start, 'wrong') : content.subarray(start);
  const headers = { 'content-length': body.length, etag };
  if (start > 0) {
    const range = `bytes ${start}-${content.length - 1}/${content.length}`;
    response.writeHead(206, { ...headers, 'content-range': range });
  } else response.writeHead(200, headers);
  if (mood.kind === 'cut') response.write(body.subarray(0, mood.after), () => response.destroy());
  else if (mood.kind === 'still') response.write(body.subarray(0, mood.after));
  else response.end(body);
}

async function end(server: Server): Promise<void> {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
}
