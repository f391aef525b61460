// HTTP for images: proxies, redirects that never leave https, and a connection that stands still is given up.
import { once } from 'node:events';
import { type ClientRequest, type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { fail, SandboxError } from '../core/errors.ts';
import { proxyAuthorization, proxyFor } from './proxy.ts';

export type HttpRequest = {
  readonly url: string;
  readonly method?: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: Buffer | Readable | undefined;
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
  /** How long nothing at all may arrive. */
  readonly idleMs?: number | undefined;
};

export type HttpResponse = {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  /** Where it came from in the end. */
  readonly url: string;
  readonly body: IncomingMessage;
};

const IDLE_MS = 30_000;
const MOST_REDIRECTS = 8;
const LARGEST_TEXT = 16 * 1024 * 1024;

/** What could not be asked at all, or broke off; whoever can try again does so. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost';
}

/** Any status is an answer. A request with a body is not sent again to another address. */
export async function http(asked: HttpRequest): Promise<HttpResponse> {
  let url = parseAddress(asked.url);
  let headers = asked.headers ?? {};
  for (let redirects = 0; ; redirects += 1) {
    const answer = await askOnce(asked, url, headers);
    const { location } = answer.headers;
    const moved = [301, 302, 303, 307, 308].includes(answer.statusCode ?? 0) && location !== undefined;
    if (!moved || asked.body !== undefined || asked.method === 'POST') {
      return { status: answer.statusCode ?? 0, headers: answer.headers, url: url.href, body: answer };
    }
    answer.resume();
    if (redirects >= MOST_REDIRECTS)
      refuse(asked.url, `it leads through more than ${MOST_REDIRECTS} addresses`);
    const next = parseAddress(new URL(location, url).href);
    if (url.protocol === 'https:' && next.protocol !== 'https:') {
      refuse(asked.url, `it leads from https to ${next.protocol}//${next.host}`);
    }
    // What is meant for one host is not told to another.
    if (next.host !== url.host) headers = withoutSecrets(headers);
    url = next;
  }
}

/** A short answer as text. */
export async function textOf({ body, url }: HttpResponse): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of chunksOf(body)) {
    size += chunk.length;
    if (size > LARGEST_TEXT) refuse(url, `its answer has more than ${LARGEST_TEXT} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** The body as it comes; one that breaks off throws `ConnectionLost`. */
export async function* chunksOf(body: IncomingMessage): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of body) yield chunk as Buffer;
  } catch (error) {
    throw lost(error);
  }
  if (!body.complete) throw new ConnectionLost('the connection ended before the answer did');
}

async function askOnce(
  asked: HttpRequest,
  url: URL,
  headers: Readonly<Record<string, string>>,
): Promise<IncomingMessage> {
  asked.signal.throwIfAborted();
  try {
    const idle = asked.idleMs ?? IDLE_MS;
    const request = await open(asked, url, headers);
    request.setTimeout(idle, () =>
      request.destroy(new ConnectionLost(`nothing arrived for ${idle / 1000} s`)),
    );
    send(request, asked.body);
    const [answer] = (await once(request, 'response')) as [IncomingMessage];
    // An answer that breaks off is heard by whoever reads it.
    request.on('error', () => {});
    return answer;
  } catch (error) {
    throw lost(error);
  }
}

function send(request: ClientRequest, body: HttpRequest['body']): void {
  if (body === undefined || Buffer.isBuffer(body)) {
    request.end(body);
    return;
  }
  body.on('error', error => request.destroy(error));
  body.pipe(request);
}

async function open(
  { method = 'GET', env, signal, idleMs: timeout = IDLE_MS }: HttpRequest,
  url: URL,
  headers: Readonly<Record<string, string>>,
): Promise<ClientRequest> {
  // The option counts from the first packet on, and what is set later only once there is a connection.
  const options = { method, signal, timeout, agent: false, headers: { 'user-agent': 'heyvm', ...headers } };
  const proxy = proxyFor(url, env);
  if (proxy === undefined)
    return url.protocol === 'https:' ? requestHttps(url, options) : requestHttp(url, options);
  if (url.protocol === 'http:') {
    return requestVia(proxy, {
      ...options,
      path: url.href,
      headers: { ...options.headers, host: url.host, ...proxyAuthorization(proxy) },
    });
  }
  const socket = await tunnel(proxy, url, signal);
  const secure = () => connectTls({ socket, servername: url.hostname });
  // An agent, even none, would make a connection of its own.
  const { agent: _, ...rest } = options;
  return requestHttps(url, { ...rest, createConnection: secure });
}

type ViaOptions = {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
};

function requestVia(proxy: URL, options: ViaOptions): ClientRequest {
  const { hostname, port, protocol } = proxy;
  const place = { ...options, agent: false as const, host: hostname.replace(/^\[|\]$/g, '') };
  return protocol === 'https:'
    ? requestHttps({ ...place, port: port === '' ? 443 : port })
    : requestHttp({ ...place, port: port === '' ? 80 : port });
}

/** A connection through the proxy that it cannot read. */
async function tunnel(proxy: URL, to: URL, signal: AbortSignal): Promise<Socket> {
  const path = `${to.hostname}:${to.port === '' ? 443 : to.port}`;
  const request = requestVia(proxy, {
    method: 'CONNECT',
    path,
    headers: { host: path, ...proxyAuthorization(proxy) },
    signal,
  });
  request.setTimeout(IDLE_MS, () => request.destroy(new ConnectionLost('the proxy does not answer')));
  request.end();
  const [answer, socket] = (await once(request, 'connect')) as [IncomingMessage, Socket];
  if (answer.statusCode === 200) return socket;
  socket.destroy();
  throw new ConnectionLost(`the proxy ${proxy.host} answers ${answer.statusCode}`);
}

function withoutSecrets(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => name.toLowerCase() !== 'authorization'),
  );
}

function parseAddress(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && /^https?:$/.test(url.protocol)) return url;
  return refuse(text, 'it is no http or https address');
}

function lost(error: unknown): Error {
  if (error instanceof SandboxError || error instanceof ConnectionLost) return error;
  if (error instanceof Error && error.name === 'AbortError') return error;
  const why = error instanceof Error ? error.message : String(error);
  return new ConnectionLost(why === '' ? 'it cannot be reached' : why, { cause: error });
}

function refuse(url: string, why: string): never {
  fail('image-not-found', `cannot fetch ${url}: ${why}`, {
    hint: 'see the addresses under images in the settings, or take a file of your own: heyvm images add <file> <name>',
  });
}
