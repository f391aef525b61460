// Values that lie in the configuration of a session, where everybody can write, and count only when this window put them there.
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

export class Vouched<Value> {
  readonly #secret = randomBytes(32);

  seal(value: Value): string {
    const text = JSON.stringify(value);
    return `${this.#markOf(text)}${text}`;
  }

  /** Undefined for whatever was not sealed here. */
  open(sealed: unknown): Value | undefined {
    if (typeof sealed !== 'string') return undefined;
    const text = sealed.slice(MARK_LENGTH);
    const mark = Buffer.from(sealed.slice(0, MARK_LENGTH));
    const own = Buffer.from(this.#markOf(text));
    return mark.length === own.length && timingSafeEqual(mark, own) ? JSON.parse(text) : undefined;
  }

  #markOf(text: string): string {
    return createHmac('sha256', this.#secret).update(text).digest('hex');
  }
}

const MARK_LENGTH = 64;
