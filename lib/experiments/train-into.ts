import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Dataset } from '../data/dataset.ts';
import type { DenseNet121 } from '../densenet121.ts';
import type { EpochMetrics } from '../engine/native-training.ts';
import { TorchTlError } from '../errors.ts';
import { EventFile } from '../formats/tensorboard/event-file.ts';
import type { FeatureMatrix } from '../model/extraction.ts';
import { type RunOptions, trainingOptions } from '../options/index.ts';
import { BackgroundWriter } from '../support/background-writer.ts';
import { withFirstOf } from '../support/signals.ts';
import type { ResumePoint } from '../training/checkpoint.ts';
import { withoutUnused } from '../training/effects.ts';
import type { FitRun, ResumeEvent } from '../training/fit.ts';
import { epochsOf } from '../training/recipes.ts';
import { bestOf, secondsOf } from '../training/train.ts';
import { bestEpochOf, withTop5 } from './best-epoch.ts';
import { calibrateRun } from './calibrate-run.ts';
import { scalarsOf } from './epoch-scalars.ts';
import { labelIssueReport, labelIssuesCsv, labelIssuesOf } from './label-issues.ts';
import { FORMAT_VERSION, type RunFolds, type RunResults, type RunSetup } from './results.ts';
import type { RunDirectory } from './run-directory.ts';
import type { RunEvent } from './run-events.ts';
import { writeSamples } from './samples.ts';
import { gradCamMaps, type HeatMaps, validationReport } from './validation.ts';

export interface PreparedRun {
  setup: RunSetup;
  options: RunOptions;
  model: DenseNet121;
  train: Dataset;
  /** Empty if nothing is validated. */
  valid: Dataset;
  resume: boolean;
  signal: AbortSignal;
  onEvent: (event: RunEvent) => void;
  /** What the trainings of a cross-validation came to, which the training on all images records. */
  outOfFold?: OutOfFold;
}

/** Results over all images, each judged by the model of a fold that has not seen it. */
export interface OutOfFold {
  folds: RunFolds;
  /** float32 `[count, classes]`, in the order of the training images. */
  logits: FeatureMatrix;
  heatMaps: HeatMaps;
}

/**
 * Trains and records the run: one line per epoch as it ends, the best weights and the checkpoint in the background, the
 * results at the end, however it ends, and the best model's validation report. A file that cannot be written stops the
 * training.
 *
 * @throws the signal's reason, TorchTlError `WRITE_FAILED`, or what `fit` throws
 */
export async function trainInto(directory: RunDirectory, run: PreparedRun): Promise<RunResults> {
  const { setup, options, onEvent } = run;
  const recorder = new Recorder(directory, run);
  try {
    const augmented = options.augmentation !== 'none';
    onEvent({ type: 'setup', setup, directory: directory.path, epochs: epochsOf(options), augmented });
    const { bestLogits, ...outcome } = await recorder.train();
    const validated = validatedBy(run, bestLogits);
    // Before the results, which complete a run: a run that is killed here gets the rest when it is resumed.
    const { calibration, logits } = await calibrateRun(run, validated);
    if (calibration) {
      await directory.whileInPlace(() => run.model.saveBest(directory.best));
      onEvent({ type: 'calibration', ...calibration });
    }
    if (logits)
      await recordValidation(directory, run, { data: validated.data, logits, epoch: outcome.best.epoch });
    const folds = run.outOfFold && { folds: run.outOfFold.folds };
    const results: RunResults = {
      formatVersion: FORMAT_VERSION,
      ...setup,
      ...outcome,
      ...folds,
      calibration,
    };
    await directory.writeResults(results);
    return results;
  } catch (error) {
    // A run that could not be resumed is left as it was.
    if (recorder.begun) {
      const results = { formatVersion: FORMAT_VERSION, ...setup, ...recorder.partial(error) };
      // The error that stopped the run matters more than one of writing its record.
      await directory.writeResults(results).catch(() => {});
    }
    throw error;
  } finally {
    await recorder.samples;
    await directory.close();
  }
}

