// The disk of a running server becomes full while people write: the page says so, and so does one mail.

import assert from 'node:assert/strict';

import { check, skip, until } from '../checks.js';
import { fault_shows, Harmed } from './harmed.js';
import { Mailbox } from './mailbox.js';
import { MemoryDisk } from './memory_disk.js';
import { Writer } from './writer.js';

const RULE = 'disk_nearly_full';

// The disk has no more than the bound of every server.
const RULES = `[alarms.rules.${RULE}]\nbound = 16777216\n`;

const BETWEEN_SENDS_MS = 50;

export async function full_disk_checks(browser) {
  const why_not = MemoryDisk.why_not();
  if (why_not) return skip('a full disk', why_not);
  const no_mail = Mailbox.why_not();
  if (no_mail) skip('a full disk is told by mail', no_mail);
  const mailbox = no_mail ? null : new Mailbox();
  await mailbox?.start();

  const disk = MemoryDisk.small();
  const harmed = new Harmed(RULES + (mailbox?.config() ?? ''), { disk });
  await harmed.start(browser);
  const { operator, people } = harmed;
  const [ann, bob] = [await people.register('ann'), await people.register('bob')];
  const writer = new Writer(people, ann.token, { userName: bob.name }, BETWEEN_SENDS_MS);

  await fault_shows(harmed, {
    fault: 'a full disk',
    rule: RULE,
    severity: 'critical',
    harm: () => disk.fill(harmed.server.data()),
    mend: () => disk.make_space(),
    meanwhile: async ({ row, begun_ms }) => {
      await check('a full disk: to acknowledge it would have to be written down, and the page says that it cannot', async () => {
        await operator.page.locator(row).getByText('Acknowledge').click();
        await operator.says('[role=alert]', new RegExp(`${RULE}: `));
      });
      if (mailbox) await check('a full disk: one mail says the same rule and the same beginning', () => mailed(mailbox, begun_ms()));
    },
  });

  await check('a full disk: people write again', async () => {
    const taken = writer.taken;
    await until('ten more', () => writer.taken >= taken + 10);
    await writer.end();
  });
  if (mailbox) {
    await check('a full disk: a second mail says that it is over', async () => {
      await until('two mails', () => mailbox.taken.length > 1);
      assert.equal(mailbox.taken[1].subject, `[Highwater eu-1] over: ${RULE}`);
    });
  }
  await harmed.stop();
  if (mailbox) await check('a full disk: there was no third mail', async () => assert.equal(mailbox.taken.length, 2));
}

async function mailed(mailbox, begun_ms) {
  await until('a mail', () => mailbox.taken.length > 0);
  assert.equal(mailbox.taken.length, 1);
  const [mail] = mailbox.taken;
  const since = new Date(begun_ms).toISOString().slice(0, 16).replace('T', ' ');
  assert.equal(mail.subject, `[Highwater eu-1] critical: ${RULE}`);
  assert.deepEqual(mail.to, ['ops@chat.example']);
  assert.match(mail.text, new RegExp(`critical: ${RULE}[^]*fires since ${since} UTC`));
}
