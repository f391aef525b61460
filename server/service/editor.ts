// The methods about servers of editors: what they need of a guest, and how they get there before a window asks for them.
import { fail, toSandboxError } from '../core/errors.ts';
import { gapsOf, noShell } from '../editor/judge.ts';
import { platformOf } from '../editor/place.ts';
import { PROBE_SCRIPT, readFacts } from '../editor/probe.ts';
import { connectOwner } from '../owner/connect.ts';
import type { Handlers, Result } from '../protocol/contract.ts';
import type { EditorProduct, GuestFacts } from '../protocol/editorMethods.ts';
import type { HelperContract } from '../protocol/helper.ts';
import { withLock } from '../store/lock.ts';
import type { CallContext, ServiceDeps } from './deps.ts';
import { type Placing, placeProgram, placeServer } from './editorPlacing.ts';
import { serveWeb, webProduct } from './editorWeb.ts';
import { type Guest, runScript } from './guestScript.ts';

type Methods = Extract<keyof HelperContract, `editor/${string}`>;

const PROBE_MS = 30_000;

export function editorHandlers(deps: ServiceDeps): Pick<Handlers<HelperContract, CallContext>, Methods> {
  const guestOf = async (sandbox: string): Promise<Guest> =>
    connectOwner(await deps.sandboxes.find(sandbox)).guest;
  return {
    'editor/check': async ({ sandbox }) => {
      const facts = await probe(await guestOf(sandbox));
      return facts === undefined ? { gaps: [noShell] } : { facts, gaps: [...gapsOf(facts)] };
    },
    'editor/prepare': async ({ sandbox, product, copy = false }, context) => {
      const { record } = await deps.sandboxes.find(sandbox);
      const guest = await guestOf(record.id);
      const options = { wait: 'wait', signal: context.signal } as const;
      return withLock(deps.paths, `server-in-${record.id}`, options, () =>
        prepare(deps, { guest, product, pages: false, copy }, context),
      );
    },
    'editor/serve': async ({ sandbox, product }, context) => {
      const { record } = await deps.sandboxes.find(sandbox);
      const guest = await guestOf(record.id);
      const options = { wait: 'wait', signal: context.signal } as const;
      return withLock(deps.paths, `server-in-${record.id}`, options, async () => {
        await prepare(deps, { guest, product: webProduct(product), pages: true, copy: false }, context);
        context.progress({ phase: 'starting the server of the editor' });
        return serveWeb(guest, product, context.signal);
      });
    },
  };
}

type Preparation = {
  readonly guest: Guest;
  readonly product: EditorProduct;
  readonly pages: boolean;
  readonly copy: boolean;
};

async function prepare(
  deps: ServiceDeps,
  { guest, product, pages, copy }: Preparation,
  context: CallContext,
): Promise<Result<HelperContract, 'editor/prepare'>> {
  context.progress({ phase: 'looking for the server of the editor' });
  const facts = (await probe(guest)) ?? fail('unsupported', noShell.detail, { hint: noShell.fix });
  const platform = platformOf(facts, pages ? 'pages' : 'ssh');
  const placing: Placing = { deps, guest, product, platform, copy };
  const server = await placeServer(placing, context);
  if (pages) return server;
  const program = await placeProgram(placing, context);
  return program === undefined ? server : { ...server, program };
}

async function probe(guest: Guest): Promise<GuestFacts | undefined> {
  try {
    const { stdout } = await runScript(guest, { script: PROBE_SCRIPT, words: [], limitMs: PROBE_MS });
    return readFacts(stdout);
  } catch (thrown) {
    // What has no shell is no system in which a server could run.
    if (toSandboxError(thrown).code === 'path-not-found') return undefined;
    throw thrown;
  }
}
