// A machine whose owner is another process, which is killed when the machine runs.
import { strict as assert } from 'node:assert';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { LaunchRequest, Ref } from '../../../server/core/backend.ts';
import type { Bench } from '../../contract/bench.ts';

const SLEEP = 'cd /; sleep 1000 >/dev/null 2>&1 </dev/null & echo $! >/tmp/pid';

/** The script runs in it before the owner dies. */
export async function inAnotherOwner(
  { context }: Bench,
  request: LaunchRequest,
  script = SLEEP,
): Promise<Ref> {
  const { state, runtime, cache, agent, storeId, options } = context;
  const { image } = request;
  assert.equal(image?.kind, 'stored');
  const roles = ['disk', 'kernel', 'initrd'] as const;
  const files = Object.fromEntries(roles.map(role => [role, image.file(role)]));
  const owner = spawn(process.execPath, [join(import.meta.dirname, '..', 'fixtures', 'owner.ts')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const over = once(owner, 'exit');
  const place = { state, runtime, cache, agent, storeId, options };
  owner.stdin.end(JSON.stringify({ context: place, script, request, image: { ...image, files } }));
  const [said] = (await Promise.race([once(owner.stdout, 'data'), over])) as [Buffer | number];
  owner.kill('SIGKILL');
  await over;
  return JSON.parse(String(said)) as Ref;
}
