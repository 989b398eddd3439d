// Full jitter: after the n-th failure in a row a random time between 0 and min(30 s, 200 ms × 2^n).
// Source: the protocol, section 8.

const FIRST_MS = 200;
const MAX_MS = 30_000;

export class Backoff {
  #failures = 0;

  // Counts one more failure in a row and says how long to wait, milliseconds.
  next(random = Math.random) {
    const limit_ms = Math.min(MAX_MS, FIRST_MS * 2 ** this.#failures);
    // Above this the limit stays the same, and 2^n must not grow beyond all numbers.
    this.#failures = Math.min(this.#failures + 1, 16);
    return random() * limit_ms;
  }

  reset() {
    this.#failures = 0;
  }
}
