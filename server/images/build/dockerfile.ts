// What a Dockerfile is built on: the images that its stages and copies begin with, and how those are replaced.

/** Images that are neither stages of the file nor `scratch`, each once. */
export function basesOf(text: string, args: Readonly<Record<string, string>>): readonly string[] {
  const names = new Set<string>();
  visit(text, args, name => {
    names.add(name);
    return name;
  });
  return [...names];
}

/** The same file with other names for some of its images. */
export function withBases(
  text: string,
  args: Readonly<Record<string, string>>,
  names: ReadonlyMap<string, string>,
): string {
  return visit(text, args, name => names.get(name) ?? name);
}

type Replace = (name: string) => string;

function visit(text: string, args: Readonly<Record<string, string>>, replace: Replace): string {
  const stages = new Set<string>();
  const known = new Map<string, string>();
  let count = 0;
  const isImage = (name: string): boolean =>
    name !== 'scratch' && !stages.has(name.toLowerCase()) && !(/^\d+$/.test(name) && Number(name) < count);
  return logicalLines(text)
    .map(line => {
      const arg = count === 0 ? /^\s*ARG\s+([A-Za-z_]\w*)(?:=(.*))?$/i.exec(line) : null;
      if (arg !== null) known.set(arg[1] ?? '', args[arg[1] ?? ''] ?? unquoted(filled(arg[2] ?? '', known)));
      const from = /^(\s*FROM\s+(?:--\S+\s+)*)(\S+)((?:\s+AS\s+(\S+))?[\s\S]*)$/i.exec(
        line.replace(/\\[ \t]*\n/g, ' '),
      );
      if (from !== null) {
        const [, before = '', raw = '', after = '', stage] = from;
        const name = filled(unquoted(raw), known);
        const next = isImage(name) ? replace(name) : name;
        count += 1;
        if (stage !== undefined) stages.add(stage.toLowerCase());
        return before + next + after;
      }
      return line.replace(
        /^(\s*(?:COPY|ADD|RUN)\s[\s\S]*?(?:--from=|,from=))([^\s,]+)/i,
        (all, before: string, name: string) => (isImage(name) ? before + replace(name) : all),
      );
    })
    .join('\n');
}

/** Lines as the builder sees them: a backslash at the end goes on, with comments left out in between. */
function logicalLines(text: string): string[] {
  const lines: string[] = [];
  let open: string | undefined;
  for (const line of text.replaceAll('\r\n', '\n').split('\n')) {
    const isComment = /^\s*#/.test(line);
    if (open !== undefined && isComment) continue;
    const whole: string = open === undefined ? line : `${open}\n${line}`;
    if (!isComment && /\\\s*$/.test(line)) open = whole;
    else {
      lines.push(whole);
      open = undefined;
    }
  }
  return open === undefined ? lines : [...lines, open];
}

function unquoted(value: string): string {
  return value.trim().replace(/^(["'])(.*)\1$/, '$2');
}

/** `$name`, `${name}` and `${name:-default}`. */
function filled(value: string, known: ReadonlyMap<string, string>): string {
  return value.replace(
    /\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)(?::-([^}]*))?\})/g,
    (_all, bare: string | undefined, braced: string | undefined, otherwise: string | undefined) => {
      const found = known.get(bare ?? braced ?? '');
      return found === undefined || found === '' ? (otherwise ?? '') : found;
    },
  );
}
