import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { z } from 'zod';
import type {
  Computation,
  EpochMetrics,
  HostTensor,
  NativeCheckpoint,
  NativeModel,
} from '../engine/native.ts';
import { InputError, TorchTlError } from '../errors.ts';
import { readSafetensors, writeSafetensors } from '../formats/safetensors.ts';
import { isHostTensor, type StoredTensor } from '../formats/stored-tensor.ts';
import { json } from '../model/metadata.ts';
import { fileProblem } from '../options/file-problem.ts';
import { type TrainingOptions, trainingOptions } from '../options/index.ts';
import { BackgroundWriter } from '../support/background-writer.ts';
import { crc32 } from '../support/hash.ts';
import { isSameValue } from '../support/names.ts';
import { unusedNames } from './effects.ts';

/*
 * A checkpoint is one safetensors file, written whole or not at all: the engine's tensors are the state
 * of the training to the bit, the metadata is what this side knows of it, and a checksum over both.
 */

/** Where a training went on: so many whole epochs, and so many batches of the next, were behind it. */
export interface ResumePoint {
  epoch: number;
  batch: number;
}

export interface CheckpointState {
  /** Every whole epoch. */
  epochs: EpochMetrics[];
  /** Where it has gone on before, in order. */
  resumed: ResumePoint[];
  /** As checked; a training that goes on must have the same. */
  options: Record<string, unknown>;
  /** What those came to that the bits follow from. */
  computation: Pick<Required<Computation>, 'precision' | 'threads'>;
  /** SHA-256 of images and labels. */
  data: { train: string; valid: string };
}

export interface StoredCheckpoint extends CheckpointState {
  /** Batches of the next epoch that are behind it. */
  batch: number;
  tensors: HostTensor[];
}

/** Options that a training may go on with though they have changed. */
export const MAY_CHANGE: readonly string[] = [
  'epochs',
  'threads',
  'reference',
  'device',
  'imageCache',
  'tensorboard',
];

const count = z.int().min(0);
const hash = z.string().regex(/^[0-9a-f]{64}$/);
/** Of an epoch, as files have it. */
export const epochMetrics = z.object({
  epoch: count,
  stage: count,
  lr: z.number(),
  trainLoss: z.number(),
  trainAccuracy: z.number(),
  validLoss: z.number(),
  validAccuracy: z.number(),
  seconds: z.number(),
});
export const resumePoint = z.object({ epoch: count, batch: count });
const checkpointMetadata = z.object({
  formatVersion: z.literal('1'),
  batch: json(count),
  epochs: json(z.array(epochMetrics)),
  resumed: json(z.array(resumePoint)),
  options: json(z.record(z.string(), z.unknown())),
  computation: json(z.object({ precision: z.enum(['fp32', 'bf16']), threads: count })),
  data: json(z.object({ train: hash, valid: hash })),
});

/** Writes checkpoints in the background: the newest there is whenever the one before is on the disk. */
export class CheckpointWriter {
  readonly #file: string;
  readonly #model: NativeModel;
  readonly #state: CheckpointState;
  readonly #writer: BackgroundWriter;

  /**
   * @param state grows with the training
   * @param onFailure hears TorchTlError `WRITE_FAILED`; nothing is written after that
   */
  constructor(file: string, model: NativeModel, state: CheckpointState, onFailure: (error: unknown) => void) {
    this.#file = resolve(file);
    this.#model = model;
    this.#state = state;
    this.#writer = new BackgroundWriter(() => this.#write(), onFailure);
  }

  request(): void {
    this.#writer.request();
  }

  /** Resolves once everything requested is written or has failed. */
  idle(): Promise<void> {
    return this.#writer.idle();
  }

