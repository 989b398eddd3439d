// Faults that are injected into running servers, one after the other.

import { full_disk_checks } from './full_disk_checks.js';
import { login_storm_checks } from './login_storm_checks.js';
import { slow_sync_checks } from './slow_sync_checks.js';
import { stuck_fan_out_checks } from './stuck_fan_out_checks.js';

export async function fault_checks(browser) {
  await login_storm_checks(browser);
  await full_disk_checks(browser);
  await slow_sync_checks(browser);
  await stuck_fan_out_checks(browser);
}
