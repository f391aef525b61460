// Names for what people are not meant to see for long.
import { randomHex } from '../platform/random.ts';

export function hiddenName(purpose: string): string {
  return `${purpose}-${randomHex(4)}`;
}
