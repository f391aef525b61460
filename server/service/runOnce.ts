// Runs one program in a throwaway and answers what it said and how it ended.
import type { GuestProcess } from '../core/guest.ts';
import { useThrowaway } from '../owner/throwaway.ts';
import { startDeadline } from '../programs/deadline.ts';
import { outcomeOf } from '../programs/outcome.ts';
import type { Params, Result } from '../protocol/contract.ts';
import type { HelperContract } from '../protocol/helper.ts';
import type { CallContext, ServiceDeps } from './deps.ts';
import { boundedSpec, DEFAULT_TIMEOUT_MS } from './throwaway.ts';

type Asked = Params<HelperContract, 'sandbox/run'>;
type Answer = Result<HelperContract, 'sandbox/run'>;

export async function runOnce(deps: ServiceDeps, asked: Asked, context: CallContext): Promise<Answer> {
  const { sandboxes, paths } = deps;
  const timeoutMs = asked.timeout_ms ?? DEFAULT_TIMEOUT_MS;
  const spec = boundedSpec(asked.spec, timeoutMs);
  const request = { spec, throwaway: asked.throwaway ?? {}, purpose: 'throwaway' } as const;
  const { id } = (await sandboxes.create(request, context)).record;
  const free: CallContext = { signal: new AbortController().signal, progress: () => {} };
  const remove = () => sandboxes.remove(id, { force: true }, free);
  return useThrowaway({ paths, id, remove }, async ({ guest, refuseLost }) => {
    context.signal.throwIfAborted();
    context.progress({ phase: 'running' });
    const child = await guest.exec(asked.program);
    const { status, result } = await heard(child, { ...asked, timeoutMs }, context);
    if (!result.timed_out) await refuseLost(status);
    return result;
  });
}

/** A cancelled call ends the program with its sandbox, so there is nothing to wait for. */
async function heard(
  child: GuestProcess,
  { input, timeoutMs, most_bytes }: Asked & { readonly timeoutMs: number },
  { signal }: CallContext,
): ReturnType<typeof outcomeOf> {
  const deadline = startDeadline(child, timeoutMs);
  const cancelled = Promise.withResolvers<never>();
  const cancel = (): void => cancelled.reject(signal.reason);
  signal.addEventListener('abort', cancel, { once: true });
  child.stdin.on('error', () => {
    // A program need not read its input.
  });
  child.stdin.end(input ?? '');
  try {
    signal.throwIfAborted();
    return await Promise.race([outcomeOf(child, deadline, most_bytes), cancelled.promise]);
  } finally {
    signal.removeEventListener('abort', cancel);
    deadline.clear();
    child.hangUp();
  }
}
