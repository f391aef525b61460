// One container of the engine: made at most once under its name, looked at, and removed with everything it left.
import { setTimeout as delay } from 'node:timers/promises';
import { fail } from '../../core/errors.ts';
import { createContainer, discardContainer } from '../../engine/containers.ts';
import { accepting, type Engine, EngineRefusal, unless } from '../../engine/engine.ts';
import { Container } from './answers.ts';
import { PLAN, SANDBOX } from './marks.ts';
import type { Plan } from './plan.ts';

/** By name or id. */
export function inspectContainer(engine: Engine, name: string): Promise<Container | undefined> {
  return unless(
    404,
    engine.read('describe a container', Container, docker => docker.getContainer(name).inspect()),
  );
}

export type Obtained = {
  readonly id: string;
  /** `found` runs already, and whoever gives up leaves it alone. */
  readonly kind: 'made' | 'found';
};

/**
 * The name is the lock: of two that make it at once, one is told that it is there. What runs under the name is the
 * guest; what does not run and was made for another request gives way.
 */
export async function obtainContainer(engine: Engine, name: string, plan: Plan): Promise<Obtained> {
  const deadline = Date.now() + PATIENCE_MS;
  while (Date.now() < deadline) {
    const made = await makeContainer(engine, name, plan);
    if (made !== undefined) return { kind: 'made', id: made };
    const known = await inspectContainer(engine, name);
    if (known === undefined) {
      // A name is taken before its container can be seen, and is free only after it is gone.
      await delay(RETRY_MS);
      continue;
    }
    requireOurs(known, plan.sandbox);
    if (known.State.Running) return { kind: 'found', id: known.Id };
    if (known.Config.Labels?.[PLAN] === plan.fingerprint && isFresh(known))
      return { kind: 'made', id: known.Id };
    await removeContainer(engine, known.Id);
  }
  return fail('busy', `somebody else makes and removes the container ${name} at the same time`, {
    hint: 'repeat the command',
  });
}

const PATIENCE_MS = 10_000;
const RETRY_MS = 20;

/** Undefined when the name is taken. */
async function makeContainer(engine: Engine, name: string, { body }: Plan): Promise<string | undefined> {
  try {
    return await unless(409, createContainer(engine, body, name));
  } catch (error) {
    if (!(error instanceof EngineRefusal)) throw error;
    return fail('guest-failed', `the engine makes no such container: ${error.said}`, {
      hint: 'change what was asked for; heyvm backends shows what the engine can do',
      cause: error,
    });
  }
}

/** One whose removal was interrupted cannot be started any more. */
function isFresh({ State }: Container): boolean {
  return State.Status === 'created' || State.Status === 'exited';
}

/** Starting what runs already is no error. */
export async function startContainer(engine: Engine, id: string): Promise<void> {
  try {
    const request = engine.call('start a container', docker => docker.getContainer(id).start());
    await unless(304, request);
  } catch (error) {
    if (!(error instanceof EngineRefusal)) throw error;
    fail('guest-failed', `the container did not start: ${error.said}`, {
      hint: 'heyvm doctor checks the engine; another image or fewer mounts may help',
      cause: error,
    });
  }
}

/** Also one that runs or is paused. Gone when it answers, whoever removed it. */
export async function removeContainer(engine: Engine, name: string): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    const refused = await discardContainer(engine, name);
    if (refused === undefined) return;
    // Somebody else removes it, which takes the engine a moment.
    if ((await inspectContainer(engine, name)) === undefined) return;
    if (attempt === 200) fail('command-failed', `the engine does not remove ${name}: ${refused.said}`);
    await delay(50);
  }
}

/** What is stopped or removed already needs no signal. */
export async function killContainer(engine: Engine, name: string, signal: 'TERM' | 'KILL'): Promise<void> {
  const request = engine.call('end a container', docker => docker.getContainer(name).kill({ signal }));
  await accepting([404, 409], request);
}

/** Fails when the name belongs to something that heyvm did not make. */
function requireOurs(container: Container, sandbox: string): void {
  if (container.Config.Labels?.[SANDBOX] === sandbox) return;
  fail('busy', `the engine has a container under this sandbox’s name that heyvm did not make`, {
    hint: `look at it with docker inspect ${container.Id.slice(0, 12)}, and rename or remove it`,
  });
}
