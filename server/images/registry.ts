// Pushes an image into a registry, as the OCI distribution specification says.
import { createReadStream } from 'node:fs';
import * as z from 'zod/mini';
import { fail, SandboxError } from '../core/errors.ts';
import { parseJson } from '../protocol/parse.ts';
import { type Credentials, credentialsFor } from './credentials.ts';
import type { ImageCall, ImageDeps } from './deps.ts';
import { ConnectionLost, type HttpRequest, type HttpResponse, http, textOf } from './http.ts';
import { MANIFEST_TYPE, type OciImage } from './oci.ts';
import type { Reference } from './reference.ts';

/** A registry may think long about a large layer before it answers. */
const IDLE_MS = 300_000;

export type Push = { readonly image: OciImage; readonly reference: Reference };

export async function pushImage(deps: ImageDeps, { image, reference }: Push, call: ImageCall): Promise<void> {
  const session = new Session(deps, reference, call);
  try {
    await session.upload(image.config.digest, image.config.bytes);
    await session.upload(image.layer.digest, { path: image.layer.path, size: image.layer.size });
    call.progress({ phase: 'pushing', detail: 'manifest' });
    const { bytes } = image.manifest;
    const put = await session.send({
      method: 'PUT',
      path: `manifests/${reference.tag}`,
      headers: { 'content-type': MANIFEST_TYPE },
      body: bytes,
    });
    await session.require(put, [201], 'the manifest');
  } catch (error) {
    if (!(error instanceof ConnectionLost)) throw error;
    fail('command-failed', `cannot push to ${reference.registry}: ${error.message}`, {
      hint: 'check the network or the proxy and try again; what arrived is not sent twice',
      cause: error,
    });
  }
}

type Body = Buffer | { readonly path: string; readonly size: number };

