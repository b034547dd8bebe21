import plot from 'simple-ascii-chart';
import type { LearningRateSearch } from '../training/learning-rate.ts';

const HEIGHT = 14;
/** Width in columns of a terminal of unknown width. */
const COLUMNS = 80;
/** Width in columns of the labels left of the plot. */
const MARGIN = 10;
const NARROWEST = 20;

type Point = [exponent: number, loss: number];

/**
 * Plots the smoothed loss over the learning rate, on a logarithmic axis; a dot marks the suggestion. High losses after
 * the minimum are cut off, because they would flatten the fall until it is invisible.
 */
export function ratePlot({ points, suggestion }: LearningRateSearch, columns = COLUMNS): string {
  const highest = highestShown(points.map(({ smoothedLoss }) => smoothedLoss));
  const shown = points.filter(({ smoothedLoss }) => smoothedLoss <= highest);
  const line = shown.map(({ learningRate, smoothedLoss }): Point => [Math.log10(learningRate), smoothedLoss]);
  const suggested = line[shown.findIndex(({ learningRate }) => learningRate === suggestion)];
  return plot(line, {
    title: 'Smoothed loss over the learning rate',
    width: Math.max(columns - MARGIN, NARROWEST),
    height: HEIGHT,
    customXAxisTicks: wholeNumbers(line.map(([exponent]) => exponent)),
    formatter: (value, { axis }) => (axis === 'x' ? `1e${value}` : value.toFixed(3)),
    points: suggested ? [{ x: suggested[0], y: suggested[1] }] : [],
  });
}

/** Highest loss shown: above the start of the fall by the depth of the fall. */
function highestShown(losses: number[]): number {
  const lowest = Math.min(...losses);
  const before = Math.max(...losses.slice(0, losses.indexOf(lowest) + 1));
  return before > lowest ? before + (before - lowest) : Math.max(...losses);
}

function wholeNumbers(range: number[]): number[] {
  const first = Math.ceil(Math.min(...range));
  const last = Math.floor(Math.max(...range));
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index);
}
