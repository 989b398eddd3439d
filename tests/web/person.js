// Somebody at a tab of the page.

import assert from 'node:assert/strict';

import { until } from './checks.js';

export const PASSWORD = 'seven grey herons';

export class Person {
  constructor(page, name) {
    this.page = page;
    this.name = name;
  }

  async register(options) {
    await this.page.click('#mode-register');
    await this.submit(options);
    await this.is_online();
  }

  async sign_in() {
    await this.page.click('#mode-sign-in');
    await this.submit();
    await this.is_online();
  }

  async submit({ password = PASSWORD, invite } = {}) {
    await this.page.fill('#account-name', this.name);
    await this.page.fill('#account-password', password);
    if (invite !== undefined) await this.page.fill('#account-invite', invite);
    await this.page.click('#account-submit');
  }

  // The words of the refusal that the form shows.
  refusal(id = 'account-refusal') {
    return until(`words in #${id}`, () => this.page.textContent(`#${id}`));
  }

  is_online(bound_ms) {
    const look = () => this.page.evaluate(() => document.getElementById('status').dataset.state === 'online');
    return until(`${this.name} is connected`, look, bound_ms);
  }

  state() {
    return this.page.evaluate(() => document.getElementById('status').dataset.state);
  }

  // Starts a chat by user name and waits until it is open.
  async start(name) {
    await this.page.fill('#start-name', name);
    await this.page.press('#start-name', 'Enter');
    await this.page.waitForSelector('#composer:not([hidden])');
    await until(`the chat with ${name}`, async () => (await this.page.textContent('#thread-name')).startsWith(name));
  }

  // Opens a chat of the list.
  async open(name) {
    await this.page.locator('.chat-row', { has: this.page.getByText(name, { exact: true }) }).click();
  }

  // Writes a message in the open chat; does not wait for the server.
  async say(text) {
    await this.page.fill('#text', text);
    await this.page.press('#text', 'Enter');
  }

  // The messages of the open chat as they stand: { own, text, state }.
  messages() {
    return this.page.evaluate(() => [...document.querySelectorAll('#log .message')].map((message) => ({
      own: message.classList.contains('own'),
      text: message.querySelector('.text').textContent,
      state: message.dataset.state,
      tick: message.dataset.tick,
    })));
  }

  async texts() {
    return (await this.messages()).map((message) => message.text);
  }

  // Waits until the open chat shows exactly these texts in this order, all sent, and asks for earlier ones until it does.
  sees_all(texts, bound_ms) {
    const ask = () => this.page.evaluate(() => document.querySelector('#log .earlier')?.click());
    return this.sees(texts, bound_ms, ask);
  }

  // The same without asking. `before_look` is done before each look.
  async sees(texts, bound_ms, before_look = async () => {}) {
    let seen;
    const look = async () => {
      await before_look();
      seen = await this.messages();
      return JSON.stringify(seen.map((message) => message.text)) === JSON.stringify(texts)
        && seen.every((message) => message.state === 'sent');
    };
    try {
      await until('', look, bound_ms);
    } catch {
      const shown = seen.map(({ text, state }) => (state === 'sent' ? text : `${text} [${state}]`));
      assert.deepEqual(shown, texts, `${this.name} does not see what was written`);
    }
  }
}
