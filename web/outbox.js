// Messages that the server has not answered yet. Each keeps its id, day and target until it is answered, also across
// connections and a reload of the page; sending it twice is harmless by that.

import { Backoff } from './backoff.js';
import { DAY_OUTSIDE_WINDOW, Lost, Refused } from './refusals.js';
import { newClientMessageId } from './snapshot.js';

// Unanswered messages of this tab. One more is not taken: the composer says so and keeps its text.
const MESSAGES_MAX = 100;

export class Outbox {
  #connection;
  #session;
  #handlers;
  #sending = null;
  #timer = 0;
  #backoff = new Backoff();
  #day = 0;

  // Handlers: sent(message, answer), changed().
  constructor(connection, session, handlers) {
    this.#connection = connection;
    this.#session = session;
    this.#handlers = handlers;
  }

  // Messages in the order in which they were written. `refusal` tells why one is not tried any more, `delay` why one is
  // tried again later.
  get messages() {
    return this.#session.outbox;
  }

  is_full() {
    return this.messages.length >= MESSAGES_MAX;
  }

  // Takes a message to a user and sends it as soon as that is possible.
  add(user_id, text, shown_seq) {
    // The day is that of the first attempt.
    const message = { id: newClientMessageId(), day: 0, user_id, text, shown_seq, written_at_ms: Date.now(), refusal: '', delay: '' };
    this.messages.push(message);
    this.#store();
    this.#run();
  }

  // Tries a refused message again. Nothing of it was stored, so it may keep its id, unless its day is what was refused.
  retry(id) {
    const message = this.messages.find((one) => one.id === id);
    if (!message) return;
    if (message.refusal_code === DAY_OUTSIDE_WINDOW) Object.assign(message, { id: newClientMessageId(), day: 0 });
    message.refusal = '';
    this.#store();
    this.#run();
  }

  // Forgets a message: it was dropped by its writer, or came back from the server.
  remove(id) {
    const place = this.messages.findIndex((message) => message.id === id);
    if (place < 0) return;
    this.messages.splice(place, 1);
    this.#store();
  }

  // The server's day number.
  day(day) {
    this.#day = day;
  }

  // The connection was greeted: what was unanswered is sent again, oldest first.
  resume() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#run();
  }

  // One message at a time, so that the order of writing holds also when one is refused or the connection breaks.
  async #run() {
    const message = this.messages.find((one) => !one.refusal);
    if (!message || this.#sending || this.#timer || this.#connection.state !== 'online') return;
    this.#sending = message;
    try {
      // Stored before it is tried: an answer that is lost must find the same id and day again.
      message.day ||= this.#day;
      this.#session.save();
      const { sent } = await this.#connection.request({ send: send_of(message) });
      this.#backoff.reset();
      this.remove(message.id);
      this.#handlers.sent(message, sent);
    } catch (error) {
      // After the end of a connection the next greeting sends it again.
      if (error instanceof Refused) this.#refused(message, error);
      else if (!(error instanceof Lost)) throw error;
    } finally {
      this.#sending = null;
    }
    this.#run();
  }

  #refused(message, error) {
    if (error.retry) {
      message.delay = error.message;
      this.#timer = setTimeout(() => this.resume(), error.retry_after_ms + this.#backoff.next());
    } else Object.assign(message, { refusal: error.message, refusal_code: error.code, delay: '' });
    this.#store();
  }

  #store() {
    this.#session.save();
    this.#handlers.changed();
  }
}

function send_of({ id, day, user_id, text, shown_seq }) {
  return { clientMessageId: id, day, userId: user_id, text, shownSeq: shown_seq };
}
