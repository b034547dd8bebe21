import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { z } from 'zod';
import type { NativeModel } from '../engine/native.ts';
import type { Computation, HostTensor } from '../engine/native-computation.ts';
import type { EpochMetrics, NativeCheckpoint } from '../engine/native-training.ts';
import { InputError } from '../errors.ts';
import { HeldDirectory } from '../files/held-directory.ts';
import { readSafetensors, writeSafetensors } from '../formats/safetensors.ts';
import { isHostTensor, type StoredTensor } from '../formats/stored-tensor.ts';
import { json, type Normalisation } from '../model/metadata.ts';
import { listOf } from '../options/file-lists.ts';
import { fileProblem } from '../options/file-problem.ts';
import { distributedFields, type TrainingOptions, trainingOptions } from '../options/index.ts';
import { BackgroundWriter } from '../support/background-writer.ts';
import { crc32 } from '../support/hash.ts';
import { isSameValue } from '../support/names.ts';
import type { Refuse } from '../support/quoted.ts';
import { unusedNames } from './effects.ts';
import { withBest } from './recorded-epochs.ts';

/*
 * A checkpoint is one safetensors file, written atomically. Its tensors hold the exact state of the training in the
 * engine; its metadata holds what TypeScript knows about the training, and a checksum over tensors and metadata.
 */

/**
 * Point at which a training was resumed: the number of completed epochs, and of completed batches of the next epoch.
 */
export interface ResumePoint {
  epoch: number;
  batch: number;
}

export interface CheckpointState {
  /** All completed epochs. */
  epochs: EpochMetrics[];
  /** Points at which the training was resumed so far, in order. */
  resumed: ResumePoint[];
  /** Checked options; a resumed training must have the same. */
  options: Record<string, unknown>;
  /** Precision, and numbers of threads and processes in use; the exact results depend on them. */
  computation: Pick<Required<Computation>, 'precision' | 'threads'> & { processes: number };
  /** SHA-256 over images and labels of each set; `valid` is null if nothing is validated. */
  data: { train: string; valid: string | null };
  /** Undefined in checkpoints of earlier versions. */
  model?: ModelDescription | undefined;
}

/** What a model is beside its tensors, which a resumed training takes from the checkpoint. */
export interface ModelDescription extends Normalisation {
  imageSize: number;
  resize: string;
  classes: readonly string[];
  head: readonly object[];
  /** SHA-256 of the file from which its weights came; null for random weights. */
  weights: string | null;
}

export interface StoredCheckpoint extends CheckpointState {
  /** Number of completed batches of the next epoch. */
  batch: number;
  tensors: HostTensor[];
}

/** Options that may differ when a training is resumed. */
export const MAY_CHANGE: readonly string[] = [
  'epochs',
  'threads',
  'kernels',
  'device',
  'imageCache',
  'tensorboard',
  ...Object.keys(distributedFields),
];

const count = z.int().min(0);
const hash = z.string().regex(/^[0-9a-f]{64}$/);
/** Metrics of one epoch as files hold them. */
export const epochMetrics = z.object({
  epoch: count,
  stage: count,
  lr: z.number(),
  trainLoss: z.number(),
  trainAccuracy: z.number(),
  validLoss: z.number().nullable(),
  validAccuracy: z.number().nullable(),
  seconds: z.number(),
  monitored: z.exactOptional(z.number()),
  best: z.boolean().optional(),
});
/** Epochs as files hold them. */
export const epochList = listOf(epochMetrics).transform(withBest);
export const resumePoint = z.object({ epoch: count, batch: count });
const checkpointMetadata = z.object({
  formatVersion: z.literal('1'),
  batch: json(count),
  epochs: json(epochList),
  resumed: json(listOf(resumePoint)),
  options: json(z.record(z.string(), z.unknown())),
  computation: json(
    z.object({
      precision: z.enum(['fp32', 'bf16']),
      threads: count,
      // Older checkpoints are of one process.
      processes: count.default(1),
    }),
  ),
  data: json(z.object({ train: hash, valid: hash.nullable() })),
  model: json(
    z.object({
      imageSize: count,
      resize: z.string(),
      mean: listOf(z.number()),
      std: listOf(z.number()),
      classes: listOf(z.string()),
      head: listOf(z.looseObject({})),
      weights: z.string().nullable(),
    }),
  ).optional(),
});

/**
 * Writes checkpoints in the background. As soon as one is on the disk it writes the newest one requested meanwhile. The
 * directory must exist; nothing is written to another one that has taken its place.
 */
