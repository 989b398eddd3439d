// What the pages do not tell: a tab that begins anew, and a device that signed in later, find the messages from before by
// seq. Of each conversation the newest are fetched at once, earlier ones when somebody asks for them.

import { Backoff } from './backoff.js';
import { Lost, Refused } from './refusals.js';
import { entry_of } from './replica.js';

// Messages of one conversation that are fetched at once, and that each wish for earlier ones brings.
const STEP = 50n;

export class ChatHistory {
  #connection;
  #replica;
  #changed;
  // conversation id → seq of the oldest message that the server can still tell
  #oldest = new Map();
  // Conversations of which earlier messages are being fetched.
  #fetching = new Set();
  #repairing = false;
  #timer = 0;
  #backoff = new Backoff();

  // `changed(entries)` is called with the messages that are new by each answer.
  constructor(connection, replica, changed) {
    this.#connection = connection;
    this.#replica = replica;
    this.#changed = changed;
  }

  // The chain was told to its end. If messages may be missing all the same, finds and fetches the newest of them.
  async repair() {
    if (this.#repairing || this.#timer) return;
    this.#repairing = true;
    try {
      while (this.#replica.lacks_messages) {
        // Whoever says so again meanwhile is heard.
        this.#replica.lacks_messages = false;
        await this.#fill_all();
      }
      this.#backoff.reset();
    } catch (error) {
      this.#failed(error);
    } finally {
      this.#repairing = false;
    }
  }

  // Whether the server has earlier messages of a conversation than this tab, and the tab has room for them.
  has_earlier(conversation_id) {
    const [oldest, first] = [this.#oldest.get(conversation_id), this.#replica.entries(conversation_id)[0]];
    return oldest !== undefined && first !== undefined && first.seq > oldest && !this.#replica.is_full(conversation_id);
  }

  // Fetches the messages before the first one that is here. When the connection ends meanwhile, somebody asks again.
  async earlier(conversation_id) {
    if (!this.has_earlier(conversation_id) || this.#fetching.has(conversation_id)) return;
    this.#fetching.add(conversation_id);
    const to = this.#replica.entries(conversation_id)[0].seq - 1n;
    try {
      await this.#fetch(conversation_id, larger(this.#oldest.get(conversation_id), to - STEP + 1n), to);
    } catch (error) {
      if (!(error instanceof Lost || error instanceof Refused)) throw error;
    } finally {
      this.#fetching.delete(conversation_id);
    }
  }

  async #fill_all() {
    let after = '0';
    do {
      const { heads } = await this.#connection.request({ heads: { after } });
      for (const head of heads.heads ?? []) {
        this.#oldest.set(head.conversationId, BigInt(head.oldestSeq ?? 0));
        await this.#fill(head.conversationId, BigInt(head.seq ?? 0));
      }
      after = heads.next ?? '0';
    } while (after !== '0');
    // Also when nothing was missing it is known now what there is before.
    this.#changed([]);
  }

  // Fetches what is missing among the newest messages through `head`. What lies below a hole that remains leaves the tab,
  // so that there is none between two messages that are shown: wishes for earlier ones bring it back.
  async #fill(conversation_id, head) {
    const from = larger(this.#oldest.get(conversation_id), head - STEP + 1n);
    const here = new Set(this.#replica.entries(conversation_id).map((entry) => entry.seq));
    let [first, last] = [from, head];
    while (first <= last && here.has(first)) first += 1n;
    while (last >= first && here.has(last)) last -= 1n;
    if (first <= last) await this.#fetch(conversation_id, first, last);
    this.#replica.forget_below_hole(conversation_id, from);
  }

  async #fetch(conversation_id, from, to) {
    let [next, more] = [from, true];
    while (more && next <= to) {
      const range = { conversationId: conversation_id, fromSeq: String(next), toSeq: String(to) };
      const { entries: list } = await this.#connection.request({ range });
      const told = (list.entries ?? []).map(entry_of);
      this.#changed(told.filter((entry) => this.#replica.add(entry)));
      more = Boolean(list.more) && told.length > 0;
      next = told.length > 0 ? told.at(-1).seq + 1n : next;
    }
  }

  #failed(error) {
    // After the end of a connection the next chain that is told to its end begins anew.
    if (error instanceof Lost) this.#replica.lacks_messages = true;
    else if (!(error instanceof Refused)) throw error;
    else if (error.retry) {
      this.#replica.lacks_messages = true;
      this.#timer = setTimeout(() => {
        this.#timer = 0;
        this.repair();
      }, error.retry_after_ms + this.#backoff.next());
    } else console.warn('the server tells no history', error.code, error.message);
  }
}

function larger(one, other) {
  return one > other ? one : other;
}
