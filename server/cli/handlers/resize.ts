// heyvm resize: changes the limits of a sandbox.
import type { Context } from '../command.ts';
import { sandboxDetails } from '../render.ts';
import { limitsOf } from '../spec.ts';

export async function run({ args, out, call }: Context): Promise<undefined> {
  const resized = await call('sandbox/resize', {
    sandbox: args.argument('sandbox'),
    limits: limitsOf(args),
  });
  out.result(resized, () => sandboxDetails(resized.sandbox, out.paint));
  if (resized.restart_needed) {
    out.note(`it counts from the next start on: heyvm restart ${resized.sandbox.name}`);
  }
}
