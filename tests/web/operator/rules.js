// A configuration in which one refused sign-in is an alarm, and the disk of this machine is none.

import { config_file } from '../config_file.js';

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

export const rules = () => config_file(RULES);
