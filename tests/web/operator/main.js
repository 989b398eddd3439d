// An operator looks at the pages of a server that people use and that is harmed: the built server, a real browser.
//
// HIGHWATER_BIN names the server's binary, which has to have been compiled behind `make pages`; CHROMIUM the browser,
// PICTURES a directory for screenshots, PYTHON an interpreter with aiosmtpd. The last line is `N passed, N failed`; the exit
// code is 0 only if nothing failed.

import { alarm_checks } from './alarm_checks.js';
import { explain_checks } from './explain_checks.js';
import { fault_checks } from './fault_checks.js';
import { figure_checks } from './figure_checks.js';
import { hostile_checks } from './hostile_checks.js';
import { live_checks } from './live_checks.js';
import { look_checks } from './look_checks.js';
import { loss_checks } from './loss_checks.js';
import { Operator } from './operator.js';
import { People } from './people.js';
import { role_checks } from './role_checks.js';
import { rules } from './rules.js';
import { run_with_browser } from '../harness.js';
import { Server } from '../server.js';
import { sign_in_checks } from './sign_in_checks.js';
import { storage_checks } from './storage_checks.js';
import { user_list_checks } from './user_list_checks.js';

// The whole run takes about three minutes; this is for a busy machine.
const RUN_TIMEOUT_MS = 900_000;

/** A minute of this server, ms, so that curves and alarms do not take a quarter of an hour. */
const MINUTE_MS = '400';

const server = new Server(['--dev', '--monitor-minute-ms', MINUTE_MS, '--config', rules()]);

await run_with_browser({ timeout_ms: RUN_TIMEOUT_MS, server }, async (browser) => {
  await Promise.all([server.start(), browser.start()]);
  const people = new People(server.url);
  const operator = new Operator(await browser.tab(server.operator), server);
  await sign_in_checks(operator);
  await figure_checks(operator, people);
  await storage_checks(operator);
  await alarm_checks(browser, operator, people);
  await role_checks(operator);
  const harbour = await explain_checks(operator, people);
  await user_list_checks(operator, people);
  await live_checks(browser, operator, people);
  await hostile_checks(browser, operator, people);
  await look_checks(operator, harbour);
  await loss_checks(operator);
  await operator.page.close();
  await fault_checks(browser);
});
