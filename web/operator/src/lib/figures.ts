// All figures of the overview, as of one minute: the window that is shown, earlier times beside it, and today.

import { points_of, running_minute } from './ask_points';
import * as ids from './ids';
import { laid_over, type Line } from './lines';
import type { Points, Stretches } from './points';
import { CURVES, type Curve } from './curves';
import { DAY_MS, midnight, type Window } from './windows';

export interface DrawnLine {
  label: string;
  values: Line;
  /** One of an earlier time, drawn pale: 1 for the first, 2 for the next. 0 for the time that is shown. */
  earlier: 0 | 1 | 2;
}

export interface DrawnCurve {
  curve: Curve;
  /** Beginnings of the stretches, s since 1970, as charts have them. */
  times_s: number[];
  lines: DrawnLine[];
}

/** Today so far, and the same part of an earlier day. */
export interface Days {
  today: Stretches;
  yesterday: Stretches;
  last_week: Stretches;
}

export interface Figures {
  window: Window;
  points: Stretches;
  curves: DrawnCurve[];
  days: Days;
  /** End of the newest minute that is shown. */
  until_ms: number;
}

/** Remembers what was read, so that a refresh asks for the newest only. */
export class FigureSource {
  #window: Window;
  #shown = points_of(ids.OVERVIEW);
  #earlier: Points[];
  #today = points_of(ids.OF_A_DAY);
  #yesterday = points_of(ids.OF_A_DAY);
  #last_week = points_of(ids.OF_A_DAY);

  constructor(window: Window) {
    this.#window = window;
    this.#earlier = window.compared.map(() => points_of(ids.COMPARED));
  }

  async read(): Promise<Figures> {
    const until_ms = await running_minute();
    const from_ms = until_ms - this.#window.length_ms;
    const earlier = this.#window.compared.map(({ shift_ms }, place) =>
      (this.#earlier[place] ?? points_of(ids.COMPARED)).of(from_ms - shift_ms, until_ms - shift_ms),
    );
    const [points, days, ...before] = await Promise.all([
      this.#shown.of(from_ms, until_ms),
      this.#days(until_ms),
      ...earlier,
    ]);
    const curves = CURVES.map((curve) => drawn(curve, this.#window, points, before));
    return { window: this.#window, points, curves, days, until_ms };
  }

  async #days(until_ms: number): Promise<Days> {
    // In the first minute of a day there is nothing of it yet, and a question has to have a minute.
    const from_ms = midnight(until_ms - 1);
    const [today, yesterday, last_week] = await Promise.all([
      this.#today.of(from_ms, until_ms),
      this.#yesterday.of(from_ms - DAY_MS, until_ms - DAY_MS),
      this.#last_week.of(from_ms - 7 * DAY_MS, until_ms - 7 * DAY_MS),
    ]);
    return { today, yesterday, last_week };
  }
}

function drawn(curve: Curve, window: Window, points: Stretches, before: readonly Stretches[]): DrawnCurve {
  const times_s = points.minutes.map((_, place) => (points.from_ms + place * points.step_ms) / 1000);
  const lines: DrawnLine[] = curve.lines.map(({ label, measure }) => ({ label, values: measure(points), earlier: 0 }));
  const compared = curve.compared === undefined ? undefined : curve.lines[curve.compared];
  if (compared !== undefined) {
    for (const [place, stretches] of before.entries()) {
      const at = window.compared[place];
      if (at === undefined) continue;
      const values = laid_over(compared.measure(stretches), stretches, points, at.shift_ms);
      const label = curve.lines.length > 1 ? `${compared.label}, ${at.text}` : at.text;
      lines.push({ label, values, earlier: at.text === 'yesterday' ? 1 : 2 });
    }
  }
  return { curve, times_s, lines };
}
