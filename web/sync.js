// Keeps the replica at the server's head: one Sync at a time, again while there is more, when nudged, and when a page
// does not continue what is here.

import { Backoff } from './backoff.js';
import { Lost, Refused } from './refusals.js';

// What came is handed back so soon: others are told that it was delivered, and one heartbeat does for all that came till then.
const HAND_BACK_MS = 1_000;

export class Sync {
  #connection;
  #replica;
  #handlers;
  #wanted = false;
  #open = false;
  #timer = 0;
  #hand_back_timer = 0;
  #backoff = new Backoff();

  // Handlers: entries(entries) after each page that brought something, caught_up() when nothing more is waiting.
  constructor(connection, replica, handlers) {
    this.#connection = connection;
    this.#replica = replica;
    this.#handlers = handlers;
  }

  // Something may have changed.
  want() {
    this.#wanted = true;
    this.#run();
  }

  // A page that was not asked for.
  push(page) {
    this.#take(page, false);
  }

  async #run() {
    if (!this.#wanted || this.#open || this.#connection.state !== 'online') return;
    clearTimeout(this.#timer);
    this.#wanted = false;
    this.#open = true;
    let page;
    try {
      ({ page } = await this.#connection.request({ sync: {} }));
    } catch (error) {
      // After the end of a connection the next greeting begins anew.
      if (error instanceof Refused) this.#want_later(error.retry_after_ms);
      else if (!(error instanceof Lost)) throw error;
    } finally {
      this.#open = false;
    }
    if (page) this.#take(page, true);
    this.#run();
  }

  #take(page, asked) {
    const { applied, entries } = this.#replica.take(page, asked);
    if (!applied) {
      // After a push this is the common race; an answer that does not fit is not asked for again in a tight loop.
      if (asked) this.#want_later(0);
      else this.want();
      return;
    }
    this.#backoff.reset();
    this.#connection.progressed();
    if (page.snapshot) {
      this.#hand_back_timer ||= setTimeout(() => this.#hand_back(), HAND_BACK_MS);
      this.#handlers.entries(entries);
    }
    if (page.more) return this.want();
    this.#handlers.caught_up();
    if (page.handBack) this.#hand_back();
  }

  // Every request carries the newest snapshot; this one has nothing else to say.
  #hand_back() {
    clearTimeout(this.#hand_back_timer);
    this.#hand_back_timer = 0;
    this.#connection.request({ heartbeat: {} }).catch(() => {});
  }

  #want_later(least_ms) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.want(), least_ms + this.#backoff.next());
  }
}
