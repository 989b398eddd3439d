// Whether the other one has received and read what was written here, and that one is told what is read here. Only of the
// chat that is open and in sight; nothing of it is kept.

// The page speaks level 1, which is told no hints: while something is not read it asks again, after the first of these and
// then twice as long each time, as long as nothing happens in the chat.
const ASK_AGAIN_MS = 1_000;
const ASK_AGAIN_MAX_MS = 30_000;

// What is shown is said to be read when the reader comes to rest.
const READ_REST_MS = 500;

export class Ticks {
  #connection;
  #changed;
  // The chat in sight: its conversation, and seqs (BigInt) of its newest message and of the newest own one.
  #shown = { conversation_id: '', newest: 0n, own: 0n };
  // conversation id → { delivered, read }, seqs
  #known = new Map();
  // conversation id → newest seq that was said to be read
  #told_read = new Map();
  #ask_again_ms = ASK_AGAIN_MS;
  #ask_timer = 0;
  #read_timer = 0;

  // `changed()` is called when a message may have another tick.
  constructor(connection, changed) {
    this.#connection = connection;
    this.#changed = changed;
  }

  // This is in sight now; '' for nothing.
  show(conversation_id, newest, own) {
    const before = this.#shown;
    this.#shown = { conversation_id, newest, own };
    const opens = conversation_id !== before.conversation_id;
    if (opens || newest > before.newest) this.#ask_anew();
    if (opens) clearTimeout(this.#read_timer);
    if (opens || newest > before.newest) this.#say_read_soon();
  }

  // Another connection: what happened before it was told to nobody.
  connected() {
    this.#told_read.clear();
    this.#ask_anew();
    this.#say_read_soon();
  }

  // A hint, or part of an answer.
  take({ conversationId, deliveredSeq, readSeq }) {
    const before = this.#known.get(conversationId) ?? { delivered: 0n, read: 0n };
    const delivered = greater(before.delivered, BigInt(deliveredSeq ?? 0));
    const read = greater(before.read, BigInt(readSeq ?? 0));
    if (delivered === before.delivered && read === before.read) return;
    this.#known.set(conversationId, { delivered, read });
    this.#ask_again_ms = ASK_AGAIN_MS;
    this.#changed();
  }

  // What became of an own message: sent, delivered or read.
  of(conversation_id, seq) {
    const known = this.#known.get(conversation_id);
    if (!known || seq > greater(known.delivered, known.read)) return 'sent';
    return seq <= known.read ? 'read' : 'delivered';
  }

  #ask_anew() {
    this.#ask_again_ms = ASK_AGAIN_MS;
    this.#ask();
  }

  async #ask() {
    clearTimeout(this.#ask_timer);
    const { conversation_id, own } = this.#shown;
    if (!conversation_id || own === 0n || this.of(conversation_id, own) === 'read') return;
    // While there is no connection, or no answer, it is asked again all the same.
    this.#ask_timer = setTimeout(() => this.#ask(), this.#ask_again_ms);
    this.#ask_again_ms = Math.min(2 * this.#ask_again_ms, ASK_AGAIN_MAX_MS);
    try {
      const { watermarks } = await this.#connection.request({ askWatermarks: { conversationId: conversation_id } });
      for (const watermark of watermarks?.watermarks ?? []) this.take(watermark);
    } catch {
      // Lost or refused: nothing is known.
    }
  }

  #say_read_soon() {
    clearTimeout(this.#read_timer);
    this.#read_timer = setTimeout(() => this.#say_read(), READ_REST_MS);
  }

  async #say_read() {
    const { conversation_id, newest } = this.#shown;
    if (!conversation_id || newest <= (this.#told_read.get(conversation_id) ?? 0n)) return;
    this.#told_read.set(conversation_id, newest);
    try {
      await this.#connection.request({ markRead: { conversationId: conversation_id, seq: String(newest) } });
    } catch {
      // The next message that is shown, or the next connection, says it again.
      this.#told_read.delete(conversation_id);
    }
  }
}

function greater(one, other) {
  return one > other ? one : other;
}
