// How a machine sees its workspace: QEMU shares it, or we serve it, where the kernel inside cannot have it the first way.
import { SandboxError } from '../../core/errors.ts';
import type { WorkspaceMode } from '../../protocol/sandbox.ts';
import type { GuestSetup } from '../../wire/setup.ts';
import { within } from '../kit/within.ts';
import type { Options } from './options.ts';
import { type Serving, serveFiles } from './served.ts';
import { readSetup, tellSetup, writeSetup } from './setup.ts';

/** Gives the guest its identity and its mounts; answers how it has them where that is not as the manifest says. */
export async function showWorkspace(
  serving: Serving,
  setup: GuestSetup,
  { workspace }: Options,
): Promise<WorkspaceMode | undefined> {
  const { context, line } = serving;
  const tell = async (kind: '9p' | 'sftp'): Promise<void> => {
    const shown = { ...setup, shares: setup.shares?.map(share => ({ ...share, kind })) };
    await Promise.all([writeSetup(context, shown), tellSetup(() => line.connect(context.signal), shown)]);
  };
  if (workspace !== 'reverse-sftp') {
    try {
      await tell('9p');
      return undefined;
    } catch (error) {
      const lacking = error instanceof SandboxError && error.code === 'unsupported';
      if (!lacking || workspace === 'shared') throw error;
      context.log(`${error.message}; it is served over SFTP instead`);
    }
  }
  await serveFiles(serving);
  await tell('sftp');
  return 'reverse-sftp';
}

/** Of a machine that runs already: what the owner before served is served again. */
export async function resumeServing(serving: Serving): Promise<WorkspaceMode | undefined> {
  const { context } = serving;
  const setup = await readSetup(context);
  if (setup?.shares?.some(({ kind }) => kind === 'sftp') !== true) return undefined;
  const served = serveFiles(serving).catch((error: unknown) => {
    context.log(`programs inside wait for the workspace: ${String(error)}`);
  });
  // A machine that stands still answers when it goes on.
  await within(served, ANSWER_MS);
  return 'reverse-sftp';
}

const ANSWER_MS = 10_000;
