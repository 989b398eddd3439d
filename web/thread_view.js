// One conversation: its messages by day, newest at the bottom.

import { day_of, same_day, time_of } from './days.js';

// Messages that are in the document at first, and that each press of "Show earlier" has room for.
const SHOWN_STEP = 200;

// How close to the bottom still counts as being there, pixels.
const BOTTOM_SLACK_PX = 48;

export class ThreadView {
  #log = document.getElementById('log');
  #to_newest = document.getElementById('to-newest');
  #handlers;
  #user_id = '';
  #messages = [];
  #has_earlier = false;
  #shown_max = SHOWN_STEP;
  // key → element, of all rows in the document
  #rows = new Map();
  // Whether the newest message was in sight when the log had the size `#size`.
  #follows = true;
  #size = '';

  // Handlers: retry(id), drop(id), back(), earlier(), which asks the server for what is before the first message.
  constructor(handlers) {
    this.#handlers = handlers;
    document.getElementById('back').addEventListener('click', () => handlers.back());
    this.#to_newest.addEventListener('click', () => this.#go_to_bottom());
    this.#log.addEventListener('scroll', () => this.#scrolled());
    // Another size (a turned phone, a keyboard on the screen) must not hide the newest message.
    new ResizeObserver(() => this.#resized()).observe(this.#log);
  }

  // Shows a chat; '' for none. `has_earlier`: the server has messages before these.
  show(user_id, name, messages, has_earlier) {
    const opens = user_id !== this.#user_id;
    if (opens) this.#clear(user_id);
    for (const id of ['thread-head', 'log']) document.getElementById(id).hidden = !user_id;
    document.getElementById('thread-none').hidden = user_id !== '';
    const heading = document.getElementById('thread-name');
    if (heading.textContent !== name) heading.textContent = name;
    this.#has_earlier = has_earlier;
    this.#update(messages, opens);
  }

  #clear(user_id) {
    this.#user_id = user_id;
    this.#messages = [];
    this.#shown_max = SHOWN_STEP;
    this.#follows = true;
    this.#rows.clear();
    this.#log.replaceChildren();
    this.#to_newest.hidden = true;
  }

  #update(messages, opens) {
    const [before, newest] = [this.#messages.at(-1), messages.at(-1)];
    const is_new = newest !== undefined && newest.key !== before?.key;
    const follow = opens || this.#follows || (is_new && newest.own);
    const earlier_came = before !== undefined && messages[0]?.key !== this.#messages[0]?.key;
    this.#messages = messages;
    // What was said before the chat was opened is not read aloud.
    if (opens || earlier_came) this.#lay_out_above();
    else this.#lay_out();
    if (follow) this.#go_to_bottom();
    else if (is_new) this.#to_newest.hidden = false;
  }

  // The same when the news stand above what is read: that stays where it is, and they are not read aloud.
  #lay_out_above() {
    const from_bottom = this.#log.scrollHeight - this.#log.scrollTop;
    this.#log.setAttribute('aria-busy', 'true');
    this.#lay_out();
    this.#log.setAttribute('aria-busy', 'false');
    this.#log.scrollTop = this.#log.scrollHeight - from_bottom;
  }

  // Brings the document to the wanted rows with as few changes as possible, so that selection and reading stay.
  #lay_out() {
    const left_out = this.#messages.length > this.#shown_max;
    const rows = rows_of(this.#messages.slice(-this.#shown_max), left_out || this.#has_earlier);
    const wanted = new Set(rows.map((row) => row.key));
    for (const [key, element] of this.#rows) {
      if (wanted.has(key)) continue;
      element.remove();
      this.#rows.delete(key);
    }
    let next = this.#log.firstElementChild;
    for (const row of rows) {
      if (!this.#rows.has(row.key)) this.#rows.set(row.key, this.#make(row));
      const element = this.#rows.get(row.key);
      if (row.message) this.#fill(element, row.message);
      if (element === next) next = next.nextElementSibling;
      else this.#log.insertBefore(element, next);
    }
  }

  #make(row) {
    if (row.earlier) return this.#make_button('Show earlier messages', 'plain earlier', () => this.#show_earlier());
    const element = document.createElement('div');
    if (row.day) {
      element.className = 'day';
      element.append(make('span', '', row.day));
      return element;
    }
    element.className = row.message.own ? 'message own' : 'message';
    const text = make('p', 'text', row.message.text);
    text.dir = 'auto';
    const sender = make('span', 'unseen', row.message.own ? 'You:' : `${document.getElementById('thread-name').textContent}:`);
    const foot = make('div', 'foot', '');
    foot.append(make('time', '', ''), make('span', 'state', ''));
    element.append(sender, text, foot);
    return element;
  }

  #fill(element, message) {
    const { state: now, tick, note } = message;
    if (element.dataset.state === now && element.dataset.tick === tick && element.dataset.note === note) return;
    Object.assign(element.dataset, { state: now, tick, note });
    const [time, state] = element.querySelector('.foot').children;
    time.textContent = time_of(message.at_ms);
    time.dateTime = new Date(message.at_ms).toISOString();
    state.replaceChildren(state_text(message));
    if (message.state !== 'refused') return;
    state.append(
      this.#make_button('Try again', 'plain', () => this.#handlers.retry(message.id)),
      this.#make_button('Remove', 'plain', () => this.#handlers.drop(message.id)),
    );
  }

  #make_button(text, class_name, press) {
    const button = make('button', class_name, text);
    button.type = 'button';
    button.addEventListener('click', press);
    return button;
  }

  #show_earlier() {
    this.#shown_max += SHOWN_STEP;
    // More room than there are messages: the rest is with the server.
    if (this.#messages.length < this.#shown_max) this.#handlers.earlier();
    this.#lay_out_above();
    this.#log.focus({ preventScroll: true });
  }

  #scrolled() {
    // A change of size scrolls too; that was nobody's wish.
    if (this.#size !== size_of(this.#log)) return;
    this.#follows = this.#is_at_bottom();
    if (this.#follows) this.#to_newest.hidden = true;
  }

  #resized() {
    this.#size = size_of(this.#log);
    if (this.#follows) this.#go_to_bottom();
  }

  #is_at_bottom() {
    return this.#log.scrollHeight - this.#log.scrollTop - this.#log.clientHeight <= BOTTOM_SLACK_PX;
  }

  #go_to_bottom() {
    this.#log.scrollTop = this.#log.scrollHeight;
    this.#follows = true;
    this.#to_newest.hidden = true;
  }
}

function size_of(element) {
  return `${element.clientWidth}×${element.clientHeight}`;
}

// Messages with a separator before the first one of each day.
function rows_of(messages, has_earlier) {
  const rows = has_earlier ? [{ key: 'earlier', earlier: true }] : [];
  let before;
  for (const message of messages) {
    if (!before || !same_day(before.at_ms, message.at_ms)) {
      // The clocks of server and browser may differ around midnight; then a day has two separators, and two keys.
      rows.push({ key: `day before ${message.key}`, day: day_of(message.at_ms) });
    }
    rows.push({ key: message.key, message });
    before = message;
  }
  return rows;
}

const TICKS = { sent: 'Sent', delivered: 'Delivered', read: 'Read' };

function state_text({ own, state, tick, note }) {
  if (!own) return '';
  return { sent: TICKS[tick], pending: 'Sending…', delayed: `Not sent yet: ${note} Trying again.`, refused: `Not sent: ${note}` }[state];
}

function make(tag, class_name, text) {
  const element = document.createElement(tag);
  if (class_name) element.className = class_name;
  element.textContent = text;
  return element;
}
