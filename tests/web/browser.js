// One browser with one context: its tabs share everything that windows of an ordinary browser share.

import { chromium } from 'playwright-core';

import { own } from './process_end.js';

const EXECUTABLE = process.env.CHROMIUM ?? '/usr/bin/chromium';
const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
];

// What a browser says by itself when a server is gone or has refused a request. Everything else is a fault of the page.
const EXPECTED = [/^Failed to load resource: /, /^WebSocket connection to '.*' failed: /];

export class Browser {
  // Console errors, exceptions, dialogs, violations of the content security policy, requests to anywhere else.
  faults = [];
  #context;
  #server;
  #origins = new Set();

  async start() {
    // A fresh profile directory each time, removed at its end; the process leads a group of its own.
    this.#server = await chromium.launchServer({ executablePath: EXECUTABLE, headless: true, args: FLAGS });
    own(this.#server.process(), { group: true });
    const browser = await chromium.connect(this.#server.wsEndpoint());
    this.#context = await browser.newContext({ locale: 'en-GB' });
    await this.#context.addInitScript(() => {
      addEventListener('securitypolicyviolation', (event) => console.error(`csp: ${event.violatedDirective} ${event.blockedURI}`));
    });
  }

  // A tab at this server, whose pages may speak with it alone.
  async tab(origin, { before = async () => {} } = {}) {
    this.#origins.add(new URL(origin).host);
    const page = await this.#context.newPage();
    page.on('console', (message) => this.#note_console(message));
    page.on('pageerror', (error) => this.faults.push(`exception: ${error.message}`));
    page.on('dialog', (dialog) => {
      this.faults.push(`dialog: ${dialog.message()}`);
      dialog.dismiss().catch(() => {});
    });
    page.on('request', (request) => this.#note_request(request.url()));
    await before(page);
    await page.goto(origin);
    return page;
  }

  async stop() {
    await this.#server?.close();
  }

  #note_console(message) {
    const text = message.text();
    const matters = message.type() === 'error' || /content security policy/i.test(text);
    if (matters && !EXPECTED.some((expected) => expected.test(text))) this.faults.push(`console: ${text}`);
  }

  #note_request(url) {
    const { protocol, host } = new URL(url);
    if (protocol !== 'data:' && !this.#origins.has(host)) this.faults.push(`request to ${url}`);
  }
}
