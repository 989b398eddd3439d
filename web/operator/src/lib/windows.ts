// The windows of time that the overview shows.

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

export interface Window {
  name: 'hour' | 'day' | 'week' | 'month';
  text: string;
  length_ms: number;
  /** Times before it that it is compared with. */
  compared: readonly Earlier[];
}

export interface Earlier {
  text: string;
  shift_ms: number;
}

const YESTERDAY: Earlier = { text: 'yesterday', shift_ms: DAY_MS };
const LAST_WEEK: Earlier = { text: 'last week', shift_ms: 7 * DAY_MS };

export const HOUR: Window = { name: 'hour', text: 'Hour', length_ms: HOUR_MS, compared: [YESTERDAY, LAST_WEEK] };

export const WINDOWS: readonly Window[] = [
  HOUR,
  { name: 'day', text: 'Day', length_ms: DAY_MS, compared: [YESTERDAY, LAST_WEEK] },
  { name: 'week', text: 'Week', length_ms: 7 * DAY_MS, compared: [LAST_WEEK] },
  { name: 'month', text: 'Month', length_ms: 30 * DAY_MS, compared: [] },
];

/** The beginning of the day of a time, UTC. */
export function midnight(ms: number): number {
  return Math.floor(ms / DAY_MS) * DAY_MS;
}
