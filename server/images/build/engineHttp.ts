// Speaks with a container engine over its socket, as far as building needs it.
import { existsSync } from 'node:fs';
import { type IncomingMessage, type RequestOptions, request } from 'node:http';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import * as z from 'zod/mini';
import { fail } from '../../core/errors.ts';
import { parseJson } from '../../protocol/parse.ts';

export type EngineCall = {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string | readonly string[]>>;
  readonly json?: unknown;
  readonly stream?: Readable;
  readonly signal?: AbortSignal;
};

export type EngineReply = { readonly status: number; readonly body: IncomingMessage };

export class EngineSocket {
  readonly #where: Pick<RequestOptions, 'socketPath' | 'host' | 'port'>;

  constructor(where: Pick<RequestOptions, 'socketPath' | 'host' | 'port'>) {
    this.#where = where;
  }

  /** The body is the caller's to read or to destroy. */
  async open({ method, path, query = {}, json, stream, signal }: EngineCall): Promise<EngineReply> {
    const words = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) {
      for (const one of typeof value === 'string' ? [value] : value) words.append(name, one);
    }
    const body = json === undefined ? undefined : JSON.stringify(json);
    const type = body === undefined ? 'application/x-tar' : 'application/json';
    const headers = {
      Host: 'engine',
      ...(body === undefined && stream === undefined ? {} : { 'Content-Type': type }),
      ...(body === undefined ? {} : { 'Content-Length': String(Buffer.byteLength(body)) }),
    };
    const asked = request({
      ...this.#where,
      method,
      headers,
      agent: false,
      path: words.size === 0 ? path : `${path}?${words}`,
      ...(signal === undefined ? {} : { signal }),
    });
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    asked.once('response', resolve);
    asked.once('error', reject);
    if (stream === undefined) asked.end(body);
    else pipeline(stream, asked).catch(reject);
    const response = await promise;
    return { status: response.statusCode ?? 0, body: response };
  }

  /** The text of the answer; statuses from 400 fail with the engine's own words, except those in `accept`. */
  async ask(asked: EngineCall, accept: readonly number[] = []): Promise<{ status: number; text: string }> {
    const { status, body } = await this.open(asked);
    const answer = await text(body);
    if (status >= 400 && !accept.includes(status)) refuse(asked, status, answer);
    return { status, text: answer };
  }
}

/** The engine that the docker command would use: `DOCKER_HOST`, else the first known socket that exists. */
export function findEngine(env: NodeJS.ProcessEnv): EngineSocket | undefined {
  const host = env['DOCKER_HOST'] ?? '';
  const tcp = /^(?:tcp|http):\/\/([^:/]+):(\d+)/.exec(host);
  if (tcp !== null) return new EngineSocket({ host: tcp[1] ?? '', port: Number(tcp[2]) });
  if (host.startsWith('unix://')) return new EngineSocket({ socketPath: host.slice('unix://'.length) });
  if (host !== '') return undefined;
  const runtime = env['XDG_RUNTIME_DIR'] ?? `/run/user/${process.getuid?.() ?? 0}`;
  const sockets = [
    '/var/run/docker.sock',
    join(runtime, 'docker.sock'),
    join(homedir(), '.docker', 'run', 'docker.sock'),
    join(runtime, 'podman/podman.sock'),
    '/run/podman/podman.sock',
  ];
  const socketPath = sockets.find(path => existsSync(path));
  return socketPath === undefined ? undefined : new EngineSocket({ socketPath });
}

const Refusal = z.object({ message: z.string() });

function refuse({ method, path }: EngineCall, status: number, answer: string): never {
  const parsed = parseJson(Refusal, answer);
  const words = parsed.ok ? parsed.value.message : answer.trim().slice(0, 500) || `status ${status}`;
  return fail('build-failed', `the container engine refused ${method} ${path}: ${words}`);
}
