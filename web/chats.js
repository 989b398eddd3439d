// What the views show, computed from the replica, the outbox and what was looked up: one chat per other person.

import { KIND_ACCOUNT, KIND_CONTACTS, KIND_CONVERSATIONS } from './replica.js';

export class Chats {
  #replica;
  #outbox;
  #session;
  #ticks;
  // user id → name of people found by name, until they are contacts.
  #found = new Map();

  constructor(replica, outbox, session, ticks) {
    this.#replica = replica;
    this.#outbox = outbox;
    this.#session = session;
    this.#ticks = ticks;
  }

  // Somebody was found by name; there may be no conversation yet.
  found(user_id, name) {
    this.#found.set(user_id, name);
  }

  own_name() {
    return this.#replica.item(KIND_ACCOUNT, 'me')?.name ?? this.#session.name;
  }

  // Name of a user, or '' while it is unknown.
  name_of(user_id) {
    const name = this.#replica.item(KIND_CONTACTS, user_id)?.name ?? this.#found.get(user_id);
    if (user_id === this.#session.user_id) return `${this.own_name()} (you)`;
    return name ?? '';
  }

  // Contacts who are people: { user_id, name }, by name. A group is a contact whose conversation has the same number.
  people() {
    const is_group = (user_id) => this.#replica.item(KIND_CONVERSATIONS, user_id)?.peerId === user_id;
    const contacts = this.#replica.items(KIND_CONTACTS).filter(({ userId }) => !is_group(userId) && userId !== this.#session.user_id);
    const people = contacts.map(({ userId, name }) => ({ user_id: userId, name }));
    return people.sort((one, other) => one.name.localeCompare(other.name));
  }

  // All chats, the one with the newest message first: { user_id, name, last, unread }.
  list() {
    const conversations = this.#conversations_by_peer();
    const people = new Set([...this.#found.keys(), ...conversations.keys()]);
    for (const message of this.#outbox.messages) people.add(message.user_id);
    // A group that one belongs to no more has neither a name nor a conversation.
    for (const [user_id, id] of conversations) {
      if (!this.name_of(user_id) && !this.#replica.item(KIND_CONVERSATIONS, id)) people.delete(user_id);
    }
    const chats = [...people].map((user_id) => this.#chat(user_id, conversations.get(user_id)));
    // What was looked up and not written to yet stands on top.
    return chats.sort((one, other) => at_ms(other) - at_ms(one) || one.name.localeCompare(other.name));
  }

  // Messages with a person in order: { key, own, text, at_ms, state, tick, id, note }, state being sent, pending, delayed or
  // refused, and tick, of an own one that was sent, sent, delivered or read. The key stays when a message of the outbox becomes one of the conversation.
  messages(user_id) {
    const conversation_id = this.conversation_with(user_id);
    const told = conversation_id ? this.#replica.entries(conversation_id).map((entry) => this.#told(entry)) : [];
    const waiting = this.#outbox.messages.filter((message) => message.user_id === user_id).map(waiting_message);
    return told.concat(waiting);
  }

  // Newest seq of a chat that was shown, decimal; '0' when none.
  shown_seq(user_id) {
    return this.#session.shown[this.conversation_with(user_id)] ?? '0';
  }

  // Conversation of a chat, and seqs of its newest message and of the newest own one, 0 when there is none. Own messages to
  // oneself have no ticks, nor have those of a group, whose contact has the number of the conversation.
  newest(user_id) {
    const conversation_id = user_id ? this.conversation_with(user_id) ?? '' : '';
    const entries = conversation_id ? this.#replica.entries(conversation_id) : [];
    const is_own = (entry) => entry.sender_id === this.#session.user_id;
    const has_ticks = conversation_id !== user_id && user_id !== this.#session.user_id;
    const own = has_ticks ? entries.findLast(is_own) : undefined;
    return { conversation_id, newest: entries.at(-1)?.seq ?? 0n, own: own?.seq ?? 0n };
  }

  // Everything of a chat was shown.
  mark_shown(user_id) {
    const conversation_id = this.conversation_with(user_id);
    const newest = conversation_id && this.#replica.entries(conversation_id).at(-1);
    if (!newest || BigInt(this.#session.shown[conversation_id] ?? 0) >= newest.seq) return;
    this.#session.shown[conversation_id] = String(newest.seq);
    this.#session.save();
  }

  #chat(user_id, conversation_id) {
    const entries = this.#replica.entries(conversation_id);
    const waiting = this.#outbox.messages.findLast((message) => message.user_id === user_id);
    const last = waiting ? waiting_message(waiting) : entries.length > 0 ? this.#told(entries.at(-1)) : undefined;
    const shown = BigInt(this.#session.shown[conversation_id] ?? 0);
    const newest = entries.findLast((entry) => entry.sender_id !== this.#session.user_id);
    return { user_id, name: this.name_of(user_id), last, unread: newest !== undefined && newest.seq > shown };
  }

  // A message may come before the item of its conversation; then its sender tells who the other one is.
  #peer_of(conversation_id) {
    const item = this.#replica.item(KIND_CONVERSATIONS, conversation_id);
    const others = () => this.#replica.entries(conversation_id).find((entry) => entry.sender_id !== this.#session.user_id);
    return item?.peerId ?? others()?.sender_id;
  }

  // Id of the conversation with a person; undefined before its first message.
  conversation_with(user_id) {
    return this.#conversations_by_peer().get(user_id);
  }

  #conversations_by_peer() {
    const told = this.#replica.items(KIND_CONVERSATIONS).map((conversation) => conversation.conversationId);
    const ids = new Set([...told, ...this.#replica.conversation_ids()]);
    const by_peer = new Map([...ids].map((id) => [this.#peer_of(id), id]));
    by_peer.delete(undefined);
    return by_peer;
  }

  #told(entry) {
    const own = entry.sender_id === this.#session.user_id;
    return {
      key: entry.client_message_id || `${entry.conversation_id}/${entry.seq}`,
      own,
      text: entry.text ?? '(a message that this page cannot show)',
      at_ms: entry.sent_at_ms,
      state: 'sent',
      tick: own ? this.#ticks.of(entry.conversation_id, entry.seq) : '',
      note: '',
    };
  }
}

// Time of a chat's newest message; the end of time for a chat without one.
function at_ms(chat) {
  return chat.last?.at_ms ?? Number.MAX_SAFE_INTEGER;
}

function waiting_message({ id, text, written_at_ms, refusal, delay }) {
  const state = refusal ? 'refused' : delay ? 'delayed' : 'pending';
  return { key: id, id, own: true, text, at_ms: written_at_ms, state, tick: '', note: refusal || delay };
}
