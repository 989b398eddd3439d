// What this tab remembers across a reload, in sessionStorage: who is signed in, the messages that the server has not
// answered yet, and how far each conversation was shown. sessionStorage belongs to one tab, so each tab is a device of
// its own and two windows of one browser can be two people.

const KEY = 'highwater';
const NOBODY = { token: '', user_id: '', name: '', outbox: [], shown: {} };

export class Session {
  #storage;
  #value;

  constructor(storage = sessionStorage) {
    this.#storage = storage;
    this.#value = { ...structuredClone(NOBODY), ...read(storage) };
  }

  get token() { return this.#value.token; }
  get user_id() { return this.#value.user_id; }
  get name() { return this.#value.name; }

  // Unanswered messages, in the order in which they were written. See Outbox.
  get outbox() { return this.#value.outbox; }

  // Newest seq (decimal) that was shown, by conversation id.
  get shown() { return this.#value.shown; }

  // Takes up what signing in answered. The unsent messages stay if it is the same person as before.
  signed_in({ token, user_id, name }) {
    const before = this.#value.user_id === user_id ? this.#value : structuredClone(NOBODY);
    this.#value = { ...before, token, user_id, name };
    this.save();
  }

  // The token is dead. Who it was and what is unsent stays, for signing in again.
  token_ended() {
    this.#value.token = '';
    this.save();
  }

  forget() {
    this.#value = structuredClone(NOBODY);
    this.save();
  }

  // Writes what was changed in `outbox` and `shown`. A full or forbidden storage is survived: then a reload forgets.
  save() {
    try {
      this.#storage.setItem(KEY, JSON.stringify(this.#value));
    } catch (error) {
      console.warn('nothing can be kept across a reload', error);
    }
  }
}

function read(storage) {
  try {
    return JSON.parse(storage.getItem(KEY)) ?? {};
  } catch {
    return {};
  }
}
