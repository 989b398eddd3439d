// The built server, started and killed by the test.

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

import { own } from './process_end.js';
import { temporary_directory } from './temporary.js';

const BINARY = resolve(process.env.HIGHWATER_BIN ?? new URL('../../target/debug/highwater', import.meta.url).pathname);
const READY = /^highwater ready client=(\S+) operator=(\S+)$/;

// The server's settings are those of the flags alone: what is set for this test, or by chance, does not count.
const ENVIRONMENT = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('HIGHWATER_')));

// A start replays the log; a debug build on a busy machine takes its time.
const READY_TIMEOUT_MS = 20_000;

export class Server {
  url = '';
  // Where the operator's port is.
  operator = '';
  log = [];
  #child = null;
  #listen = '127.0.0.1:0';
  #admin_listen = '127.0.0.1:0';
  #flags;
  #disk;
  #environment;
  #data = temporary_directory('data');

  // `flags` beside data and addresses, as in ['--dev']; `disk` a MemoryDisk on which the data are, and gone with the process;
  // `environment` beside that of the test.
  constructor(flags, { disk, environment = {} } = {}) {
    this.#flags = flags;
    this.#disk = disk;
    this.#environment = { ...ENVIRONMENT, ...environment };
  }

  // Starts it; again on the same data, and on the same ports as the first time.
  async start() {
    const places = ['--data', this.#data, '--listen', this.#listen, '--admin-listen', this.#admin_listen];
    const options = { env: this.#environment, stdio: ['ignore', 'pipe', 'pipe'] };
    const plain = [BINARY, 'serve', ...places, ...this.#flags];
    const [program, ...words] = this.#disk ? this.#disk.command(this.#data, plain) : plain;
    const child = own(spawn(program, words, options));
    this.#child = child;
    createInterface({ input: child.stderr }).on('line', (line) => this.log.push(line));
    [this.url, this.operator] = await ready(child, this.log);
    this.#listen = new URL(this.url).host;
    this.#admin_listen = new URL(this.operator).host;
  }

  // SIGKILL: nothing is finished, nothing is flushed.
  async kill() {
    await this.#end('SIGKILL');
  }

  // SIGTERM. Returns its exit code.
  stop() {
    return this.#end('SIGTERM');
  }

  async #end(signal) {
    const child = this.#child;
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    const exited = once(child, 'exit');
    child.kill(signal);
    const [code] = await exited;
    return code;
  }

  operator_token() {
    return readFileSync(join(this.data(), 'secrets', 'operator.token'), 'utf8').trim();
  }

  // The data directory of the running server, as this process sees it.
  data() {
    return this.#disk ? this.#disk.seen(this.#child.pid, this.#data) : this.#data;
  }

  async invite() {
    const { stdout } = await promisify(execFile)(BINARY, ['admin', 'invite', '--data', this.data()], { env: ENVIRONMENT });
    return stdout.trim();
  }
}

function ready(child, log) {
  return new Promise((resolve, reject) => {
    const fail = (why) => reject(new Error(`the server ${why}\n${log.slice(-20).join('\n')}`));
    const timer = setTimeout(() => fail('was not ready in time'), READY_TIMEOUT_MS);
    child.once('error', (error) => fail(`cannot be run: ${error.message}`));
    child.once('exit', (code) => fail(`ended with code ${code}`));
    createInterface({ input: child.stdout }).on('line', (line) => {
      clearTimeout(timer);
      const told = READY.exec(line);
      if (told) resolve([told[1], told[2]]);
      else fail(`said ${line}`);
    });
  });
}
