import { basename } from 'node:path';
import { count, listed } from '../support/format.ts';
import { looseName, repeatedNames } from '../support/names.ts';
import { nearest } from '../support/nearest.ts';
import { type DataWarning, WARNING_KINDS } from './data-warning.ts';
import type { LeftOut } from './left-out.ts';
import { countPerClass } from './limit.ts';
import { PART_NAMES, partOf } from './parts.ts';
import type { HeldOut } from './train-and-valid.ts';

/** Number of training images of a class. */
export interface TrainingCount {
  name: string;
  train: number;
}

/** Numbers of training and validation images of a class. */
export interface ClassCount extends TrainingCount {
  valid: number;
}

/** Number of training images per class, in the order of the classes. */
export function trainingCounts(classes: readonly string[], labels: BigInt64Array): TrainingCount[] {
  const counts = countPerClass(labels, classes.length);
  return classes.map((name, label) => ({ name, train: counts[label] as number }));
}

/** Numbers of training and validation images per class, in the order of the classes. */
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

/** Ratio of the largest to the smallest class from which on imbalance is reported. */
const IMBALANCE = 10;
/** Fewer validation images per class are reported. */
const FEW_TO_VALIDATE = 10;
/** The held-out fraction of a class, nominally a fifth, is reported outside this range. */
const HELD_OUT = { minimum: 0.1, maximum: 0.3 };

/**
 * Warnings about the numbers and names of classes, about links, about parts, and about twins.
 *
 * @param heldOut the held-out images per class; null if the data has its own validation images
 * @param twins from `twinsAcross`
 */
export function dataWarnings(
  counts: readonly ClassCount[],
  heldOut: readonly HeldOut[] | null,
  { brokenLinks, repeated, unused }: LeftOut,
  twins: string | null = null,
): DataWarning[] {
  const warnings: Partial<Record<DataWarning['kind'], string | null>> = {
    'class-imbalance': imbalance(counts),
    'few-validation-images': fewToValidate(counts),
    'held-out-share': unusualShares(heldOut ?? []),
    'similar-classes': similarNames(counts),
    'class-called-as-part': namedAsParts(counts),
    links: links([...brokenLinks, ...repeated]),
    'misspelt-parts': misspeltParts(unused),
    'twins-across-parts': twins,
  };
  return WARNING_KINDS.flatMap((kind) => {
    const message = warnings[kind] ?? null;
    return message === null ? [] : [{ kind, message }];
  });
}

function imbalance(counts: readonly ClassCount[]): string | null {
  const sorted = [...counts].sort((a, b) => a.train - b.train);
  const [smallest, largest] = [sorted[0], sorted.at(-1)];
  if (!smallest || !largest || largest.train < IMBALANCE * smallest.train || largest.train === 0) return null;
  if (smallest.train === 0) return untrained(counts);
  return (
    `'${largest.name}' has ${count(largest.train)} training images and '${smallest.name}' ${count(smallest.train)}; ` +
    "a model may rarely predict the smaller class. Class weights 'balanced' compensate for this."
  );
}

function untrained(counts: readonly ClassCount[]): string {
  const named = listed(counts.filter(({ train }) => train === 0).map(({ name }) => `'${name}'`));
  return `Some classes have no training images: ${named}; a model cannot learn to predict them.`;
}

function fewToValidate(counts: readonly ClassCount[]): string | null {
  // Nothing is validated.
  if (counts.every(({ valid }) => valid === 0)) return null;
  const few = counts.filter(({ valid }) => valid < FEW_TO_VALIDATE);
  if (few.length === 0) return null;
  const named = listed(few.map(({ name, valid }) => `'${name}' ${valid}`));
  return (
    `${few.length === counts.length ? 'Every class has' : `${count(few.length)} of ${count(counts.length)} classes have`} ` +
    `fewer than ${FEW_TO_VALIDATE} validation images (${named}); their accuracy is unreliable.`
  );
}

function unusualShares(heldOut: readonly HeldOut[]): string | null {
  const unusual = heldOut.filter(
    ({ valid, total }) => valid < HELD_OUT.minimum * total || valid > HELD_OUT.maximum * total,
  );
  if (unusual.length === 0) return null;
  const named = listed(unusual.map(({ name, valid, total }) => `'${name}' ${valid} of ${total}`));
  return `Small classes have more or less than a fifth of their images held out for validation: ${named}.`;
}

function similarNames(counts: readonly ClassCount[]): string | null {
  const pairs = repeatedNames(
    counts.map(({ name }) => name),
    looseName,
  );
  if (pairs.length === 0) return null;
  const named = listed(pairs.map(([a, b]) => `'${a}' and '${b}'`));
  return `Some classes differ only in case or spaces, and are treated as different classes: ${named}.`;
}

function namedAsParts(counts: readonly ClassCount[]): string | null {
  const parts = counts.filter(({ name }) => partOf(name) !== null);
  if (parts.length === 0) return null;
  const named = listed(parts.map(({ name }) => `'${name}'`));
  return `Some classes are named like parts of a data set: ${named}. Check that they are classes.`;
}

function links(paths: readonly string[]): string | null {
  if (paths.length === 0) return null;
  return `Broken links and links to folders that were read already are left out: ${listed(paths)}.`;
}

/** @param unused paths of folders and names of splits */
function misspeltParts(unused: readonly string[]): string | null {
  const misspelt = unused.flatMap((name) => {
    const meant = partOf(basename(name)) === null ? nearest(basename(name), PART_NAMES) : undefined;
    return meant === undefined ? [] : [`'${name}' (did you mean '${meant}'?)`];
  });
  if (misspelt.length === 0) return null;
  return `The images of some folders or splits are not used, for their names mean no part of the data: ${listed(misspelt)}.`;
}
