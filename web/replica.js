// The tab's copy of what the server keeps for this device, and the one rule by which pages are applied to it.
//
// It lives in memory only: a plain page, not the durable client. A reload begins again with the empty snapshot. The
// state kinds (account, contacts, conversations) are then told in full, but messages are not: those that were handed
// back may be gone from the chain, which says so by a gap, and the chain of a later device begins at its sign-in. What
// is missing is fetched by seq, see ChatHistory.

import { continues } from './snapshot.js';

export const KIND_ACCOUNT = 1;
export const KIND_CONTACTS = 2;
export const KIND_CONVERSATIONS = 3;

// Messages that are kept of one conversation. Above it the oldest leave the memory of this tab; the server has them.
const ENTRIES_PER_CONVERSATION_MAX = 5_000;

export class Replica {
  snapshot = '';
  // There may be messages that no page will tell: at the beginning, and again after a rebuild or a gap.
  lacks_messages = true;
  // Items are being told anew: those that were not told again when that is complete are gone.
  #rebuilding = false;
  // Conversations that were here when a rebuild began, and were not named as valid since: after the server's store was put
  // back, what is not of its history goes.
  #doubtful = new Set();
  // kind → key → { value, old }
  #items = new Map();
  // conversation id → entries in the order of their seq
  #conversations = new Map();

  // Applies a page; `asked` says that it answers our own Sync. All or nothing, as nothing here waits.
  // Returns { applied, entries }: whether the page was taken, and the messages that are new by it.
  take(page, asked) {
    const rebuild = asked && page.rebuild !== undefined;
    if (!rebuild && (page.rebuild !== undefined || !continues(page.base, this.snapshot))) {
      return { applied: false, entries: [] };
    }
    if (!page.snapshot) return { applied: true, entries: [] };
    if (rebuild) {
      this.#begin_rebuild([...this.#items.keys()]);
      this.#doubtful = new Set(this.#conversations.keys());
    }
    this.#drop_lost(page);
    for (const item of page.items ?? []) this.#put(item);
    const entries = (page.entries ?? []).map(entry_of).filter((entry) => this.add(entry));
    if (page.complete && this.#rebuilding) this.#end_rebuild();
    // After what is complete with this page: from here on the conversations are told anew.
    if (page.messagesGap) this.#begin_rebuild([KIND_CONVERSATIONS]);
    this.snapshot = page.snapshot;
    return { applied: true, entries };
  }

  // Another device of the same person goes on with what is known. Its snapshot is not continued, but says of which life
  // of the server this is: the rebuild that answers it drops what is gone.
  restart() {
    this.lacks_messages = true;
  }

  // Puts a message into its place; false if it is there already. What was told last stands.
  add(entry) {
    const entries = this.#entries_of(entry.conversation_id);
    let place = entries.length;
    while (place > 0 && entries[place - 1].seq > entry.seq) place -= 1;
    if (place > 0 && entries[place - 1].seq === entry.seq) {
      entries[place - 1] = entry;
      return false;
    }
    entries.splice(place, 0, entry);
    if (entries.length > ENTRIES_PER_CONVERSATION_MAX) entries.shift();
    return true;
  }

  // Whether there is room for no more messages of a conversation.
  is_full(conversation_id) {
    return this.entries(conversation_id).length >= ENTRIES_PER_CONVERSATION_MAX;
  }

  // Forgets the messages of a conversation that lie below a hole, if there is one below `seq`.
  forget_below_hole(conversation_id, seq) {
    const entries = this.entries(conversation_id);
    let place = entries.findIndex((entry) => entry.seq >= seq);
    while (place > 0 && entries[place - 1].seq === entries[place].seq - 1n) place -= 1;
    if (place > 0) entries.splice(0, place);
  }

  item(kind, key) {
    return this.#items.get(kind)?.get(key)?.value;
  }

  // All values of a kind.
  items(kind) {
    return [...(this.#items.get(kind)?.values() ?? [])].map((item) => item.value);
  }

  entries(conversation_id) {
    return this.#conversations.get(conversation_id) ?? [];
  }

  conversation_ids() {
    return [...this.#conversations.keys()];
  }

  #put({ kind, key, deleted, value }) {
    if (!this.#items.has(kind)) this.#items.set(kind, new Map());
    if (deleted) this.#items.get(kind).delete(key);
    else this.#items.get(kind).set(key, { value: JSON.parse(value), old: false });
  }

  #entries_of(conversation_id) {
    if (!this.#conversations.has(conversation_id)) this.#conversations.set(conversation_id, []);
    return this.#conversations.get(conversation_id);
  }

  #drop_lost(page) {
    for (const { conversationId, seq } of page.valid ?? []) {
      this.#doubtful.delete(conversationId);
      const kept = this.entries(conversationId).filter((entry) => entry.seq <= BigInt(seq ?? 0));
      if (this.#conversations.has(conversationId)) this.#conversations.set(conversationId, kept);
    }
    if (!page.validComplete) return;
    for (const conversation_id of this.#doubtful) this.#conversations.delete(conversation_id);
    this.#doubtful.clear();
  }

  #begin_rebuild(kinds) {
    this.#rebuilding = true;
    this.lacks_messages = true;
    for (const kind of kinds) for (const item of this.#items.get(kind)?.values() ?? []) item.old = true;
  }

  #end_rebuild() {
    this.#rebuilding = false;
    for (const items of this.#items.values()) {
      for (const [key, item] of items) if (item.old) items.delete(key);
    }
  }
}

// An entry of the wire in the page's terms. Seqs are 64 bits wide: BigInt. `text` undefined: of a later level.
export function entry_of(entry) {
  return {
    conversation_id: entry.conversationId,
    seq: BigInt(entry.seq),
    sender_id: entry.senderId,
    sent_at_ms: Number(entry.sentAtMs ?? 0),
    client_message_id: entry.clientMessageId ?? '',
    text: entry.text,
  };
}
