import { AT_LIMIT, calibrationText } from '../experiments/calibration-text.ts';
import { monitorName } from '../experiments/monitor-text.ts';
import type { RunSetup } from '../experiments/results.ts';
import type { RunEvent } from '../experiments/run-events.ts';
import { RunTracker } from '../experiments/run-status.ts';
import {
  classesText,
  dataText,
  leftOutText,
  modelText,
  processesText,
  stageText,
  weightsText,
} from '../experiments/setup-text.ts';
import type { StageSetup } from '../experiments/stage-setups.ts';
import type { Monitor } from '../options/index.ts';
import { count, duration, images, percent, size } from '../support/format.ts';
import { shareText } from '../support/interval.ts';
import { showDecoded } from './decoding.ts';
import { type Progress, showPass } from './progress.ts';

type EventOf<Type extends RunEvent['type']> = Extract<RunEvent, { type: Type }>;

/** Shows the events of a run as lines and progress bars. */
export class RunProgress {
  readonly #progress: Progress;
  readonly #isBrief: boolean;
  readonly #tracker = new RunTracker();
  #stages: readonly StageSetup[] = [];
  #augmented = false;
  #monitor: Monitor | null = null;
  #validImages = 0;

  /** @param how.isBrief leaves out data and model, for a run like the one before */
  constructor(progress: Progress, { isBrief = false }: { isBrief?: boolean } = {}) {
    this.#progress = progress;
    this.#isBrief = isBrief;
  }

