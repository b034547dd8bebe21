import { InputError } from './errors.ts';
import { nearest } from './nearest.ts';

/**
 * The full name of a layer or group of layers, such as `features.denseblock4` or `classifier`; the
 * backbone's may be given without `features.`.
 *
 * @param tensorNames of the model's parameters and buffers, under torchvision's names
 * @throws InputError `INVALID_ARGUMENT` for an unknown name; the nearest is named
 */
export function fullLayerName(name: string, tensorNames: Iterable<string>): string {
  const known = groups(tensorNames);
  if (known.has(name)) return name;
  if (known.has(`features.${name}`)) return `features.${name}`;
  const short = [...known].map((group) => group.replace(/^features\./, ''));
  const suggestion = nearest(name, [...known, ...short]);
  const hint = suggestion
    ? `did you mean '${suggestion}'?`
    : "names are torchvision's, such as 'denseblock4' or 'norm5'.";
  throw new InputError('INVALID_ARGUMENT', `The model has no layer '${name}'; ${hint}`);
}

/** Every dotted prefix of the tensors' names. */
function groups(tensorNames: Iterable<string>): Set<string> {
  const known = new Set<string>();
  for (const name of tensorNames) {
    for (let end = name.lastIndexOf('.'); end > 0; end = name.lastIndexOf('.', end - 1)) {
      known.add(name.slice(0, end));
    }
  }
  return known;
}
