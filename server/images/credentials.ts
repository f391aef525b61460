// Finds the credentials of a registry where container engines keep them; they are never written or logged.
import { homedir } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { fail } from '../core/errors.ts';
import { readTextIfExists } from '../platform/files.ts';
import { parseJson } from '../protocol/parse.ts';
import type { ImageDeps } from './deps.ts';
import { credentialKeys, type Reference } from './reference.ts';

export type Credentials =
  | { readonly kind: 'password'; readonly user: string; readonly password: string }
  | { readonly kind: 'token'; readonly token: string };

const Entry = z.object({
  auth: z.optional(z.string()),
  username: z.optional(z.string()),
  password: z.optional(z.string()),
  identitytoken: z.optional(z.string()),
});
const Config = z.object({
  auths: z.optional(z.record(z.string(), Entry)),
  credHelpers: z.optional(z.record(z.string(), z.string())),
  credsStore: z.optional(z.string()),
});
const Answer = z.object({ Username: z.string(), Secret: z.string() });

/** Undefined when nobody has logged in there. */
export async function credentialsFor(
  deps: ImageDeps,
  reference: Reference,
): Promise<Credentials | undefined> {
  const path = join(
    deps.env['DOCKER_CONFIG'] ?? join(deps.env['HOME'] ?? homedir(), '.docker'),
    'config.json',
  );
  const text = await readTextIfExists(path);
  if (text === undefined) return undefined;
  const parsed = parseJson(Config, text);
  if (!parsed.ok) fail('settings-broken', `${path}: ${parsed.problem}`, { hint: `edit ${path}` });
  const { auths = {}, credHelpers = {}, credsStore } = parsed.value;
  for (const key of credentialKeys(reference)) {
    const helper = credHelpers[key] ?? (key in auths ? credsStore : undefined);
    const found = helper === undefined ? undefined : await ask(deps, helper, key);
    if (found !== undefined) return found;
    const entry = auths[key];
    const own = entry === undefined ? undefined : ofEntry(entry);
    if (own !== undefined) return own;
  }
  return undefined;
}

function ofEntry({
  auth,
  username,
  password,
  identitytoken,
}: z.output<typeof Entry>): Credentials | undefined {
  if (identitytoken !== undefined && identitytoken !== '') return { kind: 'token', token: identitytoken };
  const pair = auth === undefined || auth === '' ? '' : Buffer.from(auth, 'base64').toString('utf8');
  const colon = pair.indexOf(':');
  if (colon > 0) return { kind: 'password', user: pair.slice(0, colon), password: pair.slice(colon + 1) };
  return username === undefined || password === undefined
    ? undefined
    : { kind: 'password', user: username, password };
}

/** A program that the person's own configuration names; what it does not know is no failure. */
async function ask({ run }: ImageDeps, helper: string, key: string): Promise<Credentials | undefined> {
  if (!/^[A-Za-z0-9_.-]+$/.test(helper))
    fail('settings-broken', `${JSON.stringify(helper)} is no credential helper`);
  const { code, stdout } = await run([`docker-credential-${helper}`, 'get'], {
    input: key,
    accept: 'any',
    timeoutMs: 30_000,
  });
  const answer = code === 0 ? parseJson(Answer, stdout) : undefined;
  if (answer?.ok !== true) return undefined;
  const { Username: user, Secret: secret } = answer.value;
  return user === '<token>' ? { kind: 'token', token: secret } : { kind: 'password', user, password: secret };
}
