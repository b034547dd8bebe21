import { looseName } from './names.ts';

/**
 * The choice that `word` probably meant, letter case aside: at most one edit for every three letters. Undefined if no
 * choice is that similar.
 */
export function nearest(word: string, choices: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const choice of choices) {
    const distance = editDistance(looseName(word), looseName(choice));
    if (distance < bestDistance) {
      best = choice;
      bestDistance = distance;
    }
  }
  return best;
}

/** Unknown words with suggestions, for a message: `'tulp' (did you mean 'tulip'?), 'oak'`. */
export function withNearest(words: readonly string[], choices: readonly string[]): string {
  const named = words.map((word) => {
    const meant = nearest(word, choices);
    return meant ? `'${word}' (did you mean '${meant}'?)` : `'${word}'`;
  });
  return named.join(', ');
}

/** Damerau-Levenshtein distance: the number of letters inserted, deleted, replaced or swapped with a neighbour. */
function editDistance(from: string, to: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const same = from[row - 1] === to[column - 1];
      let distance = Math.min(
        at(last, column) + 1,
        at(current, column - 1) + 1,
        at(last, column - 1) + (same ? 0 : 1),
      );
      const swapped = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      if (row > 1 && column > 1 && swapped) distance = Math.min(distance, at(beforeLast, column - 2) + 1);
      current.push(distance);
    }
    beforeLast = last;
    last = current;
  }
  return at(last, to.length);
}

function at(row: number[], column: number): number {
  return row[column] as number;
}
