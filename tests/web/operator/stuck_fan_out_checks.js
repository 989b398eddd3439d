// The fan-out of a group is stuck: every member is a step of its own that waits for a sync, and syncs take longer, but not so
// long that the disk is at fault by its own rule. People go on writing to the group faster than it is handed on.

import { check, skip, until } from '../checks.js';
import { fault_shows, Harmed } from './harmed.js';
import { MemoryDisk } from './memory_disk.js';
import { SlowSyncs } from './slow_syncs.js';
import { Writer } from './writer.js';

const MEMBERS = 200;

/** Users that one request may name. */
const AT_ONCE = 100;

const STEPS = '[groups]\nstep_pointers = 1\n';

/** Less than half of what the rule of the disk allows, and for all members more than a second and a half. */
const SLOW_MS = 8;

const BETWEEN_SENDS_MS = 100;

export async function stuck_fan_out_checks(browser) {
  const why_not = MemoryDisk.why_not() ?? SlowSyncs.why_not();
  if (why_not) return skip('a stuck fan-out', why_not);
  const syncs = new SlowSyncs();
  const harmed = new Harmed(STEPS, { disk: MemoryDisk.large(), environment: syncs.environment });
  await harmed.start(browser);
  const { operator, people } = harmed;
  const [owner, ...others] = await operator.provision(MEMBERS);
  const user_ids = others.map(({ user_id }) => user_id);
  const group = await people.group(owner.token, 'Tea', user_ids.slice(0, AT_ONCE));
  await people.done(owner.token, { addMembers: { conversationId: group, userIds: user_ids.slice(AT_ONCE) } });
  let writer;
  await fault_shows(harmed, {
    fault: 'a stuck fan-out',
    rule: 'fan_out_late',
    severity: 'warning',
    harm: () => {
      syncs.slow_down(SLOW_MS);
      writer = new Writer(people, owner.token, { conversationId: group }, BETWEEN_SENDS_MS);
    },
    meanwhile: () =>
      check('a stuck fan-out: the live page names the group and how much of it waits', async () => {
        await operator.open('live');
        await operator.says(`tr[data-group="${group}"]`, /\d+.*(s|min)\d+0no$/);
        await operator.page.locator(`tr[data-group="${group}"] a`).click();
        await operator.says('section[aria-label=Group]', /Tea.*wait/);
        await operator.open('alarms');
      }),
    mend: async () => {
      syncs.recover();
      await writer.end();
    },
  });
  await check('a stuck fan-out: nothing of the group waits any more', async () => {
    await operator.open('live');
    await operator.says('section[aria-label="Groups that lag"]', /None/);
    await until('of all messages', () => writer.taken > 0 && writer.refused === 0);
  });
  await harmed.stop();
}
