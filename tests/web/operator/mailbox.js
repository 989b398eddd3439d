// A real mail server for the test, mailbox.py. PYTHON names an interpreter that has aiosmtpd.

import { spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';

import { until } from '../checks.js';
import { own } from '../process_end.js';

const PYTHON = process.env.PYTHON ?? 'python3';
const SCRIPT = new URL('mailbox.py', import.meta.url).pathname;

export class Mailbox {
  // Mails in the order in which they were taken: `subject`, `text`, `to`, `id`.
  taken = [];
  #port = 0;

  // Why there can be none here; nothing if there can.
  static why_not() {
    const { status } = spawnSync(PYTHON, ['-c', 'import aiosmtpd.controller']);
    return status === 0 ? null : `aiosmtpd is not installed (${PYTHON})`;
  }

  async start() {
    const child = own(spawn(PYTHON, [SCRIPT], { stdio: ['ignore', 'pipe', 'inherit'] }));
    createInterface({ input: child.stdout }).on('line', (line) => {
      const told = JSON.parse(line);
      if (told.port) this.#port = told.port;
      else this.taken.push(told);
    });
    await until('the mail server is there', () => this.#port > 0);
  }

  // The section of a configuration that writes here.
  config() {
    const server = `server = "smtp://127.0.0.1:${this.#port}"`;
    return `[mail]\n${server}\nfrom = "highwater@chat.example"\nto = ["ops@chat.example"]\nname = "eu-1"\n`;
  }
}
