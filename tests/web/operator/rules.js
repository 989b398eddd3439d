// A configuration in which one refused sign-in is an alarm, and the disk of this machine is none.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const RULES = `
[alarms.rules.sign_ins_refused]
bound = 0
[alarms.rules.disk_low]
off = true
[alarms.rules.disk_nearly_full]
off = true
[alarms.rules.minutes_missing]
off = true
[alarms.rules.commits_slow]
off = true
`;

// Path of the file, which goes with the process.
export function rules() {
  const directory = mkdtempSync(join(tmpdir(), 'highwater-web-rules-'));
  process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
  const path = join(directory, 'highwater.toml');
  writeFileSync(path, RULES);
  return path;
}
