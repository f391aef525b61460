// Reads the product.json that a command was given.
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fail } from '../../../core/errors.ts';
import { type EditorProduct, productOf } from '../../../protocol/editorMethods.ts';
import type { Context } from '../../command.ts';

export async function productFrom({ args, cwd }: Pick<Context, 'args' | 'cwd'>): Promise<EditorProduct> {
  const file = args.string('product');
  if (file === undefined)
    return fail('usage', 'it is not known which editor is meant without --product', {
      hint: 'name the product.json of the editor, such as /usr/share/code/resources/app/product.json',
    });
  const path = resolve(cwd, file);
  const product = productOf(await textOf(path));
  return product.ok
    ? product.value
    : fail('usage', `${path} does not describe an editor: ${product.problem}`);
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    return fail('path-not-found', `${path} cannot be read`, { cause });
  }
}
