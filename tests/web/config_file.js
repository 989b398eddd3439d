// A configuration of a server, in a file that goes with this process.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { temporary_directory } from './temporary.js';

// Path of the file.
export function config_file(text) {
  const path = join(temporary_directory('config'), 'highwater.toml');
  writeFileSync(path, text);
  return path;
}
