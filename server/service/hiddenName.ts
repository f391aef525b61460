// Names for what people are not meant to see for long.
import { randomBytes } from 'node:crypto';

export function hiddenName(purpose: string): string {
  return `${purpose}-${randomBytes(4).toString('hex')}`;
}
