// Who may only look is offered nothing else; and who says who is there.

import assert from 'node:assert/strict';

import { check } from '../checks.js';

const BUTTONS = 'article[data-alarm] button';

export async function role_checks(operator) {
  const { page } = operator;
  const made = async (name, role) => (await operator.ask('POST', '/v1/operators', { name, role })).token;

  await check('a viewer sees alarms and is not offered what only moderators may', async () => {
    await page.click('text=Sign out');
    await operator.sign_in(await made('vera', 'viewer'));
    await operator.says('header .who', /vera \(viewer\)/);
    await operator.open('alarms');
    await operator.says('article[data-alarm=sign_ins_refused] .state', /quiet/);
    assert.equal(await page.locator(BUTTONS).count(), 0);
  });

  await check('a moderator is', async () => {
    await page.click('text=Sign out');
    await operator.sign_in(await made('ruth', 'moderator'));
    await operator.says('header .who', /ruth \(moderator\)/);
    await operator.open('alarms');
    const row = page.locator('article[data-alarm=sign_ins_refused]');
    await row.getByText('Silence 1 h').click();
    await operator.says('article[data-alarm=sign_ins_refused]', /Silenced until/);
    await row.getByText('End silence').click();
    await row.getByText('Silence 1 h').waitFor();
    await page.click('text=Sign out');
    await operator.sign_in();
    await operator.says('header .who', /root \(admin\)/);
  });
}
