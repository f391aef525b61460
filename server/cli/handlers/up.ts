// heyvm up: brings the sandbox of a project up, and shows what its command says until Ctrl-C.
import { resolve } from 'node:path';
import { fail } from '../../core/errors.ts';
import { problemLine } from '../../project/parse.ts';
import type { Result } from '../../protocol/contract.ts';
import type { HelperContract } from '../../protocol/helper.ts';
import { sandboxPaths } from '../../store/paths.ts';
import type { Context } from '../command.ts';
import { agree } from '../consent.ts';
import { followFile } from '../follow.ts';
import { INTERRUPTED } from '../interrupts.ts';
import { warnOfUnfollowed } from '../warnings.ts';

type Up = Result<HelperContract, 'project/up'>;

export async function run(context: Context): Promise<number> {
  const { args, out, call, cwd } = context;
  const folder = resolve(cwd, args.optional('folder') ?? '.');
  const { path, problems, asks, unfollowed = [] } = await call('project/inspect', { folder });
  if (problems.length > 0) {
    fail('settings-broken', problems.map(problem => problemLine(path, problem)).join('\n'), {
      hint: `edit ${path}`,
      data: { problems },
    });
  }
  warnOfUnfollowed(out, { path, unfollowed });
  const trust = await agree(context, { path, asks });
  const setup = args.flag('setup') ? { setup: true } : {};
  const up = await call('project/up', { folder, trust, ...setup });
  out.result(up, () => upText(up));
  if (args.flag('detach') || out.format === 'json' || up.command === 'none') {
    out.note(
      `next: heyvm sh ${up.sandbox.name}, heyvm logs -f ${up.sandbox.name}, heyvm stop ${up.sandbox.name}`,
    );
    return 0;
  }
  return follow(context, up);
}

function upText({ sandbox, created, setup, command }: Up): string {
  const { name, id, backend_type: backend, ports } = sandbox;
  const verb = created ? 'made and running' : 'running';
  return [
    `${name} (${id}) is ${verb} on ${backend}`,
    ...(setup === 'ran' ? ['it was set up'] : []),
    ...(command === 'none'
      ? []
      : [command === 'started' ? 'its command was started' : 'its command runs already']),
    ...ports.map(({ guest, url }) => `port ${guest}: ${url ?? 'not published'}`),
  ].join('\n');
}

/** Until Ctrl-C, which stops the sandbox, or until that is stopped elsewhere. */
async function follow({ out, paths, call, interrupts }: Context, { sandbox }: Up): Promise<number> {
  out.note(`Ctrl-C stops ${sandbox.name}; with --detach it goes on by itself`);
  const { log } = sandboxPaths(paths, sandbox.id);
  await followFile({ path: log, lines: 0, show: text => out.writeForeign(text) }, interrupts.signal);
  if (!interrupts.signal.aborted) return 0;
  const { signal } = new AbortController();
  await call('sandbox/stop', { sandbox: sandbox.id }, { signal });
  out.note(`${sandbox.name} is stopped; heyvm up starts it again`);
  return INTERRUPTED;
}
