import { type Content, type Html, html } from './html.ts';
import { linearScale, logScale, type Scale, type ScaleOptions } from './scale.ts';
import { dataTable } from './table.ts';

/** A point in the units of the data. */
export interface Point {
  x: number;
  y: number;
}

/** A line of a chart. */
export interface Series {
  name: string;
  points: readonly Point[];
  /** Lowest and highest value at each x, drawn as an area behind the line. */
  band?: ReadonlyArray<{ x: number; low: number; high: number }>;
  /** Formats a value in the table and in tooltips; by default as the axis does. */
  exact?: (value: number) => string;
}

/** An axis of a chart. */
export interface Axis extends ScaleOptions {
  name: string;
  /** Formats the value of a tick. */
  text: (value: number) => string;
  /** Formats a value in the table and in tooltips; by default `text`. */
  exact?: (value: number) => string;
  logarithmic?: boolean;
  /** Values that the axis must cover in addition to the points. */
  including?: readonly number[];
}

/** Content of a line chart. */
export interface Chart {
  /** Identifier, unique in the page. */
  id: string;
  title: string;
  /** Description for readers who cannot see the chart. */
  description: string;
  note?: Content;
  x: Axis;
  y: Axis;
  series: readonly Series[];
  /** Horizontal lines at values to compare with. */
  levels?: ReadonlyArray<{ name: string; y: number }>;
  /** Vertical lines at named epochs. */
  moments?: ReadonlyArray<{ name: string; x: number }>;
}

/** Size in SVG units; the drawing scales to the available width. */
const SIZE = { width: 440, height: 280 };
const PLOT = { left: 62, right: 428, top: 20, bottom: 232 };

const DASHES = ['none', '7 4', '2 3', '10 3 2 3'];
const MARKERS = [
  'M-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0 -7 0z',
  'M-3 -3h6v6h-6z',
  'M0 -4.2l4 7.2h-8z',
  'M0 -4.5l4.5 4.5l-4.5 4.5l-4.5 -4.5z',
  'M-4 -3h8l-4 7.2z',
];
const COLOURS = 6;
/** Maximum number of markers on a line. */
const MAX_MARKERS = 20;

/** Draws a line chart with a legend and a collapsed table of its values. */
export function chart(drawing: Chart): Html {
  const { id, title, description, note = null, series } = drawing;
  return html`<figure class="chart">
<figcaption>${title}</figcaption>
${series.length > 1 ? legend(series) : null}
<svg viewBox="0 0 ${SIZE.width} ${SIZE.height}" role="img" aria-labelledby="${id}-title" aria-describedby="${id}-description">
<title id="${id}-title">${title}</title>
<desc id="${id}-description">${description}</desc>
${drawn(drawing)}
</svg>
${note === null ? null : html`<p class="note">${note}</p>`}
<details><summary>Show as table</summary>${numbers(drawing)}</details>
</figure>`;
}

function drawn({ x, y, series, levels = [], moments = [] }: Chart): Content[] {
  const points = series.flatMap((line) => line.points);
  const across = scaleOf(
    { tight: true, ...x },
    points.map((point) => point.x),
  );
  const bands = series.flatMap(({ band = [] }) => band.flatMap(({ low, high }) => [low, high]));
  const up = scaleOf(y, [...points.map((point) => point.y), ...bands, ...levels.map((level) => level.y)]);
  const left = (value: number) => fixed(PLOT.left + across.place(value) * (PLOT.right - PLOT.left));
  const top = (value: number) => fixed(PLOT.bottom - up.place(value) * (PLOT.bottom - PLOT.top));
  return [
    html`<g class="axis">${up.ticks.map((tick) => horizontal(top(tick), y.text(tick)))}
${across.ticks.map((tick) => html`<text x="${left(tick)}" y="${PLOT.bottom + 18}" text-anchor="middle">${x.text(tick)}</text>`)}
<path d="M${PLOT.left} ${PLOT.bottom}H${PLOT.right}"/>
<text x="${(PLOT.left + PLOT.right) / 2}" y="${SIZE.height - 8}" text-anchor="middle">${x.name}</text></g>`,
    ...moments.map((moment, index) => momentLine(moment.name, left(moment.x), index)),
    ...levels.map((level) => levelLine(level.name, top(level.y))),
    ...series.map(({ band = [] }, index) =>
      bandArea(
        index,
        band.map(({ x, low, high }) => ({ x: left(x), low: top(low), high: top(high) })),
      ),
    ),
    ...series.map((line, index) =>
      seriesLine(
        index,
        line.points.map((point) => ({
          x: left(point.x),
          y: top(point.y),
          tip: `${line.name}, ${x.name} ${shown(x, point.x)}: ${shown({ ...y, ...line }, point.y)}`,
        })),
      ),
    ),
  ];
}