/**
 * Trains as one of several processes that is not rank 0: it writes nothing.
 *
 * @throws what `fit` throws
 */
export async function trainAlong(run: PreparedRun): Promise<RunResults> {
  const { setup, options, model, train, valid, signal, onEvent } = run;
  const fit = model.fit(train, {
    ...withoutUnused(trainingOptions.strip().parse(options)),
    precision: setup.precision,
    valid: valid.count > 0 ? valid : null,
    signal,
    onWarning: saidBefore,
    onFeatures: onEvent,
    onBatch: onEvent,
  });
  const { bestLogits, best, ...outcome } = await fit.result;
  const summary = withTop5(bestEpochOf(best, run.valid.count), run.valid, bestLogits);
  const { calibration } = await calibrateRun(run, validatedBy(run, bestLogits));
  const folds = run.outOfFold && { folds: run.outOfFold.folds };
  return {
    formatVersion: FORMAT_VERSION,
    ...setup,
    ...outcome,
    best: summary,
    ...folds,
    calibration,
  };
}

/** The images that judge the run, and their logits: the validation images, or with folds all of them. */
function validatedBy({ valid, train, outOfFold }: PreparedRun, bestLogits: FeatureMatrix | null) {
  return outOfFold ? { data: train, logits: outOfFold.logits } : { data: valid, logits: bestLogits };
}

/** A report that fails, or is stopped, does not fail the run. */
async function recordValidation(
  directory: RunDirectory,
  { model, setup, signal, onEvent, outOfFold }: PreparedRun,
  { data, logits, epoch }: { data: Dataset; logits: FeatureMatrix; epoch: number },
): Promise<void> {
  const issues = labelIssuesOf(data, logits);
  try {
    await directory.writeLabelIssues(labelIssuesCsv(issues));
    const labelIssues = await labelIssueReport(data, issues);
    const heatMaps = outOfFold?.heatMaps ?? gradCamMaps(model, { precision: setup.precision, signal });
    await directory.writeValidation(await validationReport(data, { epoch, logits, labelIssues }, heatMaps));
  } catch (error) {
    if (!signal.aborted) onEvent({ type: 'no-validation', reason: (error as Error).message });
    return;
  }
  const file = directory.labelIssues;
  if (issues.length > 0) onEvent({ type: 'label-issues', count: issues.length, images: data.count, file });
}

type Outcome = Omit<RunResults, keyof RunSetup | 'formatVersion'>;

class Recorder {
  readonly #directory: RunDirectory;
  readonly #run: PreparedRun;
  readonly #writingFailed = new AbortController();
  readonly #bestWriter: BackgroundWriter;
  readonly #events: EventFile | null;
  readonly #started = performance.now();
  readonly #epochs: EpochMetrics[] = [];
  readonly #waiting: Array<{ epochs: number; event: RunEvent }> = [];
  #resumed: readonly ResumePoint[] = [];
  /** False while the files of a run to resume are unchanged. */
  begun: boolean;
  /** Resolves when no samples are being written: they are made beside the training. */
  samples: Promise<void> = Promise.resolve();
  #earlierSeconds = 0;
  #featuresSeconds = 0;

