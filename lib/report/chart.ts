import { type Content, type Html, html } from './html.ts';
import { type Flag, flagsOf, heightOf, type Moment, momentLines } from './moments.ts';
import { linearScale, logScale, type Scale, type ScaleOptions } from './scale.ts';
import { dataTable } from './table.ts';

/** A point in the units of the data. */
export interface Point {
  x: number;
  y: number;
  /** Stands for the value in the table and in tooltips, where that needs more than a format. */
  text?: string;
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
  /** Horizontal lines at values to compare with, which the legend names. */
  levels?: ReadonlyArray<{ name: string; y: number }>;
  /** Vertical lines at named places, in any order. Their names stand above the plot, or below it if they are many. */
  moments?: readonly Moment[];
}

/** Size in SVG units; the drawing scales to the available width. */
const SIZE = { width: 440, height: 284 };
const PLOT = { left: 68, right: 412, top: 14, bottom: 230 };

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
  const { id, title, description, note = null, x, series, levels = [], moments = [] } = drawing;
  const places = placesOf(drawing);
  const flags = flagsOf(moments.map((moment) => ({ ...moment, x: places.left(moment.x) })));
  // The names of moments stand above the plot, so they make the drawing higher.
  const above = Math.max(0, heightOf(flags ?? []) - PLOT.top);
  return html`<figure class="chart">
<figcaption>${title}</figcaption>
${series.length > 1 || levels.length > 0 ? legend(series, levels) : null}
<svg viewBox="0 ${-above} ${SIZE.width} ${SIZE.height + above}" role="img" aria-labelledby="${id}-title" aria-describedby="${id}-description">
<title id="${id}-title">${title}</title>
<desc id="${id}-description">${description}</desc>
${drawn(drawing, places, flags)}
</svg>
${flags === null ? html`<p class="note">Vertical lines: ${listOf(moments, x)}.</p>` : null}
${note === null ? null : html`<p class="note">${note}</p>`}
<details><summary>Show as table</summary>${numbers(drawing)}</details>
</figure>`;
}

/** Where the values of a chart lie, in SVG units, and its ticks. */
interface Places {
  across: Scale;
  up: Scale;
  left(value: number): number;
  top(value: number): number;
}

function placesOf({ x, y, series, levels = [] }: Chart): Places {
  const points = series.flatMap((line) => line.points);
  const across = scaleOf(
    { tight: true, ...x },
    points.map((point) => point.x),
  );
  const bands = series.flatMap(({ band = [] }) => band.flatMap(({ low, high }) => [low, high]));
  const up = scaleOf(y, [...points.map((point) => point.y), ...bands, ...levels.map((level) => level.y)]);
  return {
    across,
    up,
    left: (value) => fixed(PLOT.left + across.place(value) * (PLOT.right - PLOT.left)),
    top: (value) => fixed(PLOT.bottom - up.place(value) * (PLOT.bottom - PLOT.top)),
  };
}

function drawn(
  { x, y, series, levels = [], moments = [] }: Chart,
  { across, up, left, top }: Places,
  flags: readonly Flag[] | null,
): Content[] {
  return [
    html`<g class="axis">${up.ticks.map((tick) => horizontal(top(tick), y.text(tick)))}
${across.ticks.map((tick) => html`<text x="${left(tick)}" y="${PLOT.bottom + 22}" text-anchor="middle">${x.text(tick)}</text>`)}
<path d="M${PLOT.left} ${PLOT.bottom}H${PLOT.right}"/>
<text x="${(PLOT.left + PLOT.right) / 2}" y="${SIZE.height - 6}" text-anchor="middle">${x.name}</text></g>`,
    ...momentLines(
      moments.map((moment) => ({ ...moment, x: left(moment.x) })),
      flags,
      PLOT,
    ),
    ...levels.map((level) => html`<path class="level" d="M${PLOT.left} ${top(level.y)}H${PLOT.right}"/>`),
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
          tip: `${line.name}, ${x.name} ${shown(x, point.x)}: ${textOf(point, { ...y, ...line })}`,
        })),
      ),
    ),
  ];
}

/** Moments in words, those of one name together. */
function listOf(moments: readonly Moment[], x: Axis): string {
  const names = [...new Set(moments.map(({ name }) => name))];
  return names
    .map((name) => {
      const places = moments.filter((moment) => moment.name === name).map((moment) => shown(x, moment.x));
      return `${name} (${x.name} ${places.join(', ')})`;
    })
    .join(', ');
}

function scaleOf({ logarithmic, including = [], ...options }: Axis, values: readonly number[]): Scale {
  const all = [...values, ...including];
  return logarithmic ? logScale(all) : linearScale(all, options);
}

function horizontal(y: number, text: string): Html {
  return html`<path class="grid" d="M${PLOT.left} ${y}H${PLOT.right}"/>
<text x="${PLOT.left - 8}" y="${y + 4}" text-anchor="end">${text}</text>`;
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

function legend(series: readonly Series[], levels: NonNullable<Chart['levels']>): Html {
  const entries = [
    ...series.map(({ name }, index) => ({
      name,
      sample: html`<g class="series c${index % COLOURS}"><path class="line" stroke-dasharray="${dashOf(index)}" d="M0 6H36"/><path class="marker" transform="translate(18 6)" d="${markerOf(index)}"/></g>`,
    })),
    ...levels.map(({ name }) => ({ name, sample: html`<path class="level" d="M0 6H36"/>` })),
  ];
  return html`<ul class="legend">${entries.map(
    ({ name, sample }) =>
      html`<li><svg viewBox="0 0 36 12" width="36" height="12" aria-hidden="true">${sample}</svg>${name}</li>`,
  )}</ul>`;
}

/** A table with a row for each x value and a column for each line. */
function numbers({ title, x, y, series }: Chart): Html {
  const places = [...new Set(series.flatMap(({ points }) => points.map((point) => point.x)))];
  const columns = series.map((line) => ({
    line,
    points: new Map(line.points.map((point) => [point.x, point])),
  }));
  const rows = places
    .sort((a, b) => a - b)
    .map((place) => [
      shown(x, place),
      ...columns.map(({ points, line }) => {
        const point = points.get(place);
        return point === undefined ? '' : textOf(point, { ...y, ...line });
      }),
    ]);
  return dataTable({
    caption: title,
    heading: [x.name, ...series.map(({ name }) => name)],
    rows,
    isNarrow: true,
  });
}

function textOf(point: Point, axis: Pick<Axis, 'text' | 'exact'>): string {
  return point.text ?? shown(axis, point.y);
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
