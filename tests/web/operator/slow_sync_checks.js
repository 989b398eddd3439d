// The syncs of a running server become slow while people write.

import { skip } from '../checks.js';
import { fault_shows, Harmed } from './harmed.js';
import { MemoryDisk } from './memory_disk.js';
import { SlowSyncs } from './slow_syncs.js';
import { Writer } from './writer.js';

/** Twice what the rule allows. */
const SLOW_MS = 40;

const BETWEEN_SENDS_MS = 50;

export async function slow_sync_checks(browser) {
  // In memory: the disk of the test may be slow by itself.
  const why_not = MemoryDisk.why_not() ?? SlowSyncs.why_not();
  if (why_not) return skip('slow syncs', why_not);
  const syncs = new SlowSyncs();
  const harmed = new Harmed('', { disk: MemoryDisk.large(), environment: syncs.environment });
  await harmed.start(browser);
  const { people } = harmed;
  const [ann, bob] = [await people.register('ann'), await people.register('bob')];
  const writer = new Writer(people, ann.token, { userName: bob.name }, BETWEEN_SENDS_MS);
  await fault_shows(harmed, {
    fault: 'slow syncs',
    rule: 'commits_slow',
    severity: 'warning',
    harm: () => syncs.slow_down(SLOW_MS),
    mend: () => syncs.recover(),
  });
  await writer.end();
  await harmed.stop();
}
