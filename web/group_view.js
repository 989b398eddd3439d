// The form by which a group is made from contacts.

import { newClientMessageId } from './snapshot.js';

export class GroupView {
  #people = document.getElementById('group-people');
  #boxes = new Map();
  // The id under which a group was asked for and not answered: the same wish is asked for under it again, so that an
  // answer that was lost makes no second group.
  #asked = { wish: '', id: '' };

  // `make(id, name, user_ids)` makes the group and throws what the server refused.
  constructor(make) {
    const [details, form, name, refusal] = ['group', 'group-form', 'group-name', 'group-refusal'].map((id) => document.getElementById(id));
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      refusal.textContent = '';
      const user_ids = [...this.#boxes].filter(([, box]) => box.checked).map(([user_id]) => user_id);
      if (!name.value.trim() || user_ids.length === 0) {
        refusal.textContent = 'A group has a name, and somebody besides you.';
        return;
      }
      const wish = JSON.stringify([name.value, user_ids]);
      if (this.#asked.wish !== wish) this.#asked = { wish, id: newClientMessageId() };
      try {
        await make(this.#asked.id, name.value.trim(), user_ids);
        this.#asked = { wish: '', id: '' };
        name.value = '';
        for (const box of this.#boxes.values()) box.checked = false;
        details.open = false;
      } catch (error) {
        refusal.textContent = error.message;
      }
    });
    form.addEventListener('input', () => { refusal.textContent = ''; });
  }

  // Shows who can be taken: { user_id, name }. Who is ticked stays so.
  show(contacts) {
    document.getElementById('group').hidden = contacts.length === 0;
    const wanted = new Set(contacts.map((contact) => contact.user_id));
    for (const [user_id, box] of this.#boxes) {
      if (wanted.has(user_id)) continue;
      box.parentElement.remove();
      this.#boxes.delete(user_id);
    }
    for (const { user_id, name } of contacts) {
      const span = this.#box(user_id).nextElementSibling;
      if (span.textContent !== name) span.textContent = name;
    }
  }

  #box(user_id) {
    if (!this.#boxes.has(user_id)) {
      const label = document.createElement('label');
      const box = document.createElement('input');
      box.type = 'checkbox';
      const span = document.createElement('span');
      span.dir = 'auto';
      label.append(box, span);
      this.#people.append(label);
      this.#boxes.set(user_id, box);
    }
    return this.#boxes.get(user_id);
  }
}
