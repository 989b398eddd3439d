// Points of the server's minutes, kept by the page and brought up to date by asking for the newest only.

import type { Range } from './ids';

/** What `GET /v1/points` answers. */
export interface Answer {
  from_ms: number;
  step_ms: number;
  steps: number;
  /** How many minutes of each stretch were counted; 0 where it is missing. */
  minutes: number[];
  series: { id: number; name: string; points: (number | null)[] }[];
  next_id: number | null;
}

/** Some ids over some time. */
export interface Stretches {
  from_ms: number;
  step_ms: number;
  minutes: number[];
  values: ReadonlyMap<number, (number | null)[]>;
}

/** Stretches that are asked for again although they were there: the newest may have gone on. */
const ASKED_AGAIN = 3;

export type Question = (ids: Range, from_ms: number, to_ms: number) => Promise<Answer>;

/** What is known of some ids. */
export class Points {
  #ranges: readonly Range[];
  #ask: Question;
  #known: Stretches | null = null;

  constructor(ranges: readonly Range[], ask: Question) {
    this.#ranges = ranges;
    this.#ask = ask;
  }

  /** The stretches of a time; what is known of it is not asked for again. */
  async of(from_ms: number, to_ms: number): Promise<Stretches> {
    const known = this.#known;
    if (known !== null && known.from_ms <= from_ms && end(known) >= from_ms) {
      const newest_ms = Math.max(from_ms, Math.min(to_ms, end(known)) - ASKED_AGAIN * known.step_ms);
      const more = await this.#read(newest_ms, to_ms);
      // Of a longer time the server may tell longer stretches; they are not mixed.
      if (more.step_ms === known.step_ms) {
        this.#known = joined(known, more, from_ms);
        return this.#known;
      }
    }
    this.#known = await this.#read(from_ms, to_ms);
    return this.#known;
  }

  async #read(from_ms: number, to_ms: number): Promise<Stretches> {
    const answers = (await Promise.all(this.#ranges.map((range) => this.#whole(range, from_ms, to_ms)))).flat();
    const [first] = answers;
    if (first === undefined) throw new Error('nothing was asked for');
    const values = new Map(answers.flatMap(({ series }) => series.map(({ id, points }) => [id, points] as const)));
    return { from_ms: first.from_ms, step_ms: first.step_ms, minutes: first.minutes, values };
  }

  /** An answer has so many ids at most and says where the rest begins. */
  async #whole(range: Range, from_ms: number, to_ms: number): Promise<Answer[]> {
    const answers: Answer[] = [];
    let next: number | null = range[0];
    while (next !== null && next <= range[1]) {
      const answer: Answer = await this.#ask([next, range[1]], from_ms, to_ms);
      answers.push(answer);
      next = answer.next_id;
    }
    return answers;
  }
}

function end(known: Stretches): number {
  return known.from_ms + known.minutes.length * known.step_ms;
}

/** What was known from a time on, with the newer in the place of the older. */
export function joined(known: Stretches, more: Stretches, from_ms: number): Stretches {
  const { step_ms } = known;
  const begin = Math.max(0, Math.floor((from_ms - known.from_ms) / step_ms));
  const behind = Math.round((more.from_ms - known.from_ms) / step_ms);
  const glued = <T>(old: T[] | undefined, newer: T[], none: T): T[] => {
    const kept = old ?? Array.from<T>({ length: behind }).fill(none);
    return [...kept.slice(begin, behind), ...newer];
  };
  const values = new Map<number, (number | null)[]>();
  for (const [id, newer] of more.values) values.set(id, glued(known.values.get(id), newer, null));
  return { from_ms: known.from_ms + begin * step_ms, step_ms, minutes: glued(known.minutes, more.minutes, 0), values };
}
