// Edits TOML by its lines: our table is written anew or at the end, and a parser confirms that nothing else changed.
import { isDeepStrictEqual } from 'node:util';
import { parse, stringify } from 'smol-toml';
import { type Edited, isRecord, plain, type Wish, withEntry } from './entry.ts';

export function editToml(text: string, wish: Wish): Edited {
  const before = parsed(text);
  if ('why' in before) return { kind: 'refused', why: before.why };
  const expected = withEntry(before.value, wish);
  if (expected === undefined) return { kind: 'refused', why: `${wish.at.join('.')} is something else in it` };
  if (isDeepStrictEqual(before.value, expected)) return { kind: 'edited', text };
  const eol = text.includes('\r\n') ? '\r\n' : '\n';
  const edited = withTable(text, tableOf(expected, wish).replaceAll('\n', eol), { wish, eol });
  const after = parsed(edited);
  if ('value' in after && isDeepStrictEqual(after.value, expected)) return { kind: 'edited', text: edited };
  return {
    kind: 'refused',
    why: `it has ${wish.at.join('.')} in a form that cannot be changed without changing more of it`,
  };
}

/** Tables below it have headers of their own and stay where they are. */
function tableOf(expected: Record<string, unknown>, { at: [servers, ours] }: Wish): string {
  const all = expected[servers];
  const entry = isRecord(all) && isRecord(all[ours]) ? all[ours] : {};
  const own = Object.entries(entry).filter(([, value]) => !isRecord(value));
  return `[${servers}.${ours}]\n${stringify(Object.fromEntries(own)).trim()}\n`;
}

function withTable(
  text: string,
  table: string,
  { wish, eol }: { readonly wish: Wish; readonly eol: string },
): string {
  const lines = text.split(/(?<=\n)/);
  const header = new RegExp(`^\\s*\\[\\s*${wish.at.join('\\s*\\.\\s*')}\\s*\\]\\s*(#.*)?$`);
  const begin = lines.findIndex(line => header.test(line.trimEnd()));
  if (begin === -1) {
    const open = text === '' || text.endsWith('\n') ? '' : eol;
    return `${text}${open}${text.trim() === '' ? '' : eol}${table}`;
  }
  const next = lines.findIndex((line, index) => index > begin && /^\s*\[/.test(line));
  const end = next === -1 ? lines.length : next;
  // What stands right before the next header belongs to that.
  const last = lines.slice(0, end).findLastIndex(line => !/^\s*(#|$)/.test(line));
  return [...lines.slice(0, begin), table, ...lines.slice(last + 1)].join('');
}

function parsed(text: string): { readonly value: unknown } | { readonly why: string } {
  try {
    return { value: plain(parse(text)) };
  } catch (error) {
    const said = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
    const line =
      error instanceof Error && 'line' in error && typeof error.line === 'number'
        ? `line ${error.line}: `
        : '';
    return { why: `it is no TOML: ${line}${said}` };
  }
}