type Sent = {
  readonly method: 'HEAD' | 'POST' | 'PUT';
  /** Below the repository, or a whole address. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Body;
};

const Token = z.object({ token: z.optional(z.string()), access_token: z.optional(z.string()) });
const Problems = z.object({
  errors: z.array(z.object({ code: z.string(), message: z.optional(z.string()) })),
});

class Session {
  readonly #deps: ImageDeps;
  readonly #reference: Reference;
  readonly #call: ImageCall;
  readonly #base: string;
  #authorization: string | undefined;

  constructor(deps: ImageDeps, reference: Reference, call: ImageCall) {
    this.#deps = deps;
    this.#reference = reference;
    this.#call = call;
    this.#base = `${reference.scheme}://${reference.registry}/v2/${reference.repository}/`;
  }

  /** What the registry has already is not sent. */
  async upload(digest: string, body: Body): Promise<void> {
    const head = await this.send({ method: 'HEAD', path: `blobs/${digest}` });
    head.body.resume();
    if (head.status === 200) return;
    const begun = await this.send({ method: 'POST', path: 'blobs/uploads/', body: Buffer.alloc(0) });
    await this.require(begun, [202], 'an upload');
    const { location } = begun.headers;
    if (location === undefined)
      fail('command-failed', `${this.#reference.registry} names no place for uploads`);
    const place = new URL(location, begun.url);
    place.searchParams.append('digest', digest);
    this.#call.progress({ phase: 'pushing', detail: digest.slice(0, 19) });
    const headers = { 'content-type': 'application/octet-stream' };
    const done = await this.send({ method: 'PUT', path: place.href, headers, body });
    await this.require(done, [201], `the blob ${digest}`);
  }

  /** Asks again with a token where the registry wants one. */
  async send(sent: Sent): Promise<HttpResponse> {
    const first = await http(this.#requestOf(sent));
    const challenge = first.headers['www-authenticate'];
    if (first.status !== 401 || challenge === undefined) return first;
    first.body.resume();
    this.#authorization = await this.#authorize(challenge);
    return http(this.#requestOf(sent));
  }

  async require(response: HttpResponse, accepted: readonly number[], what: string): Promise<void> {
    if (accepted.includes(response.status)) {
      response.body.resume();
      return;
    }
    const told = parseJson(Problems, await textOf(response));
    const why = told.ok ? told.value.errors.map(({ code, message }) => message ?? code).join('; ') : '';
    const { registry } = this.#reference;
    const denied = response.status === 401 || response.status === 403;
    fail(
      denied ? 'command-failed' : 'command-failed',
      `${registry} refuses ${what} with status ${response.status}${why === '' ? '' : `: ${why}`}`,
      {
        hint: denied ? `log in first: docker login ${registry}` : 'try again later',
      },
    );
  }

  #requestOf({ method, path, headers = {}, body }: Sent): HttpRequest {
    const url = /^https?:/.test(path) ? path : this.#base + path;
    // Uploads may lead to another host, which has its own way to know us.
    const known = this.#authorization !== undefined && new URL(url).host === this.#reference.registry;
    const size = body === undefined ? undefined : Buffer.isBuffer(body) ? body.length : body.size;
    return {
      url,
      method,
      headers: {
        ...headers,
        ...(size === undefined ? {} : { 'content-length': String(size) }),
        ...(known ? { authorization: this.#authorization ?? '' } : {}),
      },
      ...(body === undefined ? {} : { body: Buffer.isBuffer(body) ? body : createReadStream(body.path) }),
      env: this.#deps.env,
      signal: this.#call.signal,
      idleMs: IDLE_MS,
    };
  }

  async #authorize(challenge: string): Promise<string> {
    const credentials = await credentialsFor(this.#deps, this.#reference);
    if (/^basic/i.test(challenge)) {
      return credentials?.kind === 'password' ? basic(credentials) : refuseAnonymous(this.#reference);
    }
    const told = new Map(
      [...challenge.matchAll(/([a-z_]+)="([^"]*)"/gi)].map(([, key = '', value = '']) => [key, value]),
    );
    const realm = told.get('realm');
    if (realm === undefined || !URL.canParse(realm)) return refuseAnonymous(this.#reference);
    const url = new URL(realm);
    if (this.#reference.scheme === 'https' && url.protocol !== 'https:')
      return refuseAnonymous(this.#reference);
    return `Bearer ${await this.#token(url, told.get('service') ?? '', credentials)}`;
  }

  async #token(realm: URL, service: string, credentials: Credentials | undefined): Promise<string> {
    const scope = `repository:${this.#reference.repository}:pull,push`;
    const call = { env: this.#deps.env, signal: this.#call.signal };
    if (credentials?.kind === 'token') {
      const form = {
        grant_type: 'refresh_token',
        client_id: 'heyvm',
        service,
        scope,
        refresh_token: credentials.token,
      };
      const body = Buffer.from(new URLSearchParams(form).toString());
      const headers = {
        'content-type': 'application/x-www-form-urlencoded',
        'content-length': String(body.length),
      };
      return tokenOf(await http({ url: realm.href, method: 'POST', headers, body, ...call }));
    }
    realm.searchParams.set('service', service);
    realm.searchParams.set('scope', scope);
    const headers: Record<string, string> =
      credentials === undefined ? {} : { authorization: basic(credentials) };
    return tokenOf(await http({ url: realm.href, headers, ...call }));
  }
}

async function tokenOf(response: HttpResponse): Promise<string> {
  const parsed = parseJson(Token, await textOf(response));
  const token = parsed.ok ? (parsed.value.token ?? parsed.value.access_token) : undefined;
  if (response.status === 200 && token !== undefined) return token;
  throw new SandboxError('command-failed', `the registry gives no token (status ${response.status})`, {
    hint: 'log in again with docker login',
  });
}

function basic({ user, password }: Extract<Credentials, { kind: 'password' }>): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}

function refuseAnonymous({ registry }: Reference): never {
  return fail('command-failed', `${registry} wants credentials, and there are none`, {
    hint: `log in first: docker login ${registry}`,
  });
}
