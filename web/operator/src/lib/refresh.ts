// When a page refreshes: every ten seconds, and when a minute has just been judged, so that alarms come soon.

const EVERY_MS = 10_000;

const MINUTE_MS = 60_000;

/** How long behind the end of a minute it is judged at the latest, where the clocks of page and server agree. */
const JUDGED_MS = 2_000;

/** How long to wait for the next refresh, from a time on, ms since 1970. */
export function wait_ms(now_ms: number): number {
  const judged_in_ms = MINUTE_MS - ((now_ms - JUDGED_MS) % MINUTE_MS);
  return Math.min(EVERY_MS, judged_in_ms);
}
