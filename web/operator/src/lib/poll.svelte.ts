// Refreshing by itself, only while somebody can see it, one question at a time.

import { AskFault, said } from './ask';
import { wait_ms } from './refresh';

export class Poll {
  /** When the figures were asked for that are shown, ms since 1970; nothing before the first answer. */
  fresh_ms = $state<number | null>(null);
  /** Why the last try failed; nothing if it did not. */
  fault = $state<string | null>(null);
  #look: () => Promise<void>;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #is_asking = false;
  #again = false;
  #ended = false;

  constructor(look: () => Promise<void>) {
    this.#look = look;
  }

  /** Starts it; what is returned ends it. */
  run(): () => void {
    const seen = () => {
      if (document.visibilityState === 'visible') void this.now();
    };
    document.addEventListener('visibilitychange', seen);
    void this.now();
    return () => {
      this.#ended = true;
      clearTimeout(this.#timer);
      document.removeEventListener('visibilitychange', seen);
    };
  }

  /** At once; when it is being asked for just now, once more behind that. */
  async now(): Promise<void> {
    clearTimeout(this.#timer);
    if (this.#is_asking) {
      this.#again = true;
      return;
    }
    this.#is_asking = true;
    const asked_ms = Date.now();
    try {
      await this.#look();
      this.fresh_ms = asked_ms;
      this.fault = null;
    } catch (fault) {
      // Without a token there is nothing to be refreshed; the page asks for one.
      if (!(fault instanceof AskFault && fault.status === 401)) this.fault = said(fault);
    }
    this.#is_asking = false;
    if (this.#ended) return;
    if (this.#again) {
      this.#again = false;
      return this.now();
    }
    this.#timer = setTimeout(() => {
      if (document.visibilityState === 'visible') void this.now();
    }, wait_ms(Date.now()));
  }
}
