// An operator at a tab of the pages, and the same questions asked without it.

import { until } from '../checks.js';

// A refresh by itself comes after ten seconds.
export const REFRESH_MS = 25_000;

export class Operator {
  constructor(page, server) {
    this.page = page;
    this.server = server;
  }

  async sign_in(token = this.server.operator_token()) {
    await this.page.fill('input[type=password]', token);
    await this.page.click('button[type=submit]');
  }

  // Opens a page by its address, as a link does.
  async open(...path) {
    const hash = `#/${path.map(encodeURIComponent).join('/')}`;
    await this.page.evaluate((to) => {
      // The same address once more changes nothing; it is left first.
      location.hash = '#/alarms';
      location.hash = to;
    }, hash);
  }

  // Waits until there is such an element, and returns its text.
  async text_of(selector, bound_ms) {
    await until(selector, async () => (await this.page.locator(selector).count()) > 0, bound_ms);
    return (await this.page.locator(selector).first().textContent()).replaceAll(/\s+/g, ' ').trim();
  }

  // Waits until an element says so.
  async says(selector, wanted, bound_ms = REFRESH_MS) {
    let seen = '';
    const look = async () => {
      const found = this.page.locator(selector);
      seen = (await found.count()) > 0 ? (await found.first().textContent()) : '';
      return wanted.test(seen.replaceAll(/\s+/g, ' '));
    };
    await until(`${selector} says ${wanted}`, look, bound_ms).catch((error) => {
      throw new Error(`${error.message}; it says ${seen}`);
    });
  }

  // Makes accounts, and gives the user id and a token of each.
  async provision(users) {
    const lines = await this.#answer('POST', '/v1/provision', { users, devices: 1, prefix: 'u', first: 1 });
    return lines.trim().split('\n').map((line) => JSON.parse(line));
  }

  // Asks the operator's port.
  async ask(method, path, body) {
    return JSON.parse(await this.#answer(method, path, body));
  }

  async #answer(method, path, body) {
    const response = await fetch(`${this.server.operator}${path}`, {
      method,
      headers: { authorization: `Bearer ${this.server.operator_token()}` },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response.text();
  }
}
