// Tells `<sandbox>:<path>` from a path of this machine.
import { isAbsolute, posix } from 'node:path';
import { fail } from '../core/errors.ts';

export type Place =
  | { readonly kind: 'host'; readonly path: string; readonly scope: Scope }
  | {
      readonly kind: 'guest';
      readonly sandbox: string;
      readonly path: string;
      readonly folder: 'asked' | 'open';
      readonly scope: Scope;
    };

/** `folder/.` stands for what is in the folder, and not for the folder itself. */
type Scope = 'itself' | 'content';

/** Relative paths inside are below this. */
const HOME = '/workspace';

/** A name has two letters or more, so that a drive letter is not taken for one; `./a:b` is always a local path. */
export function placeOf(text: string): Place {
  const match = /^([a-z0-9][a-z0-9.-]*[a-z0-9]):(.*)$/s.exec(text);
  if (match === null || isAbsolute(text)) return { kind: 'host', path: text, scope: scopeOf(text) };
  const [, sandbox = '', path = ''] = match;
  if (path.includes('\0')) fail('usage', 'a path cannot have a zero byte');
  return {
    kind: 'guest',
    sandbox,
    path: guestPath(path),
    folder: path === '' || path.endsWith('/') ? 'asked' : 'open',
    scope: scopeOf(path),
  };
}

function scopeOf(path: string): Scope {
  return /(^|[/\\])\.$/.test(path) ? 'content' : 'itself';
}

/** Absolute and without `.` and `..`. */
export function guestPath(path: string): string {
  const whole = posix.normalize(posix.isAbsolute(path) ? path : posix.join(HOME, path));
  return whole.length > 1 && whole.endsWith('/') ? whole.slice(0, -1) : whole;
}

export function guestPlace(text: string): Extract<Place, { kind: 'guest' }> {
  const place = placeOf(text);
  if (place.kind === 'guest') return place;
  return fail('usage', `${text}: must be <sandbox>:<path>`, { hint: `for example: my-sandbox:${text}` });
}
