// The form by which somebody signs in or makes an account.

import { aboutServer, ask } from './http.js';

const DEVICE = { name: 'Browser tab', deviceClass: 'DEVICE_CLASS_WEB' };

const BANNERS = {
  invite: 'This server takes new accounts by invitation. Choose “Create account” if you have an invite.',
  closed: 'This server takes no new accounts at present. If you have one, sign in.',
};

export class AccountView {
  #signed_in;
  #registers = false;
  #registration = 'open';

  // `signed_in({ token, user_id, name })` is called when the server has answered yes.
  constructor(signed_in) {
    this.#signed_in = signed_in;
    element('mode-sign-in').addEventListener('click', () => this.#choose(false));
    element('mode-register').addEventListener('click', () => this.#choose(true));
    element('account-form').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#ask_about_server();
  }

  // Shows the form, with a sentence on why, if there is one.
  show(reason = '') {
    element('account').hidden = false;
    element('account-refusal').textContent = reason;
    element('account-password').value = '';
    element('account-name').focus();
  }

  hide() {
    element('account').hidden = true;
    element('account-password').value = '';
    element('account-invite').value = '';
  }

  async #ask_about_server() {
    try {
      const { registration, dev } = await aboutServer();
      this.#registration = registration;
      element('dev-banner').hidden = !dev;
      element('registration-banner').hidden = registration === 'open';
      element('registration-banner').textContent = BANNERS[registration] ?? '';
      element('mode-register').hidden = registration === 'closed';
      this.#choose(this.#registers);
    } catch {
      // Without this answer the form still works; the server's refusals say the rest.
    }
  }

  #choose(registers) {
    this.#registers = registers;
    element('mode-register').setAttribute('aria-pressed', String(registers));
    element('mode-sign-in').setAttribute('aria-pressed', String(!registers));
    element('account-password').autocomplete = registers ? 'new-password' : 'current-password';
    element('invite-field').hidden = !(registers && this.#registration === 'invite');
    element('account-hint').hidden = !registers;
    element('account-submit').textContent = this.#label();
    element('account-refusal').textContent = '';
  }

  #label() {
    return this.#registers ? 'Create account' : 'Sign in';
  }

  async #submit() {
    const submit = element('account-submit');
    if (submit.getAttribute('aria-disabled') === 'true') return;
    const [name, password] = [element('account-name').value.trim(), element('account-password').value];
    element('account-refusal').textContent = name && password ? '' : 'Name and password are needed.';
    if (!name || !password) return;
    submit.setAttribute('aria-disabled', 'true');
    submit.textContent = 'One moment…';
    try {
      const { signedIn } = await ask(this.#request(name, password));
      this.#signed_in({ token: signedIn.token, user_id: signedIn.userId, name });
    } catch (error) {
      element('account-refusal').textContent = error.message;
    } finally {
      submit.setAttribute('aria-disabled', 'false');
      submit.textContent = this.#label();
    }
  }

  #request(name, password) {
    if (!this.#registers) return { signIn: { name, password, device: DEVICE } };
    return { register: { name, password, invite: element('account-invite').value.trim(), device: DEVICE } };
  }
}

function element(id) {
  return document.getElementById(id);
}
