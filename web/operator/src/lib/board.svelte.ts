// The curves of a page over the window that somebody chooses.

import type { Board } from './curves';
import { FigureSource, type Figures } from './figures';
import { HOUR, type Window } from './windows';

export class ShownBoard {
  window = $state.raw<Window>(HOUR);
  /** Nothing before the first answer. */
  figures = $state.raw<Figures | null>(null);
  #board: Board;
  #source: FigureSource;

  constructor(board: Board) {
    this.#board = board;
    this.#source = new FigureSource(board, HOUR);
  }

  /** What is shown stays until the new window is read. */
  choose(window: Window): void {
    this.window = window;
    this.#source = new FigureSource(this.#board, window);
  }

  async read(until_ms: number): Promise<void> {
    const asked = this.#source;
    const figures = await asked.read(until_ms);
    // Another window may have been chosen meanwhile.
    if (asked === this.#source) this.figures = figures;
  }
}
