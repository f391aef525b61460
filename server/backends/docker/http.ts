// Speaks HTTP with an engine: one connection for each call, because engines come and go under a kept one.
import { readFileSync } from 'node:fs';
import { type ClientRequest, type IncomingMessage, request as plain, type RequestOptions } from 'node:http';
import { request as secure } from 'node:https';
import { join } from 'node:path';
import type { Duplex, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Address } from './address.ts';

export type Call = {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'DELETE' | 'PUT';
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;
  /** Sent as JSON, or as it is when it is a stream. */
  readonly body?: unknown;
  readonly stream?: Readable;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
};

export type Answer = {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
};

export async function call(address: Address, asked: Call): Promise<Answer> {
  const response = await open(address, asked);
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) };
}

/** Answers as soon as the head is there; the body is read by the caller, who destroys it when it is not wanted. */
export function open(address: Address, asked: Call): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const request = prepare(address, asked);
  request.once('response', resolve);
  request.once('error', reject);
  send(request, asked).catch(reject);
  return promise;
}

export type Takeover =
  | { readonly kind: 'taken'; readonly stream: Duplex }
  | { readonly kind: 'refused'; readonly answer: Answer };

/** The engine stops speaking HTTP on this connection, and both sides write what they like. */
export function takeOver(address: Address, asked: Call): Promise<Takeover> {
  const { promise, resolve, reject } = Promise.withResolvers<Takeover>();
  const request = prepare(address, asked, { Connection: 'Upgrade', Upgrade: 'tcp' });
  request.once('error', reject);
  request.once('upgrade', (_response: IncomingMessage, stream: Duplex, head: Buffer) => {
    if (head.length > 0) stream.unshift(head);
    resolve({ kind: 'taken', stream });
  });
  request.once('response', response => {
    const chunks: Buffer[] = [];
    response.on('data', (chunk: Buffer) => chunks.push(chunk));
    response.once('error', reject);
    response.once('end', () => {
      const { statusCode: status = 0, headers } = response;
      resolve({ kind: 'refused', answer: { status, headers, body: Buffer.concat(chunks) } });
    });
  });
  send(request, asked).catch(reject);
  return promise;
}

function prepare(address: Address, asked: Call, headers: Record<string, string> = {}): ClientRequest {
  const options: RequestOptions = {
    method: asked.method,
    path: asked.path + queryOf(asked.query),
    agent: false,
    headers: { Host: 'engine', ...contentOf(asked), ...asked.headers, ...headers },
    ...(asked.signal === undefined ? {} : { signal: asked.signal }),
  };
  return address.kind === 'unix'
    ? plain({ ...options, socketPath: address.path })
    : overTcp(address, options);
}

function overTcp(address: Extract<Address, { kind: 'tcp' }>, options: RequestOptions): ClientRequest {
  const { host, port, tls } = address;
  if (tls === undefined) return plain({ ...options, host, port });
  const read = (name: string): Buffer => readFileSync(join(tls.folder, name));
  const files = tls.folder === '' ? {} : { ca: read('ca.pem'), cert: read('cert.pem'), key: read('key.pem') };
  return secure({ ...options, ...files, host, port, rejectUnauthorized: tls.verify });
}

function contentOf({ body, stream }: Call): Record<string, string | number> {
  if (stream !== undefined) return { 'Content-Type': 'application/x-tar', 'Transfer-Encoding': 'chunked' };
  if (body === undefined) return {};
  return { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(JSON.stringify(body)) };
}

async function send(request: ClientRequest, { body, stream }: Call): Promise<void> {
  if (stream !== undefined) await pipeline(stream, request);
  else request.end(body === undefined ? undefined : JSON.stringify(body));
}

function queryOf(query: Call['query'] = {}): string {
  const words = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    const values = Array.isArray(value) ? value : [value];
    for (const each of values) if (each !== undefined) words.append(name, String(each));
  }
  return words.size === 0 ? '' : `?${words}`;
}
