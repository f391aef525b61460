// The editor in a browser: the server with pages is put into the sandbox, started there, and says how to reach it.
import * as z from 'zod/mini';
import { fail } from '../core/errors.ts';
import { SERVE_SCRIPT, WEB_FOLDER } from '../editor/web.ts';
import { randomHex } from '../platform/random.ts';
import { type EditorProduct, hasPages } from '../protocol/editorMethods.ts';
import { parse } from '../protocol/parse.ts';
import { type Guest, runScript } from './guestScript.ts';

/** An emulated machine starts it in a minute. */
const START_MS = 120_000;

const Said = z.object({
  port: z.coerce.number().check(z.int(), z.minimum(1), z.maximum(65_535)),
  token: z.string().check(z.regex(/^[0-9a-f]{32}$/)),
});
export type Web = z.output<typeof Said>;

/** The same server with another folder, so that nothing of an ssh extension's is touched. */
export function webProduct(product: EditorProduct): EditorProduct {
  if (!hasPages(product))
    fail('unsupported', 'this editor names a server for ssh extensions alone, which has no pages', {
      hint: 'use the product.json of VS Code, whose vendor has one with pages',
    });
  return { ...product, data_folder: WEB_FOLDER };
}

/** One that runs already is the answer. */
export async function serveWeb(guest: Guest, product: EditorProduct, signal: AbortSignal): Promise<Web> {
  const { data_folder: folder, commit, application } = webProduct(product);
  const words = [folder, commit, application];
  const asked = { script: SERVE_SCRIPT, words, limitMs: START_MS, input: randomHex(16), signal };
  const { stdout, stderr, exit_code: code } = await runScript(guest, asked);
  signal.throwIfAborted();
  const said = (name: string) => new RegExp(`^${name}=(.*)$`, 'm').exec(stdout)?.[1];
  const web = parse(Said, { port: said('port'), token: said('token') });
  if (code === 0 && web.ok) return web.value;
  return fail('guest-failed', `the server of the editor did not start inside: ${stderr.trim().slice(-500)}`, {
    hint: 'heyvm editor check says what the guest lacks',
  });
}
