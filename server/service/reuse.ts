// Whether the sandbox that exists is the one that is asked for; nothing that a person asks for is dropped in silence.
import { isDeepStrictEqual } from 'node:util';
import { findBackend } from '../backends/registry.ts';
import { fail } from '../core/errors.ts';
import type { Limits, PublishedPort, SandboxSpec } from '../protocol/sandbox.ts';
import type { Paths } from '../store/paths.ts';
import type { SandboxRecord } from '../store/records.ts';
import { checkMount } from './folders.ts';

export async function refuseDifferent(paths: Paths, record: SandboxRecord, spec: SandboxSpec): Promise<void> {
  const different = [
    ...plainDifferences(record, spec),
    ...limitDifferences(record.limits, spec.limits ?? {}),
    ...variableDifferences(record.env, spec.env ?? {}),
    ...optionDifferences(record.options ?? {}, spec.options ?? {}),
    ...portDifferences(record.ports ?? [], spec.ports ?? []),
    ...(await mountDifferences(paths, record, spec)),
  ];
  if (different.length === 0) return;
  fail('worktree-conflict', `${record.name} exists and is not what is asked for: ${different.join('; ')}`, {
    hint: `leave that out, or remove it, which keeps the worktree: heyvm rm --force ${record.name}`,
    data: { id: record.id, different },
  });
}

function plainDifferences(record: SandboxRecord, spec: SandboxSpec): string[] {
  const backend = spec.backend === undefined ? undefined : findBackend(spec.backend).manifest.id;
  const asked: readonly (readonly [string, unknown, unknown])[] = [
    ['backend', record.backend_type, backend],
    ['type', record.type, spec.type],
    ['runtime', record.runtime, spec.runtime],
    ['image', record.image, spec.image],
    ['user', record.user ?? 'dev', spec.user],
    ['workspace access', record.workspace.access ?? 'rw', spec.workspace_access],
    ['network', record.policy.network.mode, spec.network],
    ['time to live', record.ttl_seconds, spec.ttl_seconds],
  ];
  return asked.filter(([, has, wish]) => wish !== undefined && wish !== has).map(describe);
}

function limitDifferences(has: Limits, asked: Limits): string[] {
  return (['cpus', 'memory', 'pids', 'wall', 'disk'] as const)
    .filter(name => asked[name] !== undefined && asked[name] !== has[name])
    .map(name => describe([`limit of ${name}`, has[name], asked[name]]));
}

/** Only names, for values may be secrets. */
function variableDifferences(has: SandboxRecord['env'], asked: NonNullable<SandboxSpec['env']>): string[] {
  return Object.keys(asked)
    .filter(name => asked[name] !== has[name])
    .map(name => `the variable ${name} has another value`);
}

/** Only names, for values may be secrets. */
function optionDifferences(
  has: Readonly<Record<string, unknown>>,
  asked: Readonly<Record<string, unknown>>,
): string[] {
  return Object.keys(asked)
    .filter(name => !isDeepStrictEqual(asked[name], has[name]))
    .map(name => `the option ${name} has another value`);
}

function portDifferences(has: readonly PublishedPort[], asked: readonly PublishedPort[]): string[] {
  return asked
    .filter(port => !has.some(known => isDeepStrictEqual(known, port)))
    .map(({ guest }) => `it does not publish port ${guest} so`);
}

async function mountDifferences(paths: Paths, record: SandboxRecord, spec: SandboxSpec): Promise<string[]> {
  const asked = await Promise.all((spec.mounts ?? []).map(mount => checkMount(paths, mount)));
  return asked
    .filter(mount => !record.mounts.some(known => isDeepStrictEqual(known, mount)))
    .map(({ source, target, mode }) => `it has no mount of ${source} at ${target} (${mode})`);
}

function describe([what, has, asked]: readonly [string, unknown, unknown]): string {
  return `it has ${has === undefined ? `no ${what}` : `${what} ${has}`}, not ${asked}`;
}
