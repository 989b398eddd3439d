// Two people chat on the plain page: the built server, a real browser, two tabs.
//
// HIGHWATER_BIN names the server's binary, CHROMIUM the browser, PICTURES a directory for screenshots. The last line is
// `N passed, N failed`; the exit code is 0 only if nothing failed.

import { account_checks, registration_checks } from './account_checks.js';
import { chat_checks, keyboard_checks } from './chat_checks.js';
import { crash_checks } from './crash_checks.js';
import { history_checks } from './history_checks.js';
import { device_checks } from './device_checks.js';
import { group_checks } from './group_checks.js';
import { run_with_browser } from './harness.js';
import { hostile_checks } from './hostile_checks.js';
import { look_checks } from './look_checks.js';
import { Person } from './person.js';
import { refusal_checks } from './refusal_checks.js';
import { replica_checks } from './replica_checks.js';
import { Server } from './server.js';

// The whole run takes well under a minute on four cores; this is for a busy machine.
const RUN_TIMEOUT_MS = 300_000;

const server = new Server(['--dev']);

await run_with_browser({ timeout_ms: RUN_TIMEOUT_MS, server }, async (browser) => {
  await replica_checks();
  await history_checks();
  await Promise.all([server.start(), browser.start()]);
  const anna = new Person(await browser.tab(server.url), 'anna');
  const bert = new Person(await browser.tab(server.url), 'bert');
  await account_checks(browser, server, anna, bert);
  const said = await chat_checks(browser, server, anna, bert);
  await keyboard_checks(browser, server);
  await crash_checks(browser, server, anna, bert, said);
  await refusal_checks(browser, server, bert);
  await hostile_checks(browser, anna, bert, said);
  await look_checks(browser, server, anna, bert, said);
  await group_checks(browser, server, anna, bert);
  await registration_checks(browser);
  await device_checks(browser);
});
