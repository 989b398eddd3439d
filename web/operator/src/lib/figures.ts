// The figures of a page of curves, as of one minute: the window that is shown, and earlier times beside it.

import { points_of } from './ask_points';
import { laid_over, type Line } from './lines';
import type { Points, Stretches } from './points';
import type { Board, Curve } from './curves';
import type { Window } from './windows';

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

/** The curves of a board over a window. */
export interface Figures {
  window: Window;
  points: Stretches;
  curves: DrawnCurve[];
}

/** Remembers what was read, so that a refresh asks for the newest only. */
export class FigureSource {
  #board: Board;
  #window: Window;
  #shown: Points;
  #earlier: Points[];

  constructor(board: Board, window: Window) {
    this.#board = board;
    this.#window = window;
    this.#shown = points_of(board.ids);
    this.#earlier = window.compared.map(() => points_of(board.compared));
  }

  /** As of the minute that ends the window. */
  async read(until_ms: number): Promise<Figures> {
    const from_ms = until_ms - this.#window.length_ms;
    const earlier = this.#window.compared.map(({ shift_ms }, place) =>
      (this.#earlier[place] ?? points_of(this.#board.compared)).of(from_ms - shift_ms, until_ms - shift_ms),
    );
    const [points, ...before] = await Promise.all([this.#shown.of(from_ms, until_ms), ...earlier]);
    const curves = this.#board.curves.map((curve) => drawn(curve, this.#window, points, before));
    return { window: this.#window, points, curves };
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
