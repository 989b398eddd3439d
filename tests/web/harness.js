// A run of checks in a browser: it ends in time, with what failed, and with everything that it has started.

import { Browser } from './browser.js';
import { check, tally } from './checks.js';

// Runs the checks with a browser, which they start, and looks last whether pages and server have kept in order. Ends the
// process: the last line is `N passed, N failed`, and the exit code is 0 only if nothing failed.
export async function run_with_browser({ timeout_ms, server }, run) {
  const timer = setTimeout(() => finish('the run took too long'), timeout_ms);
  const browser = new Browser();
  let fault;
  try {
    await run(browser);
    await check('the pages made no fault of their own', async () => {
      if (browser.faults.length > 0) throw new Error(browser.faults.join('\n'));
    });
    await browser.stop();
    if (server) await ends_in_good_order(server);
  } catch (error) {
    fault = error.stack;
  }
  clearTimeout(timer);
  finish(fault);
}

export function ends_in_good_order(server) {
  return check('the server ends in good order', async () => {
    const code = await server.stop();
    if (code !== 0) throw new Error(`exit code ${code}\n${server.log.slice(-20).join('\n')}`);
  });
}

// Ends the process; what it has started ends with it.
function finish(fault) {
  if (fault) {
    tally.failed += 1;
    console.log(`FAIL  ${fault}`);
  }
  console.log(`${tally.passed} passed, ${tally.failed} failed`);
  process.exit(tally.failed === 0 ? 0 : 1);
}
