export const WARNING_KINDS = [
  'class-imbalance',
  'few-validation-images',
  'held-out-share',
  'similar-classes',
  'class-called-as-part',
  'links',
  'misspelt-parts',
  'twins-across-parts',
  'other-image-size',
] as const;

/** A possible problem with data that can still be used. */
export interface DataWarning {
  kind: (typeof WARNING_KINDS)[number];
  /** A sentence for people. */
  message: string;
}

/** Gives a warning to a program: to its callback, else as a process warning with the code `TORCH_TL_<kind>`. */
export function warn(warning: DataWarning, onWarning?: (warning: DataWarning) => void): void {
  if (onWarning) {
    onWarning(warning);
    return;
  }
  const code = `TORCH_TL_${warning.kind.toUpperCase().replaceAll('-', '_')}`;
  process.emitWarning(warning.message, { type: 'DataWarning', code });
}
