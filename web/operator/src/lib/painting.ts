// What a chart is painted with: options for uPlot, from a curve and the colours of the page.

import type uPlot from 'uplot';

import type { DrawnCurve, DrawnLine } from './figures';
import { day_of_year, minute_of_day, shown, type Unit } from './format';
import { colour } from './scheme.svelte';
import { DAY_MS } from './windows';

export const HEIGHT_PX = 150;

/** Charts with this key show the same moment when one of them is pointed at. */
const TOGETHER = 'curves';

/** The name of a line's colour in the style sheet. */
export function tone(lines: readonly DrawnLine[], place: number): string {
  const line = lines[place];
  return line === undefined || line.earlier === 0 ? `series-${place + 1}` : `earlier-${line.earlier}`;
}

/** The lines as they are painted, by their places: what is painted later lies above, and the first is to be seen. */
export function painted_order(lines: readonly DrawnLine[]): number[] {
  return [...lines.keys()].reverse();
}

/** `pointed` is told at which stretch somebody points, or that nobody does. */
export function options(drawn: DrawnCurve, width: number, pointed: (place: number | null) => void): uPlot.Options {
  const { curve, lines, times_s } = drawn;
  const axis = { stroke: colour('soft'), font: '11px system-ui, sans-serif', ticks: { show: false } };
  const grid = { stroke: colour('line'), width: 1 };
  const span_ms = ((times_s.at(-1) ?? 0) - (times_s[0] ?? 0)) * 1000;
  const text = span_ms > 2 * DAY_MS ? day_of_year : minute_of_day;
  return {
    width,
    height: HEIGHT_PX,
    legend: { show: false },
    padding: [8, 18, 0, 0],
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 6 }, sync: { key: TOGETHER } },
    hooks: { setCursor: [(chart) => pointed(chart.cursor.idx ?? null)] },
    scales: {
      x: { time: false },
      // From zero, so that a small change does not look like a large one; a flat line at zero has room above it.
      y: { range: (_, __, highest) => [0, highest > 0 ? highest * 1.08 : 1] },
    },
    axes: [
      { ...axis, grid: { show: false }, size: 26, space: 70, incrs: STEPS_S, values: (_, splits) => splits.map((s) => text(s * 1000)) },
      { ...axis, grid, size: 62, space: 34, ...steps(curve.unit), values: (_, splits) => splits.map((value) => shown(value, curve.unit)) },
    ],
    series: [{}, ...painted_order(lines).map((place) => series(lines[place], colour(tone(lines, place))))],
  };
}

/** Distances between marks of the time axis: from a minute to a week. */
const STEPS_S = [1, 5, 10, 15, 30, 60, 120, 180, 240, 360, 720, 1440, 2880, 7200, 10080].map((minutes) => minutes * 60);

/** Distances between marks of bytes: whole ones of the units in which they are shown. */
const STEPS_BYTES = Array.from({ length: 51 }, (_, power) => 2 ** power);

function steps(unit: Unit): { incrs?: number[] } {
  return unit === 'bytes' || unit === 'bytes_per_second' ? { incrs: STEPS_BYTES } : {};
}

function series(line: DrawnLine | undefined, stroke: string): uPlot.Series {
  return {
    stroke,
    width: line?.earlier === 0 ? 1.5 : 1,
    spanGaps: false,
    // A value between two gaps is no line; it is shown as a point.
    points: { show: false, size: 4, fill: stroke, filter: (chart, number) => alone(chart.data[number] ?? []) },
  };
}

/** Asked when it is painted: the values may be newer than the chart. */
function alone(values: ArrayLike<number | null | undefined>): number[] {
  const is_gap = (place: number) => (values[place] ?? null) === null;
  return Array.from(values, (_, place) => place).filter((place) => !is_gap(place) && is_gap(place - 1) && is_gap(place + 1));
}
