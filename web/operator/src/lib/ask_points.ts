// Asking the server for points.

import { get } from './ask';
import type { Range } from './ids';
import { Points, type Answer, type Question } from './points';

const question: Question = ([first, last], from_ms, to_ms) =>
  get<Answer>(`/v1/points?ids=${first}-${last}&from_ms=${from_ms}&to_ms=${to_ms}`);

/** Points of some ids, of which nothing is known yet. */
export const points_of = (ranges: readonly Range[]): Points => new Points(ranges, question);

/** Beginning of the minute that runs now, by the server's clock. */
export async function running_minute(): Promise<number> {
  const { from_ms, step_ms, steps } = await get<Answer>('/v1/points?ids=0');
  return from_ms + steps * step_ms;
}
