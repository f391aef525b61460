// Reads from the flags what a new sandbox shall be.
import { resolve } from 'node:path';
import { fail } from '../core/errors.ts';
import { isModulePath } from '../core/modules.ts';
import { parse } from '../protocol/parse.ts';
import { type Limits, PublishedPort, SandboxSpec } from '../protocol/sandbox.ts';
import type { Args } from './command.ts';
import { variablesOf } from './variables.ts';

export function specOf(args: Args, cwd: string, more: Readonly<Record<string, unknown>>): SandboxSpec {
  const mounts = args.list('mount').map(text => mountOf(text, cwd));
  const env = variablesOf(args.list('env'));
  const limits = limitsOf(args);
  const options = optionsOf(args);
  const asked = present({
    backend: args.string('backend'),
    type: args.string('type'),
    runtime: args.string('runtime'),
    image: imageOf(args.string('image'), cwd),
    network: args.string('network'),
    mounts: mounts.length === 0 ? undefined : mounts,
    env: Object.keys(env).length === 0 ? undefined : env,
    limits: Object.keys(limits).length === 0 ? undefined : limits,
    options: Object.keys(options).length === 0 ? undefined : options,
    cold: args.flag('cold') ? true : undefined,
  });
  const spec = parse(SandboxSpec, { ...asked, ...more });
  return spec.ok ? spec.value : fail('usage', spec.problem);
}

/** A path where it looks like one, because whoever answers may live in another folder. */
function imageOf(text: string | undefined, cwd: string): string | undefined {
  return text !== undefined && isModulePath(text) ? resolve(cwd, text) : text;
}

/** What only a sandbox has that outlives the command. */
export function lastingOf(args: Args): Pick<SandboxSpec, 'ports' | 'ttl_seconds'> {
  const ports = portsOf(args);
  return present({
    ttl_seconds: args.number('ttl-seconds'),
    ports: ports.length === 0 ? undefined : [...ports],
  });
}

export function limitsOf(args: Args): Limits {
  return present({
    cpus: args.number('cpus'),
    memory: args.number('memory'),
    pids: args.number('pids'),
    wall: wallOf(args.number('wall')),
    disk: args.number('disk'),
  });
}

/** `3000` offers a port of the guest on any free port of this machine, `8080:3000` on that one. */
export function portsOf(args: Args): readonly PublishedPort[] {
  return args.list('publish').map(text => {
    const match = /^(?:(\d+):)?(\d+)$/.exec(text);
    const [host, guest] = [match?.[1], match?.[2]].map(part =>
      part === undefined ? undefined : Number(part),
    );
    const port = parse(PublishedPort, present({ guest, host }));
    if (port.ok) return port.value;
    return fail('usage', `--publish ${text}: must be GUEST or HOST:GUEST, with ports from 1 to 65535`);
  });
}

/** `--connect URI` is short for the option that says where the engine is. */
function optionsOf(args: Args): Readonly<Record<string, unknown>> {
  const given = args.list('option').map(text => {
    const at = text.indexOf('=');
    if (at < 1) fail('usage', `--option ${text}: must be NAME=VALUE`);
    return [text.slice(0, at), readOption(text.slice(at + 1))] as const;
  });
  const connect = args.string('connect');
  return Object.fromEntries(connect === undefined ? given : [...given, ['connect', connect] as const]);
}

/** JSON where it is JSON, such as true or 8; otherwise the text itself. */
function readOption(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Most values are plain words, which are no JSON.
    return text;
  }
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
