// heyvm editor prepare: puts the server of an editor into a sandbox before a window asks for it.
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fail } from '../../../core/errors.ts';
import { productOf } from '../../../protocol/editorMethods.ts';
import type { Context } from '../../command.ts';

export async function run({ args, out, call, cwd }: Context): Promise<undefined> {
  const file = args.string('product');
  if (file === undefined)
    fail('usage', 'editor prepare needs --product', {
      hint: 'name the product.json of the editor, such as /usr/share/code/resources/app/product.json',
    });
  const path = resolve(cwd, file);
  const product = productOf(await textOf(path));
  if (!product.ok) fail('usage', `${path} does not describe an editor: ${product.problem}`);
  const sandbox = args.argument('sandbox');
  const copy = args.flag('copy') ? { copy: true } : {};
  const done = await call('editor/prepare', { sandbox, product: product.value, ...copy });
  const words = { present: 'was there already', shared: 'is shown from this machine', copied: 'was copied' };
  out.result(done, () => `the server of ${done.version} ${words[done.how]}: ${done.path}`);
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    return fail('path-not-found', `${path} cannot be read`, { cause });
  }
}
