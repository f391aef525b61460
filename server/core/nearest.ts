// Finds the known words that a person probably meant by an unknown one.

/** The candidates that are within a slip of the hand of `word`, the closest first. */
export function nearest(word: string, candidates: readonly string[]): readonly string[] {
  const lower = word.toLowerCase();
  return candidates
    .map(candidate => ({ candidate, distance: editDistance(lower, candidate.toLowerCase()) }))
    .filter(
      ({ candidate, distance }) => distance <= allowedDistance(lower, candidate) || isPart(lower, candidate),
    )
    .sort((left, right) => left.distance - right.distance)
    .map(({ candidate }) => candidate);
}

function allowedDistance(word: string, candidate: string): number {
  return Math.max(1, Math.floor(Math.max(word.length, candidate.length) / 3));
}

function isPart(word: string, candidate: string): boolean {
  return word.length >= 3 && candidate.toLowerCase().includes(word);
}

function editDistance(from: string, to: string): number {
  let previous = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (const [row, letter] of [...from].entries()) {
    const current = [row + 1];
    for (let column = 1; column <= to.length; column += 1) {
      const replaced = (previous[column - 1] ?? 0) + (letter === to[column - 1] ? 0 : 1);
      current.push(Math.min((previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1, replaced));
    }
    previous = current;
  }
  return previous[to.length] ?? 0;
}
