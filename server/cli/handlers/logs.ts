// heyvm logs: prints the log of a sandbox and follows it.
import type { Context } from '../command.ts';
import { followFile } from '../follow.ts';
import { INTERRUPTED } from '../interrupts.ts';

const DEFAULT_LINES = 100;

export async function run({ args, out, call, interrupts }: Context): Promise<number | undefined> {
  const target = args.argument('sandbox');
  const lines = args.number('lines') ?? DEFAULT_LINES;
  if (args.flag('follow')) {
    const { path } = await call('sandbox/log', { sandbox: target, lines: 0 });
    const show = (text: string) =>
      out.format === 'json' ? out.write(jsonLines(text)) : out.writeForeign(text);
    await followFile({ path, lines, show }, interrupts.signal);
    return interrupts.signal.aborted ? INTERRUPTED : 0;
  }
  const answer = await call('sandbox/log', { sandbox: target, lines });
  if (out.format === 'json') out.result(answer, () => '');
  else
    await out.writeForeign(
      answer.text === '' || answer.text.endsWith('\n') ? answer.text : `${answer.text}\n`,
    );
  if (answer.text === '') out.note(`${target} has not logged anything yet`);
  return undefined;
}

function jsonLines(text: string): string {
  const lines = text.split('\n').filter(line => line !== '');
  return lines.map(line => `${JSON.stringify({ line })}\n`).join('');
}
