// Somebody guesses passwords of a running server, each of another name: of one, guesses are stopped after ten.

import { skip, sleep } from '../checks.js';
import { fault_shows, Harmed, MINUTE_MS } from './harmed.js';
import { MemoryDisk } from './memory_disk.js';

/** What the rule of every server has in a minute, of a minute that is shorter. */
const RULES = `[alarms.rules.sign_ins_refused]\nbound = ${Math.floor((30 * MINUTE_MS) / 60_000)}\n`;

const BETWEEN_GUESSES_MS = 100;

export async function login_storm_checks(browser) {
  // In memory: the disk of the test may be slow by itself.
  const why_not = MemoryDisk.why_not();
  if (why_not) return skip('a login storm', why_not);
  const harmed = new Harmed(RULES, { disk: MemoryDisk.large() });
  await harmed.start(browser);
  const { people } = harmed;
  let is_over = false;
  let guessing;
  const guess = async () => {
    for (let number = 0; !is_over; number += 1) {
      await people.ask('', { signIn: { name: `nobody${number}`, password: 'wrong horse', device: { name: 'desk' } } });
      await sleep(BETWEEN_GUESSES_MS);
    }
  };
  await fault_shows(harmed, {
    fault: 'a login storm',
    rule: 'sign_ins_refused',
    severity: 'warning',
    harm: () => {
      guessing = guess();
    },
    mend: async () => {
      is_over = true;
      await guessing;
    },
  });
  await harmed.stop();
}
