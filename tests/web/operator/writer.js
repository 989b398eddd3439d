// Somebody who writes one message after the other, whatever is answered.

import { sleep } from '../checks.js';

export class Writer {
  taken = 0;
  refused = 0;
  #is_ended = false;
  #writing;

  // `between_ms` passes behind each answer.
  constructor(people, token, to, between_ms) {
    this.#writing = this.#write(people, token, to, between_ms);
  }

  async end() {
    this.#is_ended = true;
    await this.#writing;
  }

  async #write(people, token, to, between_ms) {
    while (!this.#is_ended) {
      const { sent } = await people.try_to_say(token, to, 'and on');
      if (sent) this.taken += 1;
      else this.refused += 1;
      await sleep(between_ms);
    }
  }
}
