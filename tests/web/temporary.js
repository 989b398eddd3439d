// Directories that go with this process, after what it has started has ended.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { kill_all } from './process_end.js';

const made = [];

export function temporary_directory(name) {
  const directory = mkdtempSync(join(tmpdir(), `highwater-web-${name}-`));
  made.push(directory);
  return directory;
}

process.on('exit', () => {
  kill_all();
  for (const directory of made) rmSync(directory, { recursive: true, force: true });
});
