// JSON as people write it: with comments and trailing commas.

/** Blanks out comments and trailing commas, so that positions in error messages stay right. */
export function stripJsonc(text: string): string {
  return blank(blank(text.replace(/^\uFEFF/, ' '), comment), trailingComma);
}

type Finder = (text: string, at: number) => number;

/** Replaces what `lengthAt` finds outside strings by spaces; line ends stay. */
function blank(text: string, lengthAt: Finder): string {
  let result = '';
  let at = 0;
  while (at < text.length) {
    const length = text[at] === '"' ? 0 : lengthAt(text, at);
    if (length > 0) {
      result += text.slice(at, at + length).replace(/[^\r\n]/g, ' ');
      at += length;
      continue;
    }
    const end = text[at] === '"' ? stringEnd(text, at) : at + 1;
    result += text.slice(at, end);
    at = end;
  }
  return result;
}

const comment: Finder = (text, at) => {
  if (text.startsWith('//', at)) {
    const end = text.indexOf('\n', at);
    return (end === -1 ? text.length : end) - at;
  }
  if (!text.startsWith('/*', at)) return 0;
  const end = text.indexOf('*/', at + 2);
  return (end === -1 ? text.length : end + 2) - at;
};

const trailingComma: Finder = (text, at) =>
  text[at] === ',' && /^,\s*[}\]]/.test(text.slice(at, at + 200)) ? 1 : 0;

function stringEnd(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== '"' && text[at] !== '\n') at += text[at] === '\\' ? 2 : 1;
  return Math.min(at + 1, text.length);
}
