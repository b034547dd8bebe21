/** Scale of an axis: positions of values, and ticks. */
export interface Scale {
  ticks: number[];
  /** Position of a value: 0 at the start of the axis, 1 at its end. */
  place(value: number): number;
}

/** Options of a linear scale. */
export interface ScaleOptions {
  /** Whether the axis ends at the extreme values instead of at round numbers beyond them. */
  tight?: boolean;
  /** Whether ticks are at whole numbers only. */
  whole?: boolean;
}

/**
 * Linear scale with about six ticks at multiples of 1, 2 or 5 times a power of ten. If the values are all but equal, it
 * begins or ends at 0, since a closer look would show nothing but rounding; a tight scale has them in its middle.
 */
export function linearScale(
  values: readonly number[],
  { tight = false, whole = false }: ScaleOptions = {},
): Scale {
  const [low, high] = tight ? ends(values, whole ? 1 : 0) : endsAtZero(values);
  const step = Math.max(roundStep((high - low) / 6), whole ? 1 : 0);
  const [first, last] = tight
    ? [Math.ceil(low / step), Math.floor(high / step)]
    : [Math.floor(low / step), Math.ceil(high / step)];
  const [from, to] = tight ? [low, high] : [first * step, last * step];
  const ticks = Array.from({ length: last - first + 1 }, (_, index) => rounded((first + index) * step));
  return { ticks, place: (value) => (value - from) / (to - from) };
}

/** Logarithmic scale for positive values, with about six ticks at powers of ten. */
export function logScale(values: readonly number[]): Scale {
  const [least, most] = extent(values);
  const low = Math.floor(Math.log10(least) + 1e-9);
  const high = Math.max(Math.ceil(Math.log10(most) - 1e-9), low + 1);
  const step = Math.ceil((high - low) / 6);
  const length = Math.floor((high - low) / step) + 1;
  return {
    ticks: Array.from({ length }, (_, index) => rounded(10 ** (low + index * step))),
    place: (value) => (Math.log10(value) - low) / (high - low),
  };
}

/** Whether positive values span at least a factor of ten, which calls for a logarithmic scale. */
export function spansDecades(values: readonly number[]): boolean {
  const [low, high] = extent(values);
  return low > 0 && high / low >= 10;
}

function extent(values: readonly number[]): [number, number] {
  return values.reduce<[number, number]>(
    ([low, high], value) => [Math.min(low, value), Math.max(high, value)],
    [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
  );
}

/** Minimum and maximum; if they are equal, an interval around them that extends by at least `margin`. */
function ends(values: readonly number[], margin: number): [number, number] {
  const [low, high] = extent(values);
  if (high > low) return [low, high];
  const around = Math.max(Math.abs(low) * 0.1, margin, 1e-6);
  return [low - around, high + around];
}

/** Values that differ by less than this fraction of the largest are all but equal. */
const EQUAL = 2e-3;

/** Minimum and maximum; if they are all but equal, the interval from 0 to them; if that is 0, to 1. */
function endsAtZero(values: readonly number[]): [number, number] {
  const [low, high] = extent(values);
  if (high - low > EQUAL * Math.max(Math.abs(low), Math.abs(high))) return [low, high];
  return high > 0 ? [0, high] : low < 0 ? [low, 0] : [0, 1];
}

function roundStep(step: number): number {
  const power = 10 ** Math.floor(Math.log10(step));
  return ([1, 2, 5].find((multiple) => multiple * power >= step * 0.999) ?? 10) * power;
}

/** Removes rounding errors of binary fractions. */
function rounded(value: number): number {
  return Number(value.toPrecision(12));
}
