// One line on how the connection is.

const TEXTS = {
  connecting: () => 'Connecting…',
  online: () => 'Connected',
  waiting: () => navigator.onLine ? 'Reconnecting… What you write is sent when the server is back.' : 'Offline. What you write is sent when the network is back.',
  replaced: () => 'This chat is open in another tab.',
  refused: (reason) => `The server refused this page: ${reason}`,
};

const ACTIONS = { waiting: 'Try now', replaced: 'Use it here' };

export class StatusView {
  #line = document.getElementById('status');
  #text = document.getElementById('status-text');
  #action = document.getElementById('status-action');
  #shown = ['connecting', ''];

  // `act` is called when somebody does not want to wait.
  constructor(act) {
    this.#action.addEventListener('click', act);
    addEventListener('offline', () => this.show(...this.#shown));
  }

  show(state, reason = '') {
    this.#shown = [state, reason];
    const text = TEXTS[state]?.(reason) ?? '';
    // While it waits and tries in turn, the line stays: a change each time would be read aloud each time.
    const goes_on = state === 'connecting' && this.#line.dataset.state === 'waiting';
    if (goes_on) return;
    this.#line.dataset.state = state;
    if (this.#text.textContent !== text) this.#text.textContent = text;
    this.#action.textContent = ACTIONS[state] ?? '';
    this.#action.hidden = !ACTIONS[state];
  }
}
