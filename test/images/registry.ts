// A small registry that holds to the distribution specification and checks what it is given; for contract tests.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import * as z from 'zod/mini';
import { parseJson } from '../../server/protocol/parse.ts';

export type Registry = {
  /** Host and port. */
  readonly host: string;
  readonly blobs: Map<string, Buffer>;
  readonly manifests: Map<string, { readonly type: string; readonly bytes: Buffer }>;
  /** What was asked, one line each. */
  readonly log: string[];
  /** Upload connections to cut before they are taken. */
  cuts: number;
  end(): Promise<void>;
};

export type Access =
  | { readonly kind: 'open' }
  | { readonly kind: 'basic' | 'bearer'; readonly user: string; readonly password: string };

const Manifest = z.object({
  schemaVersion: z.literal(2),
  mediaType: z.string(),
  config: z.object({ digest: z.string(), size: z.int() }),
  layers: z.array(z.object({ digest: z.string(), size: z.int() })),
});

export async function startRegistry(access: Access): Promise<Registry> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const registry: Registry = {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    blobs: new Map(),
    manifests: new Map(),
    log: [],
    cuts: 0,
    end: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  server.on('request', (request, response) => {
    void answer(registry, access, { request, response }).catch(() => response.destroy());
  });
  return registry;
}

type Exchange = { readonly request: IncomingMessage; readonly response: ServerResponse };

async function answer(registry: Registry, access: Access, { request, response }: Exchange): Promise<void> {
  const url = new URL(request.url ?? '', `http://${registry.host}`);
  registry.log.push(`${request.method} ${url.pathname}`);
  if (url.pathname === '/token') return token(access, url, { request, response });
  if (!isAllowed(access, request)) {
    const challenge =
      access.kind === 'basic'
        ? 'Basic realm="tea"'
        : `Bearer realm="http://${registry.host}/token",service="tea"`;
    refuse(response, 401, 'UNAUTHORIZED', { 'www-authenticate': challenge });
    request.resume();
    return;
  }
  const [, repository, kind, reference = ''] =
    /^\/v2\/(.+)\/(blobs|manifests)\/(.*)$/.exec(url.pathname) ?? [];
  if (repository === undefined) return refuse(response, 404, 'NAME_UNKNOWN');
  if (kind === 'manifests') return putManifest(registry, reference, { request, response });
  if (request.method === 'HEAD') {
    response.writeHead(registry.blobs.has(reference) ? 200 : 404).end();
    return;
  }
  if (request.method === 'POST') {
    await bodyOf(request);
    // The place has a query of its own, which must be kept.
    response.writeHead(202, { location: `/v2/${repository}/blobs/uploads/7?_state=x%3Dy` }).end();
    return;
  }
  if (registry.cuts > 0) {
    registry.cuts -= 1;
    request.destroy();
    return;
  }
  const bytes = await bodyOf(request);
  const digest = url.searchParams.get('digest') ?? '';
  if (url.searchParams.get('_state') !== 'x=y') return refuse(response, 400, 'BLOB_UPLOAD_INVALID');
  if (digest !== digestOf(bytes)) return refuse(response, 400, 'DIGEST_INVALID');
  registry.blobs.set(digest, bytes);
  response.writeHead(201).end();
}

async function putManifest(registry: Registry, tag: string, { request, response }: Exchange): Promise<void> {
  const bytes = await bodyOf(request);
  const parsed = parseJson(Manifest, bytes.toString());
  if (!parsed.ok || parsed.value.mediaType !== request.headers['content-type'])
    return refuse(response, 400, 'MANIFEST_INVALID');
  const parts = [parsed.value.config, ...parsed.value.layers];
  const missing = parts.some(({ digest, size }) => registry.blobs.get(digest)?.length !== size);
  if (missing) return refuse(response, 404, 'MANIFEST_BLOB_UNKNOWN');
  registry.manifests.set(tag, { type: parsed.value.mediaType, bytes });
  response.writeHead(201, { 'docker-content-digest': digestOf(bytes) }).end();
}

function token(access: Access, url: URL, { request, response }: Exchange): void {
  const scope = url.searchParams.get('scope') ?? '';
  const known = access.kind !== 'open' && request.headers.authorization === `Basic ${pair(access)}`;
  if (!known || !/^repository:[a-z/-]+:pull,push$/.test(scope)) refuse(response, 401, 'UNAUTHORIZED');
  else response.end(JSON.stringify({ token: 'leaf' }));
}

function isAllowed(access: Access, { headers }: IncomingMessage): boolean {
  if (access.kind === 'open') return true;
  return headers.authorization === (access.kind === 'basic' ? `Basic ${pair(access)}` : 'Bearer leaf');
}

function pair({ user, password }: { readonly user: string; readonly password: string }): string {
  return Buffer.from(`${user}:${password}`).toString('base64');
}

function refuse(
  response: ServerResponse,
  status: number,
  code: string,
  headers: Record<string, string> = {},
): void {
  response
    .writeHead(status, headers)
    .end(JSON.stringify({ errors: [{ code, message: code.toLowerCase() }] }));
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

export function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
