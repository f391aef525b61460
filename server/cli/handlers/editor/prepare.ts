// heyvm editor prepare: puts the server of an editor into a sandbox before a window asks for it.
import type { Context } from '../../command.ts';
import { productFrom } from './product.ts';

export async function run(context: Context): Promise<undefined> {
  const { args, out, call } = context;
  const product = await productFrom(context);
  const copy = args.flag('copy') ? { copy: true } : {};
  const done = await call('editor/prepare', { sandbox: args.argument('sandbox'), product, ...copy });
  const words = { present: 'was there already', shared: 'is shown from this machine', copied: 'was copied' };
  const { program } = done;
  out.result(done, () => {
    const lines = [`the server of ${done.version} ${words[done.how]}: ${done.path}`];
    if (program !== undefined && program.how !== 'missing')
      lines.push(`the program of Remote-SSH ${words[program.how]}: ${program.path}`);
    return lines.join('\n');
  });
  if (program?.how === 'missing')
    out.warn(
      `the program of Remote-SSH is left to the editor, which needs a network inside for it: ${program.why}`,
    );
}
