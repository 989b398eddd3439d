// Syncs that become slow under a running server, by the library that the tests over the wire preload, too.

import { spawnSync } from 'node:child_process';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { temporary_directory } from '../temporary.js';

const SOURCE = new URL('../../it/support/slow_sync.c', import.meta.url).pathname;

export class SlowSyncs {
  #directory = temporary_directory('syncs');
  #switch = join(this.#directory, 'milliseconds');

  // Why there can be none here; nothing if there can.
  static why_not() {
    const { error } = spawnSync('cc', ['--version']);
    return error ? `there is no C compiler: ${error.message}` : null;
  }

  constructor() {
    const library = join(this.#directory, 'slow_sync.so');
    const words = ['-shared', '-fPIC', '-O1', '-Wall', '-Werror', '-o', library, SOURCE, '-ldl'];
    const { status, stderr } = spawnSync('cc', words, { encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr);
    this.environment = { LD_PRELOAD: library, SLOW_SYNC_FILE: this.#switch };
  }

  // From now on every sync takes so much longer.
  slow_down(ms) {
    const next = join(this.#directory, 'next');
    writeFileSync(next, String(ms));
    renameSync(next, this.#switch);
  }

  // From now on they are quick again.
  recover() {
    rmSync(this.#switch);
  }
}
