// Reads from the flags what a new sandbox shall be.
import { resolve } from 'node:path';
import { fail } from '../core/errors.ts';
import { parse } from '../protocol/parse.ts';
import { SandboxSpec } from '../protocol/sandbox.ts';
import type { Args } from './command.ts';
import { variablesOf } from './variables.ts';

export function specOf(args: Args, cwd: string, more: Readonly<Record<string, unknown>>): SandboxSpec {
  const mounts = args.list('mount').map(text => mountOf(text, cwd));
  const env = variablesOf(args.list('env'));
  const limits = present({
    cpus: args.number('cpus'),
    memory: args.number('memory'),
    pids: args.number('pids'),
    wall: wallOf(args.number('wall')),
  });
  const asked = present({
    backend: args.string('backend'),
    type: args.string('type'),
    runtime: args.string('runtime'),
    image: args.string('image'),
    network: args.string('network'),
    ttl_seconds: args.number('ttl-seconds'),
    mounts: mounts.length === 0 ? undefined : mounts,
    env: Object.keys(env).length === 0 ? undefined : env,
    limits: Object.keys(limits).length === 0 ? undefined : limits,
  });
  const spec = parse(SandboxSpec, { ...asked, ...more });
  return spec.ok ? spec.value : fail('usage', spec.problem);
}

/** The guest's side begins after the first `:` that is followed by `/`, so that a drive letter stays with its path. */
function mountOf(text: string, cwd: string): { source: string; target: string; mode: 'ro' | 'rw' } {
  const match = /^(.+?):(\/[^:]*)(?::(ro|rw))?$/.exec(text);
  if (match === null) {
    fail(
      'usage',
      `--mount ${text}: must be HOST:GUEST or HOST:GUEST:rw, with an absolute path for the guest`,
    );
  }
  const [, source = '', target = '', mode] = match;
  return { source: resolve(cwd, source), target, mode: mode === 'rw' ? 'rw' : 'ro' };
}

function wallOf(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.max(1, Math.ceil(ms / 1000));
}

function present<T extends Record<string, unknown>>(values: T): Partial<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<T>;
}
