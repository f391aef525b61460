// heyvm ssh-config: adds, removes and checks the aliases of OpenSSH.
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fail } from '../../core/errors.ts';
import type { Context } from '../command.ts';

export async function run(context: Context): Promise<number | undefined> {
  const { args } = context;
  const asked = (['install', 'uninstall', 'status'] as const).filter(name => args.flag(name));
  if (asked.length > 1) fail('usage', `--${asked.join(' and --')} exclude each other`);
  const config = args.string('config');
  const params = config === undefined ? {} : { config: resolve(context.cwd, config) };
  switch (asked[0]) {
    case 'install':
      return install(context, params);
    case 'uninstall':
      return uninstall(context, params);
    case 'status':
      return status(context, params);
    default:
      return printAliases(context);
  }
}

type ConfigParams = { config?: string };

async function install({ out, call }: Context, params: ConfigParams): Promise<undefined> {
  const answer = await call('ssh/install', params);
  out.result(answer, () =>
    answer.changed
      ? `added to ${answer.config}: ${answer.include}`
      : `${answer.config} has the line already: ${answer.include}`,
  );
  out.note('now every sandbox is a host: ssh heyvm-<name>');
}

async function uninstall({ out, call }: Context, params: ConfigParams): Promise<undefined> {
  const answer = await call('ssh/uninstall', params);
  out.result(answer, () =>
    answer.changed ? `removed from ${answer.config}` : `${answer.config} did not have the line`,
  );
}

async function status({ out, call }: Context, params: ConfigParams): Promise<number> {
  const answer = await call('ssh/status', params);
  out.result(answer, () => {
    if (!answer.installed) return `not installed in ${answer.config}`;
    return answer.effective
      ? `installed in ${answer.config}, and OpenSSH sees it`
      : `installed in ${answer.config}, without effect`;
  });
  if (answer.problem !== undefined) out.warn(answer.problem);
  else if (!answer.installed) out.note('install it with: heyvm ssh-config --install');
  return answer.installed && answer.effective ? 0 : 1;
}

async function printAliases({ out, paths }: Context): Promise<undefined> {
  const text = await readFile(paths.sshConfig, 'utf8').catch((error: NodeJS.ErrnoException) => {
    // There is no file before the first sandbox, which is an answer too.
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  out.result({ path: paths.sshConfig, text }, () => text);
  if (text === '') out.note('no aliases yet; make a sandbox with: heyvm wt <branch>');
}
