// Looks for an engine where the docker command would: an address that was given, its current context, known sockets.

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { fail } from '../core/errors.ts';
import { readTextIfExistsNow } from '../platform/files.ts';
import { parseJson } from '../protocol/parse.ts';
import { type Address, parseAddress, type Tls } from './address.ts';

export type Found = {
  readonly address: Address;
  /** Where the address comes from, for whoever has to correct it. */
  readonly from: string;
};

/** What decides where the engine is; read from the process and its files by `surroundings`. */
export type Surroundings = {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  readonly uid: number;
  readonly read: (path: string) => string | undefined;
  readonly exists: (path: string) => boolean;
};

export function surroundings(env: NodeJS.ProcessEnv = process.env): Surroundings {
  return {
    env,
    home: nonEmpty(env['HOME']) ?? homedir(),
    uid: process.getuid?.() ?? 0,
    read: readTextIfExistsNow,
    exists: existsSync,
  };
}

/** What was named is the only answer; of the known sockets, the first that exists, else the usual one. */
export function discover(connect: string | undefined, around: Surroundings): Found {
  const host = nonEmpty(around.env['DOCKER_HOST']);
  if (connect !== undefined)
    return { address: parseAddress(connect, tlsOf(around)), from: 'the option connect' };
  if (host !== undefined) return { address: parseAddress(host, tlsOf(around)), from: 'DOCKER_HOST' };
  const chosen = fromContext(around);
  if (chosen !== undefined) return chosen;
  const sockets = knownSockets(around);
  const path = sockets.find(around.exists) ?? USUAL;
  return { address: { kind: 'unix', path }, from: path === USUAL ? 'the usual place' : 'a known place' };
}

const USUAL = '/var/run/docker.sock';

/** In the order in which they are tried; also what no guest may see. */
export function knownSockets({
  env,
  home,
  uid,
}: Pick<Surroundings, 'env' | 'home' | 'uid'>): readonly string[] {
  const runtime = nonEmpty(env['XDG_RUNTIME_DIR']) ?? `/run/user/${uid}`;
  return [
    USUAL,
    join(runtime, 'docker.sock'),
    join(runtime, 'podman/podman.sock'),
    '/run/podman/podman.sock',
    join(home, '.docker', 'run', 'docker.sock'),
    join(home, '.docker', 'desktop', 'docker.sock'),
    join(home, '.colima', 'default', 'docker.sock'),
    join(home, '.orbstack', 'run', 'docker.sock'),
  ];
}

/** `config.json` of the docker command; what else is in there is not ours to judge. */
const DockerConfig = z.looseObject({ currentContext: z.optional(z.string()) });

const ContextMeta = z.looseObject({
  Endpoints: z.looseObject({
    docker: z.looseObject({ Host: z.string(), SkipTLSVerify: z.optional(z.boolean()) }),
  }),
});

function fromContext(around: Surroundings): Found | undefined {
  const folder = nonEmpty(around.env['DOCKER_CONFIG']) ?? join(around.home, '.docker');
  const name = nonEmpty(around.env['DOCKER_CONTEXT']) ?? currentContext(folder, around);
  if (name === undefined || name === 'default') return undefined;
  const id = createHash('sha256').update(name).digest('hex');
  const path = join(folder, 'contexts', 'meta', id, 'meta.json');
  const text = around.read(path);
  const hint = 'docker context ls shows the contexts there are; docker context use chooses one';
  if (text === undefined)
    return fail('backend-missing', `the docker context ${name} does not exist`, { hint });
  const parsed = parseJson(ContextMeta, text);
  if (!parsed.ok) return fail('backend-missing', `${path} is not understood: ${parsed.problem}`, { hint });
  const { Host: host, SkipTLSVerify: skip = false } = parsed.value.Endpoints.docker;
  const certificates = join(folder, `contexts/tls/${id}/docker`);
  const tls = around.exists(join(certificates, 'ca.pem'))
    ? { folder: certificates, verify: !skip }
    : undefined;
  return { address: parseAddress(host, tls), from: `the docker context ${name}` };
}

function currentContext(folder: string, { read }: Surroundings): string | undefined {
  const text = read(join(folder, 'config.json'));
  const parsed = text === undefined ? undefined : parseJson(DockerConfig, text);
  // The docker command says what is wrong with its file; for us it is as if there was none.
  return parsed?.ok === true ? nonEmpty(parsed.value.currentContext) : undefined;
}

function tlsOf({ env, home }: Surroundings): Tls | undefined {
  const verify = nonEmpty(env['DOCKER_TLS_VERIFY']) !== undefined;
  const folder = nonEmpty(env['DOCKER_CERT_PATH']);
  if (!verify && folder === undefined) return undefined;
  return { folder: folder ?? join(home, '.docker'), verify };
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}
