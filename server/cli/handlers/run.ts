// heyvm run: one program in a sandbox that is made for it and gone after it.
import { resolve } from 'node:path';
import { fail, SandboxError } from '../../core/errors.ts';
import { useThrowaway } from '../../owner/throwaway.ts';
import type { Runtime } from '../../protocol/backend.ts';
import type { SandboxSpec } from '../../protocol/sandbox.ts';
import { boundedSpec, DEFAULT_TIMEOUT_MS } from '../../service/throwaway.ts';
import type { Context } from '../command.ts';
import { moduleOf } from '../moduleFile.ts';
import { NO_PROGRAM, requestOf, runProgram } from '../program.ts';
import { specOf } from '../spec.ts';

const MOST_INPUT = 64 * 2 ** 20;

export async function run(context: Context): Promise<number> {
  const { args, call, cwd, paths, interrupts } = context;
  const timeoutMs = args.number('timeout') ?? DEFAULT_TIMEOUT_MS;
  if (timeoutMs === 0) fail('usage', '--timeout 0: must be more than nothing');
  const asked = requestOf(context);
  const module = await moduleOf(context, asked.argv[0]);
  if (module instanceof SandboxError) {
    context.out.error(module);
    return NO_PROGRAM;
  }
  const request = module === undefined ? asked : { ...asked, argv: [module.program, ...asked.argv.slice(1)] };
  const files = args.list('file').map(file => resolve(cwd, file));
  const { sandbox } = await call('sandbox/create', {
    spec: boundedSpec(throwawaySpec(context, { program: request.argv[0], image: module?.path }), timeoutMs),
    throwaway: files.length === 0 ? {} : { files },
  });
  const { id } = sandbox;
  const { signal } = new AbortController();
  const remove = async (): Promise<void> => {
    await call('sandbox/remove', { sandbox: id, force: true }, { signal });
  };
  return useThrowaway({ paths, id, remove }, async ({ guest, refuseLost }) => {
    interrupts.signal.throwIfAborted();
    const bounds = { timeoutMs, mostInput: MOST_INPUT };
    // Many systems have Python under this name alone.
    const otherwise = request.argv[0] === 'python' ? 'python3' : undefined;
    return runProgram(context, { guest, request, otherwise, ...bounds, onEnd: refuseLost });
  });
}

type Wanted = { readonly program: string | undefined; readonly image: string | undefined };

function throwawaySpec({ args, cwd }: Context, { program, image }: Wanted): SandboxSpec {
  const workspace = args.string('workspace');
  if (args.flag('writable') && workspace === undefined) fail('usage', '--writable needs --workspace');
  const guessed = args.string('runtime') === undefined && args.string('image') === undefined;
  const runtime = guessed ? runtimeOf(program) : undefined;
  // Variables are the program's alone: they may be secrets, and so are not written down.
  const { env: _, ...spec } = specOf(args, cwd, {
    ...(workspace === undefined ? {} : { workspace: resolve(cwd, workspace) }),
    ...(workspace === undefined || args.flag('writable') ? {} : { workspace_access: 'ro' }),
    ...(runtime === undefined ? {} : { runtime }),
    ...(image === undefined ? {} : { image }),
  });
  return spec;
}

/** Who runs a program of a runtime by name wants that runtime, which this machine may have in an odd place. */
function runtimeOf(program: string | undefined): Runtime | undefined {
  if (program === 'node' || program === 'npm' || program === 'npx') return 'node';
  return program !== undefined && /^(python|pip)[0-9.]*$/.test(program) ? 'python' : undefined;
}
