// Lets the programs of a container stand still and go on.
import type { DriverContext, Pausing, Ref } from '../../core/backend.ts';
import { fail } from '../../core/errors.ts';
import { accepting, EngineRefusal, engineAt } from '../../engine/engine.ts';
import { inspectContainer } from './containers.ts';
import { engineOf, recallOrFail } from './remembered.ts';

export const pausing: Pausing = {
  pause: (context, ref) => change(context, ref, 'pause'),
  resume: (context, ref) => change(context, ref, 'unpause'),
};

/** Repeated calls change nothing, and two at once end in what both wanted. */
async function change(context: DriverContext, ref: Ref, verb: 'pause' | 'unpause'): Promise<void> {
  const known = await recallOrFail(context, ref);
  const engine = engineAt(engineOf(known), context.signal);
  const request = engine.call(`${verb} a container`, docker => docker.getContainer(known.container)[verb]());
  const refused = await accepting([404, 409, 500], request);
  if (!(refused instanceof EngineRefusal)) return;
  const container = await inspectContainer(engine, known.container);
  if (container?.State.Running !== true)
    fail('not-running', 'the sandbox is not running', { hint: 'start it with heyvm start' });
  if (container.State.Paused !== (verb === 'pause')) {
    fail('command-failed', `the engine cannot ${verb} the container: ${refused.said}`);
  }
}