  show(event: RunEvent): void {
    this.#tracker.hear(event);
    if (event.type === 'finished') this.#showFinished(event);
    else if (event.type === 'afresh') this.#showAfresh(event);
    else if (event.type === 'no-validation')
      this.#progress.line(`Warning: there is no validation report: ${event.reason}`);
    else if (event.type === 'calibration') this.#showCalibration(event);
    else if (event.type === 'label-issues') this.#showLabelIssues(event);
    else if (event.type === 'unused-gpu') this.#progress.line(`Warning: no GPU is used: ${event.reason}`);
    else if (event.type === 'decoding') showPass(this.#progress, 'decoding', event);
    else if (event.type === 'decoded') showDecoded(this.#progress, event);
    else if (event.type === 'data') this.#showData(event);
    else if (event.type === 'warning') this.#progress.line(`Warning: ${event.message}`);
    else if (event.type === 'setup') this.#showSetup(event);
    else if (event.type === 'fold') this.#showFold(event);
    else if (event.type === 'fold-end') this.#showFoldEnd(event);
    else if (event.type === 'resume') this.#showResumption(event);
    else if (event.type === 'stage') this.#showStage(event);
    else if (event.type === 'cache') this.#showCache(event);
    else if (event.type === 'features') this.#showFeatures(event);
    else if (event.type === 'batch') this.#showBatch(event);
    else this.#showEpoch(event);
  }

  #showFinished({ directory, stoppedBecause, mayGoOn }: EventOf<'finished'>): void {
    const how =
      stoppedBecause !== 'epochs'
        ? ': it stopped early because validation got no better'
        : mayGoOn
          ? '; to continue it, give more epochs (--epochs)'
          : '; its folds or stages fix its epochs, so to train longer, start a new run';
    this.#progress.line(`The run in ${directory} is finished${how}.`);
  }

  #showAfresh({ directory, isNew, meant }: EventOf<'afresh'>): void {
    this.#progress.line(
      `There is no checkpoint in ${directory} to resume from; starting from the beginning.`,
    );
    if (!isNew) return;
    const hint = meant === null ? '' : ` Did you mean '${meant}'? Press Ctrl-C to stop.`;
    this.#progress.line(`Warning: there is no run in ${directory}; starting a new one.${hint}`);
  }

  #showCalibration(event: EventOf<'calibration'>): void {
    this.#progress.line(`Calibrated: ${calibrationText(event)}`);
    if (event.isAtLimit) this.#progress.line(`Warning: ${AT_LIMIT}`);
  }

  #showLabelIssues({ count: found, images: all, file }: EventOf<'label-issues'>): void {
    if (this.#isFold) return;
    const which = `${count(found)} of ${count(all)} ${this.#tracker.status.fold === null ? 'validation images' : 'images'}`;
    this.#progress.line(
      `Labels: ${which} ${found === 1 ? 'looks' : 'look'} wrongly labelled; listed in ${file}`,
    );
  }

  #showData(event: EventOf<'data'>): void {
    if (this.#isBrief) return;
    this.#progress.line(`Data: ${dataText(event)}`);
    this.#progress.line(`Classes: ${classesText(event.classCounts)}`);
    const leftOut = leftOutText(event.leftOut);
    if (leftOut !== null) this.#progress.line(`Left out: ${leftOut}`);
    const { skipped } = event;
    if (skipped.length === 0) return;
    this.#progress.line(`Skipped: ${images(skipped.length)} that cannot be decoded`);
    for (const { path, reason } of skipped.slice(0, 20)) this.#progress.line(`  ${path}: ${reason}`);
    if (skipped.length > 20) this.#progress.line('  and more, listed in results.json');
  }

  #showSetup({ setup, directory, augmented }: EventOf<'setup'>): void {
    this.#stages = setup.stages;
    this.#augmented = augmented;
    this.#monitor = setup.monitor;
    this.#validImages = setup.dataset.valid;
    // The folds have been told of before.
    if (this.#tracker.status.fold !== null) return;
    const line = (text: string) => this.#progress.line(text);
    if (!this.#isBrief) this.#showModel(setup);
    if (augmented) line('Augmentation: on; training images pass through the whole network in every epoch');
    line(`Results: ${directory}`);
  }

  #showModel(setup: RunSetup): void {
    const line = (text: string) => this.#progress.line(text);
    line(`Model: ${modelText(setup)}`);
    line(`Weights: ${weightsText(setup.weights)}`);
    line(`Device: ${setup.device} (${setup.hardware}), LibTorch ${setup.libtorch}`);
    line(`Precision: ${setup.precision}, ${setup.precisionReason}`);
    if (setup.processes) line(`Processes: ${processesText(setup.processes)}`);
  }

  #showFold({ fold, folds, train, valid }: EventOf<'fold'>): void {
    const what =
      fold === null
        ? `Training on all ${images(train)}`
        : `Fold ${fold} of ${folds}: ${count(train)} training and ${images(valid)} to validate`;
    this.#progress.line(what);
  }

  /** Whether the training is that of a fold. */
  get #isFold(): boolean {
    return (this.#tracker.status.fold?.fold ?? null) !== null;
  }

  #showFoldEnd({ fold, folds, valid, best }: EventOf<'fold-end'>): void {
    const { epoch, validAccuracy, validLoss } = best;
    this.#progress.line(
      `fold ${fold}/${folds}  best epoch ${epoch}  valid loss ${validLoss.toFixed(4)}  valid accuracy ${shareText(validAccuracy, valid)}`,
    );
  }

  #showResumption({ epoch, batch, changed }: EventOf<'resume'>): void {
    const part = batch > 0 ? ` and ${count(batch)} batches of the next epoch` : '';
    this.#progress.line(`Resuming after epoch ${epoch}${part}`);
    for (const what of changed) this.#progress.line(`Warning: ${what}`);
  }

  #showStage({ stage, stages, name }: EventOf<'stage'>): void {
    const setup = this.#stages[stage - 1];
    if (stages === 1 || !setup) return;
    const title = name === null ? '' : ` (${name})`;
    this.#progress.line(`Stage ${stage} of ${stages}${title}: ${stageText(setup)}`);
  }

  #showCache(event: EventOf<'cache'>): void {
    if (this.#isFold) return;
    const { part, cut, bytes } = event;
    const images =
      part === 'train' ? 'training images' : `validation images${this.#augmented ? ' only' : ''}`;
    this.#progress.line(`Feature cache: ${cut} output for ${images}, ${size(bytes)} ${placeText(event)}`);
  }

  #showFeatures({ done, total, seconds }: EventOf<'features'>): void {
    showPass(this.#progress, 'features', { done, total, seconds });
  }

  #showBatch({ loss, accuracy, imagesPerSecond }: EventOf<'batch'>): void {
    const { activity, fold } = this.#tracker.status;
    if (activity.kind !== 'training') return;
    const { epoch, done, total, secondsLeft } = activity;
    const epochs = `${epoch}/${activity.epochs}`;
    const isFold = fold !== null && fold.fold !== null;
    const at = isFold ? `${fold.fold}/${fold.folds} ${epochs}` : epochs;
    const lost = loss.toFixed(4);
    const left = `${duration(secondsLeft)} left`;
    const where = isFold ? `fold ${fold.fold}/${fold.folds}, epoch ${epochs}` : `epoch ${epochs}`;
    const parts = [where, `loss ${lost}`, `accuracy ${percent(accuracy)}`];
    this.#progress.bar(
      done,
      total,
      [...parts, `${count(imagesPerSecond)} images/s`, left].join('  '),
      [...parts, left].join('  '),
      `${at}  loss ${lost}  acc ${percent(accuracy)}  ${left}`,
      `${at} ${lost} ${percent(accuracy)} ${left}`,
    );
  }

  #showEpoch(event: EventOf<'epoch'>): void {
    // Of a fold only the best epoch is shown, at its end.
    if (this.#isFold) return;
    const { epoch, trainLoss, trainAccuracy, validLoss, validAccuracy, monitored, lr, seconds, best } = event;
    const total = String(this.#tracker.epochs);
    const short = `${epoch}/${total}`.padStart(2 * total.length + 1);
    const trained = `train ${trainLoss.toFixed(4)} ${percent(trainAccuracy).padStart(8)}`;
    const isValidated = validLoss !== null && validAccuracy !== null;
    const parts = [
      `epoch ${String(epoch).padStart(total.length)}/${total}`,
      `loss ${trainLoss.toFixed(4)}`,
      `accuracy ${percent(trainAccuracy).padStart(8)}`,
      ...(isValidated
        ? [
            `valid loss ${validLoss.toFixed(4)}`,
            `valid accuracy ${shareText(validAccuracy, this.#validImages).padStart(24)}`,
          ]
        : []),
      ...(this.#monitor !== null && monitored !== undefined
        ? [`${monitorName(this.#monitor)} ${percent(monitored).padStart(8)}`]
        : []),
      `lr ${Number(lr.toPrecision(3))}`,
      duration(seconds),
    ];
    if (!isValidated) {
      this.#progress.line(parts.join('  '), `${short}  ${trained}  ${duration(seconds)}`);
      return;
    }
    const mark = best ? '  best' : '';
    const valid = `${validLoss.toFixed(4)} ${percent(validAccuracy).padStart(8)}`;
    this.#progress.line(
      parts.join('  ') + mark,
      `${short}  ${trained}  valid ${valid}  ${duration(seconds)}${mark}`,
      `${short}  valid ${valid}  ${duration(seconds)}${mark}`,
    );
  }
}

/** Where features are, and what of them was found in kept files. */
function placeText({ place, images, computed, kept, whyNotKept, reason }: EventOf<'cache'>): string {
  const where = { memory: 'in memory', device: 'on the GPU', file: 'on disk' }[place];
  if (whyNotKept !== null) return `${where}, not kept: ${whyNotKept}`;
  if (kept === null) return place === 'file' ? `${where} (${reason})` : where;
  const isPart = computed > 0 && computed < images;
  return `${where}, ${isPart ? `${count(computed)} of ${count(images)} computed, ` : ''}${reason}`;
}
