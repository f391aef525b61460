// Puts our entry into the text of a client's configuration and keeps everything else of it, or says why it cannot.
import type { Client } from './clients.ts';
import type { Edited, Wish } from './entry.ts';
import { editJson } from './json.ts';
import { editToml } from './toml.ts';

const BOM = '\u{feff}';

/** Without a text there is no file yet. What somebody added to our entry stays. */
export function editConfig(form: Client['form'], text: string | undefined, wish: Wish): Edited {
  const bom = text?.startsWith(BOM) === true ? BOM : '';
  const body = text?.slice(bom.length) ?? '';
  const edited = form === 'json' ? editJson(body, wish) : editToml(body, wish);
  return edited.kind === 'edited' ? { kind: 'edited', text: bom + edited.text } : edited;
}
