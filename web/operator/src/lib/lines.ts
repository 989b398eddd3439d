// From counted points to what a line shows. Missing is a gap (null) and never 0.

import { LATENCY_BOUNDS_US, type Histogram } from './ids';
import type { Stretches } from './points';

/** A value for each stretch. */
export type Line = (number | null)[];

/** What a line is computed by. */
export type Measure = (points: Stretches) => Line;

const SECONDS_PER_MINUTE = 60;

function by_stretch(points: Stretches, value: (place: number) => number | null): Line {
  return points.minutes.map((minutes, place) => (minutes > 0 ? value(place) : null));
}

function sum_at(points: Stretches, ids: readonly number[], place: number): number | null {
  let sum = 0;
  for (const id of ids) {
    const value = points.values.get(id)?.[place] ?? null;
    if (value === null) return null;
    sum += value;
  }
  return sum;
}

/** What a gauge stood at, or the highest value. */
export const gauge = (id: number): Measure => (points) => by_stretch(points, (place) => sum_at(points, [id], place));

/** The same of a gauge that stands at 0 until its value is known. */
export const gauge_once_known = (id: number): Measure => (points) =>
  gauge(id)(points).map((value) => (value === 0 ? null : value));

/** How often a second: all of these, less what is taken from them, over the minutes that were counted. */
export const rate = (ids: readonly number[], less: readonly number[] = []): Measure => (points) =>
  by_stretch(points, (place) => {
    const [all, taken] = [sum_at(points, ids, place), sum_at(points, less, place)];
    if (all === null || taken === null) return null;
    return (all - taken) / ((points.minutes[place] ?? 1) * SECONDS_PER_MINUTE);
  });

/** The same by the minute. */
export const rate_per_minute = (ids: readonly number[], less: readonly number[] = []): Measure => (points) =>
  rate(ids, less)(points).map((value) => (value === null ? null : value * SECONDS_PER_MINUTE));

/** What share of the values, from 0 to 1, lies at or below; a gap where there were none. */
export const percentile = (histogram: Histogram, share: number): Measure => (points) =>
  by_stretch(points, (place) => {
    const counts = histogram.bands.map((id) => points.values.get(id)?.[place] ?? null);
    if (counts.some((count) => count === null)) return null;
    return percentile_of(counts as number[], points.values.get(histogram.max)?.[place] ?? null, share);
  });

/** Within a band values are taken to lie evenly; none lies above the highest. */
export function percentile_of(counts: readonly number[], highest: number | null, share: number): number | null {
  const all = counts.reduce((sum, count) => sum + count, 0);
  if (all === 0) return null;
  const rank = share * all;
  let below = 0;
  for (const [place, count] of counts.entries()) {
    if (count > 0 && below + count >= rank) {
      const from = LATENCY_BOUNDS_US[place - 1] ?? 0;
      const bound = LATENCY_BOUNDS_US[place] ?? highest ?? from;
      const to = highest === null ? bound : Math.max(from, Math.min(bound, highest));
      return from + ((to - from) * (rank - below)) / count;
    }
    below += count;
  }
  return highest;
}

/** The sum of an id over all stretches; nothing if all are missing. */
export function total(points: Stretches, id: number): number | null {
  return folded(points, id, (sum, value) => sum + value);
}

/** The highest value of an id; nothing if all are missing. */
export function highest(points: Stretches, id: number): number | null {
  return folded(points, id, Math.max);
}

/** The newest value of a line; nothing if the newest stretch is missing. */
export function newest(line: Line | undefined): number | null {
  return line?.at(-1) ?? null;
}

function folded(points: Stretches, id: number, fold: (sum: number, value: number) => number): number | null {
  const values = (points.values.get(id) ?? []).filter((value) => value !== null);
  return values.length === 0 ? null : values.reduce((folded, value) => fold(folded, value));
}

/** A line of another time laid over these stretches, which may be shorter than its own. */
export function laid_over(line: Line, of: Stretches, over: Stretches, shift_ms: number): Line {
  return over.minutes.map((_, place) => {
    const at_ms = over.from_ms + place * over.step_ms - shift_ms;
    return line[Math.floor((at_ms - of.from_ms) / of.step_ms)] ?? null;
  });
}