  async #write(): Promise<void> {
    const checkpoint = this.#model.checkpoint();
    // The engine may be an epoch ahead of what has been heard of it: that epoch's checkpoint is asked for too.
    if (!checkpoint || checkpoint.epoch > this.#state.epochs.length) return;
    const { epochs, resumed, options, computation, data } = this.#state;
    const metadata = {
      formatVersion: '1',
      batch: JSON.stringify(checkpoint.batch),
      epochs: JSON.stringify(epochs.slice(0, checkpoint.epoch)),
      resumed: JSON.stringify(resumed),
      options: JSON.stringify(options),
      computation: JSON.stringify(computation),
      data: JSON.stringify(data),
    };
    const tensors = await tensorsOf(checkpoint);
    const checksum = await checksumOf(tensors, metadata);
    await writeSafetensors(this.#file, tensors, { ...metadata, checksum });
    checkpoint.release();
  }
}

/** All of a checkpoint's tensors; the event loop runs in between. */
async function tensorsOf(checkpoint: NativeCheckpoint): Promise<HostTensor[]> {
  const tensors: HostTensor[] = [];
  while (tensors.length < checkpoint.count) {
    tensors.push(...checkpoint.tensors(tensors.length, tensors.length + 100));
    await setImmediate();
  }
  return tensors;
}

/**
 * The checkpoint in a file; null where there is none.
 *
 * @throws InputError `CHECKPOINT_INVALID` or `FILE_UNREADABLE`; the signal's reason
 */
export async function readCheckpoint(file: string, signal?: AbortSignal): Promise<StoredCheckpoint | null> {
  if (!existsSync(file)) return null;
  const { tensors, metadata: text } = await readSafetensors(file, signal).catch((error: unknown) => {
    const damaged = error instanceof TorchTlError && error.code === 'WEIGHTS_INVALID';
    throw damaged ? checkpointInvalid(file, error.message) : error;
  });
  const { checksum, ...metadata } = text;
  if (checksum !== (await checksumOf(tensors, metadata, signal)))
    throw checkpointInvalid(file, 'it is damaged');
  if (!tensors.every(isHostTensor)) throw checkpointInvalid(file, 'it has tensors of another kind');
  const checked = checkpointMetadata.safeParse(metadata);
  if (!checked.success) throw checkpointInvalid(file, `of its metadata ${fileProblem(checked.error)}`);
  const { formatVersion, ...state } = checked.data;
  return { ...state, tensors };
}

/** CRC-32 in hexadecimal: safetensors itself notices no flipped bit. */
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

/** That a file cannot be gone on from, and what to do. */
export function checkpointInvalid(file: string, why: string): InputError {
  return new InputError(
    'CHECKPOINT_INVALID',
    `The checkpoint ${resolve(file)} cannot be gone on from: ${why}. Remove it to start afresh.`,
  );
}

/** Options as JSON keeps them, regular expressions as their text. */
export function plainOptions(options: Record<string, unknown>): Record<string, unknown> {
  const text = JSON.stringify(options, (_, value) => (value instanceof RegExp ? String(value) : value));
  return JSON.parse(text) as Record<string, unknown>;
}

/** A training's options as its checkpoint has them: checked, and where it trains. */
export function checkpointOptions(options: TrainingOptions, device: string): CheckpointState['options'] {
  return { ...plainOptions(trainingOptions.strip().parse(options)), device };
}

/**
 * What has changed since a checkpoint though it may, a sentence each.
 *
 * @throws InputError `CHECKPOINT_MISMATCH`, naming the first option that must not change, or the data
 */
export function requireSame(
  then: CheckpointState,
  now: CheckpointState,
  file: string,
  asked: { options: TrainingOptions; device: string },
): string[] {
  for (const part of ['train', 'valid'] as const) {
    if (then.data[part] === now.data[part]) continue;
    throw mismatch(file, `the ${part === 'train' ? 'training' : 'validation'} images are not the same`);
  }
  const options = requireSameOptions(then, asked, file);
  return [
    // What was asked for does not tell how many there were.
    ...options.filter((name) => name !== 'threads').map((name) => change(name, then.options, now.options)),
    ...(['precision', 'threads'] as const)
      .filter((name) => then.computation[name] !== now.computation[name])
      .map((name) => change(name, then.computation, now.computation)),
  ];
}

/**
 * The names of the options that have changed though they may; one that has no effect may differ.
 *
 * @throws InputError `CHECKPOINT_MISMATCH`
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
  const refused = changed.find((name) => !MAY_CHANGE.includes(name));
  if (refused !== undefined) throw mismatch(file, change(refused, then.options, now));
  return changed;
}

function change(name: string, then: Record<string, unknown>, now: Record<string, unknown>): string {
  const shown = (value: unknown) => JSON.stringify(value) ?? 'not set';
  return `${name} was ${shown(then[name])} and is now ${shown(now[name])}`;
}

function mismatch(file: string, what: string): InputError {
  return new InputError(
    'CHECKPOINT_MISMATCH',
    `Cannot go on from ${resolve(file)}: ${what}. Go on with what it was made with, or start a new training.`,
  );
}