export class CheckpointWriter {
  readonly #file: string;
  readonly #directory: HeldDirectory;
  readonly #model: NativeModel;
  readonly #state: CheckpointState;
  readonly #writer: BackgroundWriter;

  /**
   * @param state state of the training; its `epochs` grow while the training runs
   * @param onFailure is called with TorchTlError `WRITE_FAILED`, after which nothing more is written
   * @throws TorchTlError `WRITE_FAILED` if the directory cannot be opened
   */
  constructor(file: string, model: NativeModel, state: CheckpointState, onFailure: (error: unknown) => void) {
    this.#file = resolve(file);
    this.#directory = new HeldDirectory(dirname(this.#file));
    this.#model = model;
    this.#state = state;
    this.#writer = new BackgroundWriter(() => this.#write(), onFailure);
  }

  /** Asks for the engine's newest checkpoint to be written. */
  request(): void {
    this.#writer.request();
  }

  /** Resolves once everything requested is written or has failed. */
  idle(): Promise<void> {
    return this.#writer.idle();
  }

  /** Waits as `idle` does. Nothing may be requested afterwards. */
  async close(): Promise<void> {
    await this.idle();
    this.#directory.close();
  }

  async #write(): Promise<void> {
    const checkpoint = this.#model.checkpoint();
    // The engine may be one epoch ahead of its events; that epoch's event requests the checkpoint again.
    if (!checkpoint || checkpoint.epoch > this.#state.epochs.length) return;
    const { epochs, resumed, options, computation, data, model } = this.#state;
    const metadata = {
      formatVersion: '1',
      batch: JSON.stringify(checkpoint.batch),
      epochs: JSON.stringify(epochs.slice(0, checkpoint.epoch)),
      resumed: JSON.stringify(resumed),
      options: JSON.stringify(options),
      computation: JSON.stringify(computation),
      data: JSON.stringify(data),
      ...(model && { model: JSON.stringify(model) }),
    };
    const tensors = await tensorsOf(checkpoint);
    const checksum = await checksumOf(tensors, metadata);
    await this.#directory.whileInPlace(() =>
      writeSafetensors(this.#file, tensors, { ...metadata, checksum }),
    );
    checkpoint.release();
  }
}

/** Copies all tensors of a checkpoint in batches, and lets the event loop run between them. */
async function tensorsOf(checkpoint: NativeCheckpoint): Promise<HostTensor[]> {
  const tensors: HostTensor[] = [];
  while (tensors.length < checkpoint.count) {
    tensors.push(...checkpoint.tensors(tensors.length, tensors.length + 100));
    await setImmediate();
  }
  return tensors;
}

/**
 * Reads a checkpoint; null if the file does not exist.
 *
 * @throws InputError `CHECKPOINT_INVALID` or `FILE_UNREADABLE`; the signal's reason
 */
export async function readCheckpoint(file: string, signal?: AbortSignal): Promise<StoredCheckpoint | null> {
  if (!existsSync(file)) return null;
  const refuse: Refuse = (problem) =>
    checkpointInvalid(file, `it is not a valid safetensors file: ${problem}`);
  const { tensors, metadata: text } = await readSafetensors(file, signal, refuse);
  const { checksum, ...metadata } = text;
  if (checksum !== (await checksumOf(tensors, metadata, signal)))
    throw checkpointInvalid(file, 'it is damaged');
  if (!tensors.every(isHostTensor)) throw checkpointInvalid(file, 'it has tensors of an unknown type');
  const checked = checkpointMetadata.safeParse(metadata);
  if (!checked.success) throw checkpointInvalid(file, `in its metadata, ${fileProblem(checked.error)}`);
  const { formatVersion, ...state } = checked.data;
  return { ...state, tensors };
}

/** CRC-32 in hexadecimal; the safetensors format itself does not detect a flipped bit. */
async function checksumOf(
  tensors: readonly StoredTensor[],
  metadata: Record<string, string>,
  signal?: AbortSignal,
): Promise<string> {
  const byName = [...tensors].sort((a, b) => (a.name < b.name ? -1 : 1));
  const names = byName.map(({ name, dtype, shape }) => [name, dtype, shape]);
  const entries = Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1));
  const parts = [Buffer.from(JSON.stringify([entries, names])), ...byName.map(({ data }) => data)];
  const sum = await crc32(parts, signal);
  return sum.toString(16);
}

