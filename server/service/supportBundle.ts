// A support bundle: what somebody who helps has to see, in one file, with everything secret taken out.
import { existsSync } from 'node:fs';
import { homedir, release } from 'node:os';
import { isAbsolute } from 'node:path';
import { fail, toSandboxError } from '../core/errors.ts';
import { REPLACEMENT } from '../core/redact.ts';
import { readTextIfExistsNow, writeAtomic } from '../platform/files.ts';
import type { Params, Result } from '../protocol/contract.ts';
import type { Check } from '../protocol/doctor.ts';
import type { HelperContract } from '../protocol/helper.ts';
import { PROTOCOL, RECORD_VERSION } from '../protocol/version.ts';
import { tailOf } from '../store/log.ts';
import { sandboxPaths } from '../store/paths.ts';
import type { SandboxRecord } from '../store/records.ts';
import type { Entry } from '../store/sandboxes.ts';
import { readSettings, Settings } from '../store/settings.ts';
import type { ServiceDeps } from './deps.ts';
import { type ArchiveFile, tarGz } from './supportArchive.ts';
import { type Cleaner, createCleaner, secretsOf } from './supportRedact.ts';

const LOG_LINES = 500;

type Asked = Params<HelperContract, 'doctor/bundle'> & { readonly checks: readonly Check[] };

/** Nothing is sent anywhere; whoever asked for the file looks at it and decides. */
export async function makeBundle(
  deps: ServiceDeps,
  { path, extra = [], checks }: Asked,
): Promise<Result<HelperContract, 'doctor/bundle'>> {
  if (!isAbsolute(path)) fail('usage', `${path} is not an absolute path`);
  if (existsSync(path)) fail('usage', `${path} exists already`, { hint: 'name another file' });
  const { entries } = await deps.sandboxes.list();
  const secrets = [...entries.flatMap(({ record }) => Object.values(record.env)), ...secretsOf(deps.env)];
  const cleaner = createCleaner(secrets, deps.env['HOME'] ?? homedir());
  const files = [
    asJson('versions.json', versions(deps)),
    asJson('doctor.json', checks),
    asJson('settings.json', settingsOf(deps, cleaner)),
    ...entries.flatMap(entry => filesOf(deps, entry, cleaner)),
    ...extra.map(({ name, text }) => ({ name: `editor/${name}`, text })),
  ].map(({ name, text }) => ({ name: `heyvm-support/${name}`, text: cleaner.text(text) }));
  const about = { name: 'heyvm-support/README.txt', text: aboutText(cleaner.count) };
  await writeAtomic(path, tarGz([about, ...files], deps.now()));
  return {
    path,
    files: [about, ...files].map(({ name, text }) => ({ name, bytes: Buffer.byteLength(text) })),
    redacted: cleaner.count,
  };
}

function versions({ bundle, now }: ServiceDeps): unknown {
  return {
    at: new Date(now()).toISOString(),
    build: bundle.build,
    protocol: PROTOCOL,
    records: RECORD_VERSION,
    node: process.versions.node,
    platform: process.platform,
    arch: process.arch,
    system: release(),
  };
}

/** What nobody declared may be anything, and is named without its value. */
function settingsOf({ paths }: ServiceDeps, cleaner: Cleaner): unknown {
  if (readTextIfExistsNow(paths.settings) === undefined) return {};
  try {
    const { settings } = readSettings(paths);
    const known = new Set(Object.keys(Settings.shape));
    return Object.fromEntries(
      Object.entries(settings).map(([key, value]) => [
        key,
        known.has(key) ? cleaner.data(value) : REPLACEMENT,
      ]),
    );
  } catch (error) {
    return { broken: toSandboxError(error).message };
  }
}

function filesOf({ paths }: ServiceDeps, { record, owner }: Entry, cleaner: Cleaner): ArchiveFile[] {
  const folder = `sandboxes/${record.id}`;
  return [
    asJson(`${folder}/record.json`, cleaner.data(withoutWords(record))),
    ...(owner === undefined ? [] : [asJson(`${folder}/owner.json`, cleaner.data(owner))]),
    { name: `${folder}/log.txt`, text: tailOf(sandboxPaths(paths, record.id), LOG_LINES) },
  ];
}

/** Names of variables and of the program stay; their values and its arguments do not. */
function withoutWords(record: SandboxRecord): unknown {
  const env = Object.fromEntries(Object.keys(record.env).map(name => [name, REPLACEMENT]));
  const { project } = record;
  if (project?.command === undefined) return { ...record, env };
  const [program = '', ...rest] = project.command;
  return { ...record, env, project: { ...project, command: [program, ...rest.map(() => REPLACEMENT)] } };
}

function asJson(name: string, value: unknown): ArchiveFile {
  return { name, text: `${JSON.stringify(value, null, 2)}\n` };
}

function aboutText(count: number): string {
  return [
    'What heyvm knows about itself on this machine, for somebody who helps.',
    '',
    `Taken out: values of variables, what has the name or the shape of a secret (${count} times so far), and the path of the home folder.`,
    'A secret that has neither, and is not a variable of a sandbox, cannot be told from other text: look before you send it.',
    '',
  ].join('\n');
}
