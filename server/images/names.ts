// How the names of images become file names, and which names mean the same.

/** Letters that file systems may fold or split at are written as %XX, so that every system tells all names apart. */
export function encodeName(name: string): string {
  return name.replace(/[^a-z0-9._-]/g, letter => `%${letter.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

/** Undefined for a file name that no image has. */
export function decodeName(file: string): string | undefined {
  const name = file.replace(/%([0-9a-f]{2})/g, (_all, code: string) =>
    String.fromCharCode(Number.parseInt(code, 16)),
  );
  return encodeName(name) === file ? name : undefined;
}

/** The name itself first; one without a tag means `latest`, as it does for container engines. */
export function sameNames(name: string): readonly string[] {
  const tag = /:[^/:]*$/.exec(name)?.[0];
  if (tag === undefined) return [name, `${name}:latest`];
  return tag === ':latest' ? [name, name.slice(0, -tag.length)] : [name];
}
