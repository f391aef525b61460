// A running guest of any backend for attacks that are tried on all of them, each shown to work where nothing is in its way.
import { strict as assert } from 'node:assert';
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import type { Backend, LaunchRequest } from '../../../server/core/backend.ts';
import type { Guest } from '../../../server/core/guest.ts';
import { type Boundary, boundaries, type Capabilities } from '../../../server/protocol/backend.ts';
import { type Bench, machineOf, makeBench, type Outcome, runIn } from '../../contract/bench.ts';
import { backendsToTry, groundOf } from '../../support/grounds.ts';
import { count } from './tally.ts';

export type Target = {
  readonly bench: Bench;
  readonly guest: Guest;
  readonly capabilities: Capabilities;
  /** A script for bash, with the names of `declared.names` set. */
  sh(script: string): Promise<Outcome>;
};

export type Declared = {
  readonly change?: (bench: Bench) => Partial<LaunchRequest>;
  /** What scripts call things; `W` is the workspace, on this machine and inside. */
  readonly names?: (bench: Bench) => Readonly<Record<string, string>>;
  readonly prepare?: (bench: Bench) => Promise<void> | void;
};

export type Attack = {
  readonly what: string;
  /** Says `marker` when it got through. */
  readonly script: string;
  readonly marker: string;
};

/** The backends whose guests are meant to hold whoever is inside. */
export function prisons(): readonly Backend[] {
  return backendsToTry().filter(({ manifest }) => isPrison(manifest.capabilities.boundary));
}

function isPrison(boundary: Boundary): boolean {
  return boundaries.indexOf(boundary) >= boundaries.indexOf('container');
}

/** Declares hooks that start one guest for a whole suite; a backend that cannot run here says why, and is not run. */
export function withTarget(backend: Backend, declared: Declared = {}): () => Target {
  let target: Target | undefined;
  let bench: Bench | undefined;

  before(async function () {
    this.timeout(180_000);
    const why = await whyNot(backend);
    if (why !== undefined) {
      console.log(`not run: ${backend.manifest.id}: ${why}`);
      return this.skip();
    }
    bench = await makeBench(backend);
    await declared.prepare?.(bench);
    const { guest } = await bench.start({ ...asStrongest(backend), ...declared.change?.(bench) });
    const found = await bench.driver.probe(bench.context);
    const capabilities = found.kind === 'ready' ? found.capabilities : backend.manifest.capabilities;
    const names = declared.names?.(bench) ?? {};
    target = {
      ...{ bench, guest, capabilities },
      // Not among its words, where scripts that look for words would find themselves.
      sh: script =>
        runIn(guest, ['/bin/bash', '-s'], { input: `${settings({ ...names, W: '/workspace' })}${script}` }),
    };
  });

  after(async function () {
    this.timeout(60_000);
    await bench?.dispose();
    bench = undefined;
    target = undefined;
  });

  return () => target!;
}

/** Inside a machine of its own, whoever attacks is root. */
export function asStrongest({ manifest }: Backend): Partial<LaunchRequest> {
  const { boundary } = manifest.capabilities;
  const own = boundaries.indexOf(boundary) >= boundaries.indexOf('microvm');
  return own ? { owner: { uid: 0, gid: 0 } } : {};
}

/** Probes with what the tests give; undefined when guests can be had. */
export async function whyNot(backend: Backend): Promise<string | undefined> {
  const ground = await groundOf(backend);
  if (ground.kind === 'not run') return ground.why;
  const driver = await backend.load();
  const found = await driver.probe(await machineOf(backend, AbortSignal.timeout(60_000)));
  if (found.kind === 'ready') return undefined;
  return found.kind === 'missing' ? found.what : found.why;
}

/**
 * First on this machine, where it must get through, or it would prove nothing; then inside, where it must not.
 * What only exists inside cannot be shown here, and says so by having no control.
 */
export async function holds(
  target: Target,
  attack: Attack,
  names: Readonly<Record<string, string>>,
): Promise<void> {
  const { bench } = target;
  const script = `${settings({ ...names, W: bench.workspace })}${attack.script}`;
  const control = await onHost(script, bench.workspace);
  assert.ok(
    control.stdout.includes(attack.marker),
    `on the host it found nothing, so that it proves nothing: ${control.stdout}${control.stderr}`,
  );
  count(bench.backend.manifest.id);
  const { stdout } = await target.sh(`${attack.script}\ntrue`);
  assert.ok(!stdout.includes(attack.marker), `inside it got through: ${stdout}`);
}

async function onHost(script: string, cwd: string): Promise<{ stdout: string; stderr: string }> {
  const child = spawn('bash', ['-s'], { cwd, timeout: 60_000 });
  child.stdin.end(script);
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { stdout, stderr };
}

function settings(names: Readonly<Record<string, string>>): string {
  return Object.entries(names)
    .map(([name, value]) => `${name}='${value.replaceAll("'", "'\\''")}'\n`)
    .join('');
}