  constructor(directory: RunDirectory, run: PreparedRun) {
    this.#directory = directory;
    this.#run = run;
    this.begun = !run.resume;
    this.#events = run.options.tensorboard ? new EventFile(join(directory.path, 'tensorboard')) : null;
    this.#bestWriter = new BackgroundWriter(
      () => directory.whileInPlace(() => run.model.saveBest(directory.best)),
      (error) => this.#writingFailed.abort(error),
    );
  }

  async train() {
    const { resume, signal, onEvent } = this.#run;
    if (!resume) this.#begin();
    if (resume && !existsSync(this.#directory.checkpoint)) {
      await this.#rewindTo([]);
      onEvent({ type: 'afresh', directory: this.#directory.path, isNew: false, meant: null });
    }
    return withFirstOf([signal, this.#writingFailed.signal], (stopped) => this.#trainUntil(stopped));
  }

  async #trainUntil(stopped: AbortSignal) {
    const fit = this.#start(stopped);
    try {
      await this.#recordEpochs(fit);
    } catch (error) {
      this.#writingFailed.abort(error);
      await fit.result.catch(() => {});
      throw error;
    } finally {
      await this.#bestWriter.idle();
    }
    this.#writingFailed.signal.throwIfAborted();
    const { best, ...outcome } = await fit.result;
    const { valid } = this.#run;
    return { ...outcome, best: withTop5(bestEpochOf(best, valid.count), valid, outcome.bestLogits) };
  }

  /** The results so far of a run that `error` ended. */
  partial(error: unknown): Outcome {
    const training = secondsOf(this.#epochs);
    const images = this.#epochs.length * this.#run.train.count;
    const total = this.#earlierSeconds + (performance.now() - this.#started) / 1000;
    return {
      epochs: this.#epochs,
      best: this.#epochs.length > 0 ? bestEpochOf(bestOf(this.#epochs), this.#run.valid.count) : null,
      seconds: { total, features: this.#featuresSeconds, training },
      imagesPerSecond: training > 0 ? images / training : 0,
      resumed: this.#resumed,
      calibration: null,
      ...(this.#run.signal.aborted || isStop(error) ? { stoppedBecause: 'aborted' } : failure(error)),
    };
  }

  #start(signal: AbortSignal): FitRun<number | null> {
    const { model, train, valid, setup, options, resume, onEvent } = this.#run;
    return model.fit(train, {
      ...withoutUnused(trainingOptions.strip().parse(options)),
      precision: setup.precision,
      valid: valid.count > 0 ? valid : null,
      checkpoint: this.#directory.checkpoint,
      resume,
      signal,
      onWarning: saidBefore,
      onResume: (event) => this.#resume(event),
      onStage: (stage) => this.#reportAfter(stage.epoch, stage),
      onCache: (report) => this.#reportAfter(this.#waiting.at(-1)?.epochs ?? 0, report),
      onFeatures: (progress) => {
        this.#featuresSeconds = progress.seconds;
        onEvent(progress);
      },
      onBatch: onEvent,
      onBest: () => this.#bestWriter.request(),
    });
  }

  async #resume(event: ResumeEvent): Promise<void> {
    this.#epochs.push(...event.epochs);
    this.#earlierSeconds = secondsOf(event.epochs);
    this.#resumed = event.resumed;
    await this.#rewindTo(event.epochs);
    this.#run.onEvent(event);
  }

  #begin(): void {
    this.begun = true;
    this.samples = writeSamples(this.#directory, this.#run.train);
  }

  async #rewindTo(epochs: readonly EpochMetrics[]): Promise<void> {
    this.#begin();
    await this.#directory.rewindTo(epochs);
  }

  async #recordEpochs(fit: FitRun<number | null>): Promise<void> {
    for await (const epoch of fit) {
      await this.#directory.appendEpoch(epoch);
      const { train, setup } = this.#run;
      await this.#events?.append(epoch.epoch, scalarsOf(epoch, train.count, setup.processes?.length));
      this.#epochs.push(epoch);
      this.#run.onEvent({ type: 'epoch', ...epoch });
      this.#reportWaiting();
    }
  }

  /** An epoch is reported once it is on disk; later events of the training wait for that. */
  #reportAfter(epochs: number, event: RunEvent): void {
    this.#waiting.push({ epochs, event });
    this.#reportWaiting();
  }

  #reportWaiting(): void {
    while (this.#waiting[0] && this.#waiting[0].epochs <= this.#epochs.length) {
      this.#run.onEvent((this.#waiting.shift() as { event: RunEvent }).event);
    }
  }
}

/** The warnings of a run's data are in its record already. */
function saidBefore(): void {}

/** Whether another process of the job was told to stop. */
function isStop(error: unknown): boolean {
  return error instanceof TorchTlError && error.code === 'PEER_STOPPED';
}

function failure(error: unknown): Pick<Outcome, 'stoppedBecause' | 'error'> {
  const code = error instanceof TorchTlError ? error.code : 'UNKNOWN';
  return { stoppedBecause: 'failed', error: { code, message: String((error as Error).message) } };
}
