// Reads the two files of one sandbox; a broken one is set aside, a newer one is left alone.
import { readdirSync, renameSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isAbsence, readTextIfExistsNow } from '../platform/files.ts';
import type { Problem } from '../protocol/doctor.ts';
import { type Parsed, parse, parseJson } from '../protocol/parse.ts';
import { PROTOCOL, RECORD_VERSION } from '../protocol/version.ts';
import { lockHolder } from './lock.ts';
import { type Paths, sandboxPaths } from './paths.ts';
import { OwnerRecord, SandboxRecord } from './records.ts';

export type RecordRead =
  | { kind: 'record'; record: SandboxRecord }
  | { kind: 'problem'; code: 'record-broken' | 'record-newer'; problem: Problem }
  | { kind: 'absent' };

/** At once where the file is JSON; a promise where a person wrote YAML, whose parser is loaded only then. */
export function readRecordFile(paths: Paths, id: string): RecordRead | Promise<RecordRead> {
  const path = sandboxPaths(paths, id).record;
  const text = readTextIfExistsNow(path);
  if (text === undefined) return absentRecord(path);
  let input: unknown;
  try {
    input = JSON.parse(text);
  } catch {
    // Not JSON, so either YAML or broken; the YAML parser decides.
    return readYaml(path, text);
  }
  return interpret(path, input);
}

export type OwnerRead =
  | { kind: 'read'; owner: OwnerRecord | undefined }
  | { kind: 'problem'; owner: OwnerRecord | undefined; problem: Problem };

/** When the file is broken but the lease is held, the owner is known from the lease. */
export function readOwnerFile(paths: Paths, record: SandboxRecord): OwnerRead {
  const path = sandboxPaths(paths, record.id).owner;
  const text = readTextIfExistsNow(path);
  if (text === undefined) return { kind: 'read', owner: undefined };
  const parsed = parseJson(OwnerRecord, text);
  if (parsed.ok) return { kind: 'read', owner: parsed.value };
  const owner = ownerByLease(paths, record);
  // The living owner writes its file again at its next change; until then the broken one marks that it lives.
  const problem =
    owner === undefined ? setAside(path, parsed.problem) : describeBroken(path, parsed.problem, path);
  return { kind: 'problem', owner, problem };
}

/** What an owner that is gone said of itself last. */
export function readPreviousOwner(paths: Paths, { id }: Pick<SandboxRecord, 'id'>): OwnerRecord | undefined {
  const text = readTextIfExistsNow(sandboxPaths(paths, id).owner);
  const parsed = text === undefined ? undefined : parseJson(OwnerRecord, text);
  return parsed?.ok === true ? parsed.value : undefined;
}

async function readYaml(path: string, text: string): Promise<RecordRead> {
  const { parse: parseYaml } = await import('yaml');
  try {
    return interpret(path, parseYaml(text));
  } catch (error) {
    return broken(path, error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error));
  }
}

function interpret(path: string, input: unknown): RecordRead {
  const version = versionOf(input);
  if (version !== undefined && version > RECORD_VERSION) {
    return {
      kind: 'problem',
      code: 'record-newer',
      problem: {
        path,
        message: `${path} was written by a newer heyvm (record version ${version}, this one knows ${RECORD_VERSION})`,
        hint: 'update heyvm to work with this sandbox; nothing was changed',
      },
    };
  }
  const parsed: Parsed<SandboxRecord> = parse(SandboxRecord, input);
  return parsed.ok ? { kind: 'record', record: parsed.value } : broken(path, parsed.problem);
}

function versionOf(input: unknown): number | undefined {
  if (typeof input !== 'object' || input === null || !('version' in input)) return undefined;
  return typeof input.version === 'number' ? input.version : undefined;
}

function broken(path: string, problem: string): RecordRead {
  return { kind: 'problem', code: 'record-broken', problem: setAside(path, problem) };
}

/** A folder whose record was set aside earlier stays a problem until somebody mends or removes it. */
function absentRecord(path: string): RecordRead {
  const aside = asideOf(path);
  if (aside === undefined) return { kind: 'absent' };
  return {
    kind: 'problem',
    code: 'record-broken',
    problem: describeBroken(path, 'it cannot be parsed', aside),
  };
}

function asideOf(path: string): string | undefined {
  const folder = dirname(path);
  try {
    const name = readdirSync(folder).find(file => join(folder, file).startsWith(`${path}.broken-`));
    return name === undefined ? undefined : join(folder, name);
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw error;
  }
}

function setAside(path: string, problem: string): Problem {
  const target = `${path}.broken-${new Date().toISOString().replace(/[:.]/g, '-')}`;
  try {
    renameSync(path, target);
    return describeBroken(path, problem, target);
  } catch {
    // On a read-only disk it stays where it is, and is reported all the same.
    return describeBroken(path, problem, path);
  }
}

function describeBroken(path: string, problem: string, where: string): Problem {
  const kept = where === path ? '' : `; it was set aside as ${where}`;
  return {
    path: where,
    message: `${path} is broken: ${problem}${kept}`,
    hint: `mend it and move it back to ${path}, or remove the sandbox with heyvm prune`,
  };
}

function ownerByLease(paths: Paths, record: SandboxRecord): OwnerRecord | undefined {
  const holder = lockHolder(paths, `owner-${record.id}`);
  if (holder === undefined) return undefined;
  const files = sandboxPaths(paths, record.id);
  return {
    ...holder,
    guest_ip: null,
    ssh_port: null,
    started_at: statSync(files.runtime, { throwIfNoEntry: false })?.mtime.toISOString() ?? record.created_at,
    state: 'running',
    attached: record.attached,
    protocol: PROTOCOL,
    build: '',
    control_socket: files.controlSocket,
    ssh_socket: files.sshSocket,
  };
}
