import type { NativeModel } from '../../lib/engine/native.ts';
import { nativeModel } from './native.ts';

/** The backbone's sections in order, and the leaves or blocks that each holds. */
const SECTIONS = [
  'stem',
  'denseblock1',
  'transition1',
  'denseblock2',
  'transition2',
  'denseblock3',
  'transition3',
  'denseblock4',
  'norm5',
];

/** A pretrained model that is frozen up to the end of a section, disposed of when the running test ends. */
export async function frozenModel(
  cut: string,
  { head = 'linear', imageSize = 32 } = {},
): Promise<NativeModel> {
  const model = await nativeModel(head, { imageSize, pretrained: true });
  const frozen = SECTIONS.slice(0, SECTIONS.indexOf(cut) + 1);
  const names = frozen.flatMap((name) => (name === 'stem' ? ['conv0', 'norm0'] : [name]));
  await model.setTrainable(
    names.map((name) => `features.${name}`),
    false,
  ).result;
  return model;
}
