// The pages of a user, a group and a message show what the server explains, and lead to each other.

import assert from 'node:assert/strict';

import { check } from '../checks.js';

// Returns what the pictures are taken of.
export async function explain_checks(operator, people) {
  const { page } = operator;
  const [cid, dan] = [await people.register('cid', 'phone of cid'), await people.register('dan')];
  const group = await people.group(cid.token, 'Harbour watch', [dan.user_id]);
  const { seq } = await people.say(cid.token, { conversationId: group }, 'the secret of the tide');
  const { token } = await people.another_device('dan', 'tablet of dan');
  await people.done(token, { sync: {} });

  await check('a user is found by name, with every device and its marks', async () => {
    await operator.open('users');
    await page.fill('form.search input', 'dan');
    await page.press('form.search input', 'Enter');
    await operator.says(`h2[data-user="${dan.user_id}"]`, /^dan$/);
    await operator.says('section[aria-label=Devices]', /tablet of dan/);
    const told = await operator.ask('POST', '/v1/explain/user', { user: 'dan' });
    const rows = await page.locator('tr[data-device]').evaluateAll((all) => all.map((it) => it.dataset.device));
    assert.deepEqual(rows, told.lineages.map((lineage) => lineage.device_id));
    await operator.says('section[aria-label=Account]', new RegExp(`inbox entries kept ${told.messages.kept}`));
  });

  await check('a user who does not exist is said to be none', async () => {
    await operator.open('users', 'nobody-at-all');
    await operator.says('[role=alert]', /user/);
    assert.equal(await page.locator('section[aria-label=Account]').count(), 0);
  });

  await check('a group leads to its members and its newest entry, which says where it is and never what it says', async () => {
    await operator.open('groups', group);
    await operator.says('section[aria-label=Group]', /Harbour watch.*group/);
    await operator.says('section[aria-label=Members]', /cid.*owner|dan.*member/);
    await page.locator('section[aria-label=Group]').getByRole('link', { name: seq, exact: true }).click();
    await operator.says('section[aria-label="Went to"]', /dan/);
    await operator.says(`tr[data-user="${dan.user_id}"]`, /kept/);
    assert.ok(!(await page.textContent('body')).includes('the secret of the tide'));
    await page.locator(`tr[data-user="${dan.user_id}"] a`).first().click();
    await operator.says(`h2[data-user="${dan.user_id}"]`, /^dan$/);
  });

  return { user: 'dan', group, seq };
}
