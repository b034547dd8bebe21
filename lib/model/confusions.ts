/** Images of one class that were taken for another. */
export interface Confusion {
  /** Indices into the classes: the true one, and the one predicted. */
  label: number;
  taken: number;
  images: number;
}

/**
 * What is taken for what, the commonest first.
 *
 * @param confusion images by class: a row the true one, a column the predicted one
 */
export function confusions(confusion: readonly (readonly number[])[]): Confusion[] {
  return confusion
    .flatMap((row, label) => row.map((images, taken) => ({ label, taken, images })))
    .filter(({ label, taken, images }) => taken !== label && images > 0)
    .sort((a, b) => b.images - a.images);
}
