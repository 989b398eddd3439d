// One question of a page and what became of it. A later question makes an earlier one moot.

import { said } from './ask';

export class Asked<T> {
  answer = $state.raw<T | null>(null);
  fault = $state<string | null>(null);
  is_waiting = $state(false);
  #number = 0;

  clear(): void {
    this.#number += 1;
    this.answer = null;
    this.fault = null;
    this.is_waiting = false;
  }

  async ask(question: () => Promise<T>): Promise<void> {
    this.clear();
    const number = this.#number;
    this.is_waiting = true;
    try {
      const answer = await question();
      if (number === this.#number) this.answer = answer;
    } catch (fault) {
      if (number === this.#number) this.fault = said(fault);
    }
    if (number === this.#number) this.is_waiting = false;
  }
}
