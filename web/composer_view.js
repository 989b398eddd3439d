// The field in which a message is written. Enter sends, Shift+Enter begins a line; while an input method composes,
// Enter belongs to it.

// The server's limit until its greeting tells it. Source: the protocol's example greeting.
const TEXT_BYTES_MAX_DEFAULT = 4_096;

export class ComposerView {
  text_bytes_max = TEXT_BYTES_MAX_DEFAULT;
  #form = document.getElementById('composer');
  #text = document.getElementById('text');
  #refusal = document.getElementById('composer-refusal');
  #user_id = '';
  // Texts that were begun in other chats of this tab, by user id: one each, at most as many as there are chats.
  #drafts = new Map();

  // `send(text)` takes a message, or returns a sentence on why it does not.
  constructor(send) {
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#submit(send);
    });
    this.#text.addEventListener('keydown', (event) => {
      // 229: some browsers end a composition before the key that ended it.
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing || event.keyCode === 229) return;
      event.preventDefault();
      this.#submit(send);
    });
    this.#text.addEventListener('input', () => { this.#refusal.textContent = ''; });
  }

  // Belongs to this chat from now on; '' for none.
  show(user_id) {
    this.#form.hidden = !user_id;
    if (user_id === this.#user_id) return;
    if (this.#text.value) this.#drafts.set(this.#user_id, this.#text.value);
    else this.#drafts.delete(this.#user_id);
    this.#user_id = user_id;
    this.#text.value = this.#drafts.get(user_id) ?? '';
    this.#refusal.textContent = '';
  }

  focus() {
    this.#text.focus();
  }

  #submit(send) {
    const text = this.#text.value;
    if (!text.trim()) return;
    const bytes = new TextEncoder().encode(text).length;
    const too_long = bytes > this.text_bytes_max ? `This message is too long: ${bytes} of at most ${this.text_bytes_max} bytes.` : '';
    this.#refusal.textContent = too_long || send(text) || '';
    if (!this.#refusal.textContent) this.#text.value = '';
    this.#text.focus();
  }
}
