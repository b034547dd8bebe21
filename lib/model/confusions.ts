/** Pictures of one class that were taken for another. */
export interface Confusion {
  /** Indices into the classes: the true one, and the one predicted. */
  label: number;
  taken: number;
  pictures: number;
}

/**
 * What is taken for what, the commonest first.
 *
 * @param confusion pictures by class: a row the true one, a column the predicted one
 */
export function confusions(confusion: readonly (readonly number[])[]): Confusion[] {
  return confusion
    .flatMap((row, label) => row.map((pictures, taken) => ({ label, taken, pictures })))
    .filter(({ label, taken, pictures }) => taken !== label && pictures > 0)
    .sort((a, b) => b.pictures - a.pictures);
}
