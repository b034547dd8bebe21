import { count, listed } from '../support/format.ts';
import { looseName, repeatedNames } from '../support/names.ts';
import type { LeftOut } from './left-out.ts';
import { countPerClass } from './limit.ts';
import { partOf } from './parts.ts';
import type { HeldOut } from './train-and-valid.ts';

/** How many images of a class are to train with. */
export interface TrainingCount {
  name: string;
  train: number;
}

/** And how many to validate with. */
export interface ClassCount extends TrainingCount {
  valid: number;
}

/** In the classes' order. */
export function trainingCounts(classes: readonly string[], labels: BigInt64Array): TrainingCount[] {
  const counts = countPerClass(labels, classes.length);
  return classes.map((name, label) => ({ name, train: counts[label] as number }));
}

/** In the classes' order. */
export function classCounts(
  classes: readonly string[],
  train: BigInt64Array,
  valid: BigInt64Array,
): ClassCount[] {
  const rest = countPerClass(valid, classes.length);
  return trainingCounts(classes, train).map((counted, label) => ({
    ...counted,
    valid: rest[label] as number,
  }));
}

export const WARNING_KINDS = [
  'class-imbalance',
  'few-validation-images',
  'held-out-share',
  'similar-classes',
  'class-called-as-part',
  'links',
] as const;

/** What may be wrong with data, although it can be trained on. */
export interface DataWarning {
  kind: (typeof WARNING_KINDS)[number];
  /** For people, a sentence. */
  message: string;
}

const IMBALANCE = 10;
const FEW_TO_VALIDATE = 10;
/** What a fifth of a class may come to before it is told. */
const HELD_OUT = { least: 0.1, most: 0.3 };

/** @param heldOut what was held out of each class to validate with, where that was done */
export function dataWarnings(
  counts: readonly ClassCount[],
  heldOut: readonly HeldOut[] | null,
  { brokenLinks, repeated }: LeftOut,
): DataWarning[] {
  const warnings = {
    'class-imbalance': imbalance(counts),
    'few-validation-images': fewToValidate(counts),
    'held-out-share': otherShares(heldOut ?? []),
    'similar-classes': similarNames(counts),
    'class-called-as-part': calledAsParts(counts),
    links: links([...brokenLinks, ...repeated]),
  };
  return WARNING_KINDS.flatMap((kind) => {
    const message = warnings[kind];
    return message === null ? [] : [{ kind, message }];
  });
}

function imbalance(counts: readonly ClassCount[]): string | null {
  const sorted = [...counts].sort((a, b) => a.train - b.train);
  const [least, most] = [sorted[0], sorted.at(-1)];
  if (!least || !most || most.train < IMBALANCE * least.train || most.train === 0) return null;
  return (
    `'${most.name}' has ${count(most.train)} training images and '${least.name}' ${count(least.train)}; ` +
    "a model may hardly ever name the rare one. Class weights 'balanced' even them out."
  );
}

function fewToValidate(counts: readonly ClassCount[]): string | null {
  const few = counts.filter(({ valid }) => valid < FEW_TO_VALIDATE);
  if (few.length === 0) return null;
  const named = listed(few.map(({ name, valid }) => `'${name}' ${valid}`));
  return (
    `${few.length === counts.length ? 'Every class has' : `${count(few.length)} of ${count(counts.length)} classes have`} ` +
    `fewer than ${FEW_TO_VALIDATE} validation images (${named}); their accuracy says little.`
  );
}

function otherShares(heldOut: readonly HeldOut[]): string | null {
  const other = heldOut.filter(
    ({ valid, total }) => valid < HELD_OUT.least * total || valid > HELD_OUT.most * total,
  );
  if (other.length === 0) return null;
  const named = listed(other.map(({ name, valid, total }) => `'${name}' ${valid} of ${total}`));
  return `Not a fifth, but more or less, was held out of small classes: ${named}.`;
}

function similarNames(counts: readonly ClassCount[]): string | null {
  const pairs = repeatedNames(
    counts.map(({ name }) => name),
    looseName,
  );
  if (pairs.length === 0) return null;
  const named = listed(pairs.map(([a, b]) => `'${a}' and '${b}'`));
  return `Classes differ in case or spaces alone, and are taken for different ones: ${named}.`;
}

function calledAsParts(counts: readonly ClassCount[]): string | null {
  const parts = counts.filter(({ name }) => partOf(name) !== null);
  if (parts.length === 0) return null;
  const named = listed(parts.map(({ name }) => `'${name}'`));
  return `Classes are called like parts of a data set: ${named}. Are they classes?`;
}

function links(paths: readonly string[]): string | null {
  if (paths.length === 0) return null;
  return `Links that lead nowhere, or to where images were taken from already, are left out: ${listed(paths)}.`;
}