/** The error for a checkpoint that cannot be resumed. */
export function checkpointInvalid(file: string, why: string): InputError {
  return new InputError(
    'CHECKPOINT_INVALID',
    `The checkpoint ${resolve(file)} cannot be resumed: ${why}. Remove it to start from the beginning.`,
  );
}

/** Options as plain JSON values; regular expressions become their text. */
export function plainOptions(options: Record<string, unknown>): Record<string, unknown> {
  const text = JSON.stringify(options, (_, value) => (value instanceof RegExp ? String(value) : value));
  return JSON.parse(text) as Record<string, unknown>;
}

/** A training's options as its checkpoint stores them: checked, and with the device in use. */
export function checkpointOptions(options: TrainingOptions, device: string): CheckpointState['options'] {
  return { ...recordedOptions(trainingOptions.strip().parse(options)), device };
}

/**
 * Options as plain JSON values that describe a training. Those that only say how its processes join are left out: a
 * resumed one may have other processes.
 */
export function recordedOptions(options: Record<string, unknown>): Record<string, unknown> {
  const names = Object.keys(distributedFields);
  return Object.fromEntries(Object.entries(plainOptions(options)).filter(([name]) => !names.includes(name)));
}

/**
 * Makes sure that a training can be resumed from a checkpoint. Returns one sentence for each permitted change.
 *
 * @throws InputError `CHECKPOINT_MISMATCH` if the images or the model differ or an option does that must not change
 */
export function requireSame(
  then: CheckpointState,
  now: CheckpointState,
  file: string,
  asked: { options: TrainingOptions; device: string },
): string[] {
  for (const part of ['train', 'valid'] as const) {
    if (then.data[part] === now.data[part]) continue;
    if (then.data[part] === null) throw mismatch(file, 'it was trained without validation images');
    if (now.data[part] === null)
      throw mismatch(file, 'it was trained with validation images, and now there are none');
    throw mismatch(file, `the ${part === 'train' ? 'training' : 'validation'} images differ`);
  }
  requireSameModel(then, now, file);
  const options = requireSameOptions(then, asked, file);
  return [
    // The option says only what was asked for; `computation` below compares the actual numbers of threads.
    ...options.filter((name) => name !== 'threads').map((name) => change(name, then.options, now.options)),
    ...(['precision', 'threads', 'processes'] as const)
      .filter((name) => then.computation[name] !== now.computation[name])
      .map((name) => change(name, then.computation, now.computation)),
  ];
}

/**
 * Compares options with a checkpoint's and returns the names of the permitted changes. Options without effect are not
 * compared.
 *
 * @throws InputError `CHECKPOINT_MISMATCH` if an option differs that must not change
 */
export function requireSameOptions(
  then: Pick<CheckpointState, 'options'>,
  { options, device }: { options: TrainingOptions; device: string },
  file: string,
): string[] {
  const now = checkpointOptions(options, device);
  const unused = unusedNames(options);
  const names = new Set([...Object.keys(then.options), ...Object.keys(now)]);
  const changed = [...names].filter(
    (name) => !unused.includes(name) && !isSameValue(then.options[name], now[name]),
  );
  // Features are the same wherever they are kept.
  const isKept = then.options.featureCache !== false && now.featureCache !== false;
  const mayChange = (name: string) => MAY_CHANGE.includes(name) || (name === 'featureCache' && isKept);
  const refused = changed.find((name) => !mayChange(name));
  if (refused !== undefined) throw mismatch(file, change(refused, then.options, now));
  return changed;
}

function requireSameModel(
  { model: then }: CheckpointState,
  { model: now }: CheckpointState,
  file: string,
): void {
  if (!then || !now) return;
  const names = Object.keys(now) as Array<keyof ModelDescription>;
  const changed = names.find((name) => !isSameValue(then[name], now[name]));
  if (changed === undefined) return;
  if (changed === 'weights') throw mismatch(file, 'the model began with other weights');
  throw mismatch(file, `the model's ${change(changed, { ...then }, { ...now })}`);
}

function change(name: string, then: Record<string, unknown>, now: Record<string, unknown>): string {
  const shown = (value: unknown) => JSON.stringify(value) ?? 'not set';
  return `${name} was ${shown(then[name])} and is now ${shown(now[name])}`;
}

function mismatch(file: string, what: string): InputError {
  return new InputError(
    'CHECKPOINT_MISMATCH',
    `Cannot resume from ${resolve(file)}: ${what}. Use the model, options and images it was written with, or start a new training.`,
  );
}
