// The injected faults of main.js alone; with MINUTE_MS=60000 by minutes as every server has them.

import { fault_checks } from './fault_checks.js';
import { run_with_browser } from '../harness.js';

// Four faults, each of which needs a quarter of an hour at most.
const RUN_TIMEOUT_MS = 3_600_000;

await run_with_browser({ timeout_ms: RUN_TIMEOUT_MS }, async (browser) => {
  await browser.start();
  await fault_checks(browser);
});
