// What the tiles say of a day: today so far, beside the same part of earlier days.

import { points_of } from './ask_points';
import { OF_A_DAY } from './ids';
import type { Stretches } from './points';
import { DAY_MS, midnight } from './windows';

export interface Days {
  today: Stretches;
  yesterday: Stretches;
  last_week: Stretches;
}

/** Remembers what was read, so that a refresh asks for the newest only. */
export class DaySource {
  #today = points_of(OF_A_DAY);
  #yesterday = points_of(OF_A_DAY);
  #last_week = points_of(OF_A_DAY);

  async read(until_ms: number): Promise<Days> {
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