function scaleOf({ logarithmic, including = [], ...options }: Axis, values: readonly number[]): Scale {
  const all = [...values, ...including];
  return logarithmic ? logScale(all) : linearScale(all, options);
}

function horizontal(y: number, text: string): Html {
  return html`<path class="grid" d="M${PLOT.left} ${y}H${PLOT.right}"/>
<text x="${PLOT.left - 8}" y="${y + 4}" text-anchor="end">${text}</text>`;
}

function levelLine(name: string, y: number): Html {
  const text = y < PLOT.top + 16 ? y + 15 : y - 6;
  return html`<path class="level" d="M${PLOT.left} ${y}H${PLOT.right}"/>
<text class="label" x="${PLOT.right}" y="${text}" text-anchor="end">${name}</text>`;
}

/** Labels of neighbouring lines are placed at different heights. */
function momentLine(name: string, x: number, index: number): Html {
  const isLate = x > (PLOT.left + PLOT.right) / 2;
  return html`<path class="moment" d="M${x} ${PLOT.top}V${PLOT.bottom}"/>
<text class="label" x="${isLate ? x - 5 : x + 5}" y="${PLOT.bottom - 8 - (index % 3) * 17}" text-anchor="${isLate ? 'end' : 'start'}">${name}</text>`;
}

function bandArea(index: number, band: ReadonlyArray<{ x: number; low: number; high: number }>): Content {
  if (band.length === 0) return null;
  const upper = band.map(({ x, high }) => `${x} ${high}`);
  const lower = band.map(({ x, low }) => `${x} ${low}`).reverse();
  return html`<g class="series c${index % COLOURS}"><path class="band" d="M${[...upper, ...lower].join('L')}Z"/></g>`;
}

function seriesLine(index: number, points: ReadonlyArray<Point & { tip: string }>): Html {
  const every = Math.ceil(points.length / MAX_MARKERS);
  const marked = points.filter((_, place) => place % every === 0);
  return html`<g class="series c${index % COLOURS}"><path class="line" stroke-dasharray="${dashOf(index)}" d="M${points.map(({ x, y }) => `${x} ${y}`).join('L')}"/>
${marked.map(({ x, y, tip }) => html`<path class="marker" transform="translate(${x} ${y})" d="${markerOf(index)}"><title>${tip}</title></path>`)}</g>`;
}

function legend(series: readonly Series[]): Html {
  const entries = series.map(
    ({ name }, index) =>
      html`<li><svg viewBox="0 0 36 12" width="36" height="12" aria-hidden="true"><g class="series c${index % COLOURS}"><path class="line" stroke-dasharray="${dashOf(index)}" d="M0 6H36"/><path class="marker" transform="translate(18 6)" d="${markerOf(index)}"/></g></svg>${name}</li>`,
  );
  return html`<ul class="legend">${entries}</ul>`;
}

/** A table with a row for each x value and a column for each line. */
function numbers({ title, x, y, series }: Chart): Html {
  const places = [...new Set(series.flatMap(({ points }) => points.map((point) => point.x)))];
  const columns = series.map((line) => ({
    line,
    points: new Map(line.points.map((point) => [point.x, point.y])),
  }));
  const rows = places
    .sort((a, b) => a - b)
    .map((place) => [
      shown(x, place),
      ...columns.map(({ points, line }) =>
        points.has(place) ? shown({ ...y, ...line }, points.get(place) as number) : '',
      ),
    ]);
  return dataTable({ caption: title, heading: [x.name, ...series.map(({ name }) => name)], rows });
}

function shown({ text, exact = text }: Pick<Axis, 'text' | 'exact'>, value: number): string {
  return exact(value);
}

function dashOf(index: number): string {
  return DASHES[index % DASHES.length] as string;
}

function markerOf(index: number): string {
  return MARKERS[index % MARKERS.length] as string;
}

function fixed(value: number): number {
  return Number(value.toFixed(1));
}
