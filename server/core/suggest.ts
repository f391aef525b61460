// The one word that a person most probably meant by an unknown one.
import { nearest } from './nearest.ts';

export function closest(word: string, candidates: readonly string[]): string | undefined {
  return nearest(word, candidates)[0];
}
