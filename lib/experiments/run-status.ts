import type { RunEvent } from './run-events.ts';

type EventOf<Type extends RunEvent['type']> = Extract<RunEvent, { type: Type }>;

/** What a run does at a moment. Numbers of seconds are estimates from the speed so far. */
export type Activity =
  /** It reads weights and images, or begins a training. */
  | { kind: 'preparing' }
  /** A pass over images. */
  | { kind: 'decoding' | 'features'; done: number; total: number; secondsLeft: number }
  | {
      kind: 'training';
      epoch: number;
      /** Number of epochs of this training. */
      epochs: number;
      batch: number;
      /** Number of batches of an epoch. */
      batches: number;
      /** Mean loss and accuracy of the epoch's training images so far; the accuracy is a fraction. */
      loss: number;
      accuracy: number;
      imagesPerSecond: number;
      /** Batches of this process and of the whole training, for a bar. */
      done: number;
      total: number;
      secondsLeft: number;
    }
  /** All epochs have ended, and the results are written. */
  | { kind: 'finishing' }
  | { kind: 'ended' };

/** What a run is doing now. */
export interface RunStatus {
  activity: Activity;
  /** The training that runs in a cross-validation, `fold` null for the last one, of all images; null without folds. */
  fold: { fold: number | null; folds: number } | null;
  /** Warnings that the terminal shows besides those of the data, which `config.json` records. */
  warnings: readonly string[];
}

/** Follows the events of a run. */
export class RunTracker {
  /** Called after a change of the status. */
  onChange: () => void = () => {};
  #activity: Activity = { kind: 'preparing' };
  #fold: RunStatus['fold'] = null;
  #epochs = 0;
  #epochsBefore = 0;
  #trainingSince = 0;
  readonly #warnings: string[] = [];

  get status(): RunStatus {
    return { activity: this.#activity, fold: this.#fold, warnings: this.#warnings };
  }

  /** Number of epochs of the present training. */
  get epochs(): number {
    return this.#epochs;
  }

  hear(event: RunEvent): void {
    if (event.type === 'setup') this.#epochs = event.epochs;
    else if (event.type === 'decoding' || event.type === 'features') this.#activity = passOf(event);
    else if (event.type === 'batch') this.#activity = this.#trainingAt(event);
    else if (event.type === 'epoch' && event.epoch === this.#epochs) this.#activity = { kind: 'finishing' };
    else if (event.type === 'resume') this.#resume(event);
    else if (event.type === 'fold') this.#beginFold(event);
    else if (event.type === 'unused-gpu') this.#warnings.push(`No GPU is used: ${event.reason}`);
    else if (event.type === 'no-validation')
      this.#warnings.push(`There is no validation report: ${event.reason}`);
    this.onChange();
  }

  /** The run has ended, in whatever way. */
  end(): void {
    this.#activity = { kind: 'ended' };
  }

  #resume({ epoch, changed }: EventOf<'resume'>): void {
    this.#epochsBefore = epoch;
    this.#warnings.push(...changed);
  }

  #beginFold({ fold, folds }: EventOf<'fold'>): void {
    this.#fold = { fold, folds };
    this.#activity = { kind: 'preparing' };
    this.#epochsBefore = 0;
    this.#trainingSince = 0;
  }

  #trainingAt({ type: _, ...batch }: EventOf<'batch'>): Activity {
    this.#trainingSince ||= performance.now();
    const done = (batch.epoch - 1 - this.#epochsBefore) * batch.batches + batch.batch;
    const total = (this.#epochs - this.#epochsBefore) * batch.batches;
    const seconds = (performance.now() - this.#trainingSince) / 1000;
    const secondsLeft = (seconds / done) * (total - done);
    return { kind: 'training', ...batch, epochs: this.#epochs, done, total, secondsLeft };
  }
}

function passOf({ type, done, total, seconds }: EventOf<'decoding'> | EventOf<'features'>): Activity {
  return { kind: type, done, total, secondsLeft: (seconds / done) * (total - done) };
}
