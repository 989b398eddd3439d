// The list of conversations, and the field by which one is started.

import { short_time_of } from './days.js';

export class ListView {
  #list = document.getElementById('list');
  #buttons = new Map();
  #choose;

  // `choose(user_id)` opens a chat; `start(name)` looks somebody up and throws what the server refused.
  constructor(choose, start) {
    this.#choose = choose;
    this.#list.addEventListener('keydown', (event) => this.#move(event));
    const [form, name, refusal] = ['start', 'start-name', 'start-refusal'].map((id) => document.getElementById(id));
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      refusal.textContent = '';
      if (!name.value.trim()) return;
      try {
        await start(name.value.trim());
        name.value = '';
      } catch (error) {
        refusal.textContent = error.message;
      }
    });
    name.addEventListener('input', () => { refusal.textContent = ''; });
  }

  // Shows the chats in their order; `open` is the user id of the open one.
  show(chats, open) {
    document.getElementById('list-empty').hidden = chats.length > 0;
    const wanted = new Set(chats.map((chat) => chat.user_id));
    for (const [user_id, button] of this.#buttons) {
      if (wanted.has(user_id)) continue;
      button.parentElement.remove();
      this.#buttons.delete(user_id);
    }
    chats.forEach((chat, place) => {
      const button = this.#button(chat.user_id);
      fill(button, chat, chat.user_id === open);
      const item = button.parentElement;
      if (this.#list.children[place] === item) return;
      // An element that is moved loses the focus.
      const focused = document.activeElement === button;
      this.#list.insertBefore(item, this.#list.children[place] ?? null);
      if (focused) button.focus();
    });
  }

  #button(user_id) {
    if (!this.#buttons.has(user_id)) {
      const item = document.createElement('li');
      const button = document.createElement('button');
      button.type = 'button';
      button.className = 'chat-row';
      for (const part of ['name', 'time', 'last', 'dot']) {
        const span = document.createElement('span');
        span.className = part;
        if (part === 'name' || part === 'last') span.dir = 'auto';
        button.append(span);
      }
      button.addEventListener('click', () => this.#choose(user_id));
      item.append(button);
      this.#buttons.set(user_id, button);
    }
    return this.#buttons.get(user_id);
  }

  // Up and down go through the list.
  #move(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    const buttons = [...this.#list.querySelectorAll('button')];
    const next = buttons[buttons.indexOf(document.activeElement) + step];
    if (!next) return;
    event.preventDefault();
    next.focus();
  }
}

function fill(button, { name, last, unread }, is_open) {
  const [name_span, time, last_span, dot] = button.children;
  set_text(name_span, name || '…');
  set_text(time, last ? short_time_of(last.at_ms) : '');
  set_text(last_span, last ? `${last.own ? 'You: ' : ''}${last.text}` : 'No messages yet');
  set_text(dot, unread ? 'unread' : '');
  dot.hidden = !unread;
  if (is_open) button.setAttribute('aria-current', 'true');
  else button.removeAttribute('aria-current');
}

function set_text(span, text) {
  if (span.textContent !== text) span.textContent = text;
}
