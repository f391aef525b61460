// What a registry wants to know before it gives an image, as the docker command has stored it.
import { homedir } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod/mini';
import type { Run } from '../../core/ports.ts';
import { readTextIfExistsNow } from '../../platform/files.ts';
import { parseJson } from '../../protocol/parse.ts';

export type Credentials = { readonly run: Run; readonly signal: AbortSignal };

const Config = z.looseObject({
  auths: z.optional(
    z.record(
      z.string(),
      z.looseObject({ auth: z.optional(z.string()), identitytoken: z.optional(z.string()) }),
    ),
  ),
  credsStore: z.optional(z.string()),
  credHelpers: z.optional(z.record(z.string(), z.string())),
});

const Helped = z.looseObject({ Username: z.string(), Secret: z.string() });

/** For the engine, or nothing when nothing is stored; a helper that fails is as good as none. */
export async function credentialsFor(credentials: Credentials, image: string): Promise<Stored | undefined> {
  const folder = process.env['DOCKER_CONFIG'] ?? join(homedir(), '.docker');
  const text = readTextIfExistsNow(join(folder, 'config.json'));
  const parsed = text === undefined ? undefined : parseJson(Config, text);
  if (parsed?.ok !== true) return undefined;
  const server = serverOf(image);
  const { auths = {}, credsStore, credHelpers = {} } = parsed.value;
  const helper = credHelpers[server] ?? credsStore;
  const stored = auths[server];
  const known =
    helper === undefined
      ? fromAuth(stored?.auth, stored?.identitytoken)
      : await fromHelper(credentials, helper, server);
  return known === undefined ? undefined : { ...known, serveraddress: server };
}

/** The first part of a name is a registry when it could be a host. */
export function serverOf(image: string): string {
  const [first = '', ...rest] = image.split('/');
  const isHost = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost');
  return isHost ? first : 'https://index.docker.io/v1/';
}

export type Stored = Known & { readonly serveraddress: string };

type Known = { readonly username: string; readonly password: string } | { readonly identitytoken: string };

function fromAuth(auth: string | undefined, token: string | undefined): Known | undefined {
  if (token !== undefined && token !== '') return { identitytoken: token };
  const text = Buffer.from(auth ?? '', 'base64').toString('utf8');
  const at = text.indexOf(':');
  return at > 0 ? { username: text.slice(0, at), password: text.slice(at + 1) } : undefined;
}

async function fromHelper(
  { run, signal }: Credentials,
  name: string,
  server: string,
): Promise<Known | undefined> {
  if (!/^[a-z0-9-]+$/i.test(name)) return undefined;
  try {
    const options = { input: server, signal, timeoutMs: 10_000 };
    const { stdout } = await run([`docker-credential-${name}`, 'get'], options);
    const parsed = parseJson(Helped, stdout);
    if (!parsed.ok) return undefined;
    const { Username: username, Secret: secret } = parsed.value;
    return username === '<token>' ? { identitytoken: secret } : { username, password: secret };
  } catch {
    signal.throwIfAborted();
    // It is not installed, or has nothing for this registry; a public image needs nothing.
    return undefined;
  }
}
