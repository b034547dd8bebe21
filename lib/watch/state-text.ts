import type { Activity, RunStatus } from '../experiments/run-status.ts';
import { endingOf } from '../report/ending.ts';
import { type Content, type Html, html } from '../report/html.ts';
import { endingParagraph } from '../report/run-report.ts';
import { count, duration, percent } from '../support/format.ts';
import type { WatchedRun } from './watched-run.ts';

/** One word or two for how a run stands. */
export function stateName({ run, isOpen }: WatchedRun): string {
  if (isOpen) return 'running';
  return run.stoppedBecause === null ? 'process gone' : endingOf(run).status;
}

/** How a run stands, what it does now, and how long it will take. */
export function stateOf(watched: WatchedRun): Html {
  const { run, status, isOpen } = watched;
  const state = stateName(watched);
  const name = html`<p class="state" data-state="${isOpen ? 'running' : 'over'}" data-said="${announcement(watched)}"><b>${state}</b></p>`;
  if (isOpen) return html`${name}${status ? activityOf(status) : null}${warnings(status)}`;
  if (run.stoppedBecause !== null) return html`${name}${endingParagraph(run)}${warnings(status)}`;
  return html`${name}${lost(watched)}${warnings(status)}`;
}

/** What a screen reader says of a run when it changes: epochs, and the end. */
function announcement({ run, isOpen }: WatchedRun): string {
  if (!isOpen) return run.stoppedBecause === null ? 'The process of the run is gone.' : endingOf(run).text;
  const last = run.epochs.at(-1);
  if (!last) return 'The run has begun.';
  const accuracy = last.validAccuracy ?? last.trainAccuracy;
  return `Epoch ${last.epoch} has ended: ${last.validAccuracy === null ? 'training' : 'validation'} accuracy ${percent(accuracy)}.`;
}

/** What a run does now, with a bar. */
export function activityOf({ activity, fold }: RunStatus): Html {
  const { text, share, left } = described(activity);
  const where = foldText(fold);
  return html`<p class="activity">${where}${text}${left === null ? null : html`, <b>${duration(left)}</b> left`}</p>
${share === null ? null : html`<progress max="100" value="${(share * 100).toFixed(1)}" aria-label="${text}"></progress>`}`;
}

function foldText(fold: RunStatus['fold']): string {
  if (fold === null) return '';
  return fold.fold === null
    ? `Last training, on the images of all ${fold.folds} folds: `
    : `Fold ${fold.fold} of ${fold.folds}: `;
}

function described(activity: Activity): { text: string; share: number | null; left: number | null } {
  switch (activity.kind) {
    case 'preparing':
      return { text: 'preparing: reading weights and images', share: null, left: null };
    case 'finishing':
      return { text: 'all epochs have ended; the results are being written', share: 1, left: null };
    case 'ended':
      return { text: 'ended', share: null, left: null };
    case 'training': {
      const { epoch, epochs, batch, batches, loss, accuracy, imagesPerSecond, done, total } = activity;
      const text = `epoch ${epoch} of ${epochs}, batch ${count(batch)} of ${count(batches)}: training loss ${loss.toFixed(4)}, accuracy ${percent(accuracy)}, ${count(imagesPerSecond)} images/s`;
      return { text, share: done / total, left: activity.secondsLeft };
    }
    default: {
      const { kind, done, total, secondsLeft } = activity;
      const what = kind === 'decoding' ? 'decoding images' : 'computing features of the frozen layers';
      return { text: `${what}: ${count(done)} of ${count(total)}`, share: done / total, left: secondsLeft };
    }
  }
}

function lost({ run, status }: WatchedRun): Html {
  const last =
    status && status.activity.kind !== 'ended'
      ? html` Its last words, at ${status.updated}: ${foldText(status.fold)}${described(status.activity).text}.`
      : null;
  return html`<p class="warning">The process of this run is gone without a word: it was killed, or its machine went down.${last} ${endingOf(run).text}</p>`;
}

function warnings(status: RunStatus | null): Content {
  return (status?.warnings ?? []).map((text) => html`<p class="warning">${text}</p>`);
}
