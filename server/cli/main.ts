// Runs one command line: finds the command, parses, calls its handler, and turns what happens into an exit code.
import { exitCodeOf, fail, type SandboxError, toSandboxError } from '../core/errors.ts';
import { nearest } from '../core/nearest.ts';
import type { Expected } from '../owner/candidate.ts';
import { pathsOf } from '../store/paths.ts';
import { parseArgs, wantsJson } from './args.ts';
import type { Args, Command, Context } from './command.ts';
import { commands, findCommand, groups, splitCommand } from './commands.ts';
import { type Interrupts, watchInterrupts } from './interrupts.ts';
import { flush } from './outlets.ts';
import { createOutput, type Output } from './output.ts';
import { lazyService } from './service.ts';

/** Answers the exit code; everything that was printed has been handed over by then. */
export async function main(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  early: Expected | undefined,
): Promise<number> {
  const interrupts = watchInterrupts();
  const code = await runCommand(argv, { env, interrupts, early });
  await early?.dismiss();
  await flush();
  return code;
}

type World = {
  readonly env: NodeJS.ProcessEnv;
  readonly interrupts: Interrupts;
  readonly early: Expected | undefined;
};

async function runCommand(argv: readonly string[], world: World): Promise<number> {
  let command: Command | undefined;
  let out = createOutput({ format: wantsJson(argv) ? 'json' : 'text', quiet: false, env: world.env });
  try {
    const [name, tokens] = normalize(argv);
    command = findCommand(name) ?? refuseUnknown(name);
    const args = parseArgs(command, tokens);
    const format = args.string('format') === 'json' ? 'json' : 'text';
    out = createOutput({ format, quiet: args.flag('quiet'), env: world.env });
    if (args.flag('help')) return await showHelp(command, out);
    return await runHandler(command, { args, out, world });
  } catch (thrown) {
    const error = toSandboxError(thrown);
    out.error(error);
    if (error.code === 'internal' && (world.env['HEYVM_DEBUG'] ?? '') !== '') out.note(stackOf(error));
    return command?.failureExit !== undefined && error.code !== 'cancelled'
      ? command.failureExit
      : exitCodeOf(error);
  }
}

async function runHandler(
  command: Command,
  { args, out, world }: { args: Args; out: Output; world: World },
): Promise<number> {
  const { env, interrupts, early } = world;
  const paths = pathsOf(env);
  const context: Context = {
    args,
    out,
    env,
    cwd: process.cwd(),
    paths,
    interrupts,
    groups,
    call: lazyService({ out, env, paths, early, signal: interrupts.signal }),
  };
  const { run } = await command.load();
  return (await run(context)) ?? 0;
}

/** `heyvm`, `heyvm --help` and `heyvm --version` are short for commands. */
function normalize(argv: readonly string[]): [string, readonly string[]] {
  const [first = 'help', ...rest] = argv;
  const { name, rest: tokens } = splitCommand(argv);
  if (first === '--help' || first === '-h') return ['help', rest];
  if (first === '--version' || first === '-V') return ['version', rest];
  if (first.startsWith('-')) return ['help', argv];
  return first === '' || name === '' ? [first, rest] : [name, tokens];
}

function refuseUnknown(name: string): never {
  const [family, second] = name.split(' ');
  const names = commands
    .filter(command => command.hidden !== true)
    .flatMap(command => [command.name, ...(command.aliases ?? [])])
    .filter(known => second === undefined || known.startsWith(`${family} `));
  const [close] = second === undefined ? nearest(name, names) : nearestSecond(second, names);
  fail('usage', `there is no command ${JSON.stringify(name)}`, {
    hint: close === undefined ? 'heyvm help lists the commands' : `did you mean heyvm ${close}?`,
  });
}

/** Against the second words alone, because the first one is right already. */
function nearestSecond(second: string, names: readonly string[]): readonly string[] {
  const seconds = new Map(names.map(name => [name.split(' ')[1] ?? '', name]));
  return nearest(second, [...seconds.keys()]).flatMap(word => seconds.get(word) ?? []);
}

async function showHelp(command: Command, out: Output): Promise<number> {
  const { commandHelp, commandData } = await import('./help.ts');
  out.result(commandData(command), () => commandHelp(command, out.paint));
  return 0;
}

function stackOf(error: SandboxError): string {
  return error.cause instanceof Error ? (error.cause.stack ?? error.message) : (error.stack ?? error.message);
}
