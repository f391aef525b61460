// heyvm create: makes a sandbox and starts it.
import { resolve } from 'node:path';
import type { SandboxInfo } from '../../protocol/sandbox.ts';
import type { Context } from '../command.ts';
import { lastingOf, specOf } from '../spec.ts';

export async function run({ args, out, call, cwd }: Context): Promise<undefined> {
  const name = args.string('name');
  const workspace = args.string('workspace');
  const spec = specOf(args, cwd, {
    ...lastingOf(args),
    ...(name === undefined ? {} : { name }),
    ...(workspace === undefined ? {} : { workspace: resolve(cwd, workspace) }),
  });
  const { sandbox } = await call('sandbox/create', { spec });
  out.result(sandbox, () => createdText(sandbox));
  out.note(`next: heyvm sh ${sandbox.name}`);
}

function createdText(sandbox: SandboxInfo): string {
  return `${sandbox.name} (${sandbox.id}) is running on ${sandbox.backend_type}: ${sandbox.backend_reason}`;
}
