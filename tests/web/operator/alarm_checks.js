// A fault that is injected into the running server shows as the right alarm, is acknowledged and silenced, and ends.

import assert from 'node:assert/strict';

import { check } from '../checks.js';
import { guessing } from './sockets.js';

const RULE = 'sign_ins_refused';

export async function alarm_checks(browser, operator, people) {
  const { page } = operator;
  const row = `article[data-alarm=${RULE}]`;

  await check('nothing fires before somebody guesses passwords', async () => {
    await operator.open('alarms');
    await operator.says(`${row} .state`, /quiet/);
    await operator.says('article[data-alarm=messages_fell]', /Not evaluable: there is no earlier time to compare with/);
    assert.equal(await page.locator('article[data-state=firing]').count(), 0);
  });

  const guesser = await guessing(browser, people.url);
  await page.bringToFront();

  await check('somebody guesses passwords, and the overview says so', async () => {
    await operator.open('overview');
    await operator.says(`.firing[data-alarm=${RULE}]`, /warning: many sign-ins are refused/);
    await operator.says('section[aria-label=Alarms] .value', /^1 firing$/);
    assert.deepEqual(await page.locator('.firing').evaluateAll((all) => all.map((it) => it.dataset.alarm)), [RULE]);
  });

  await check('it is acknowledged and silenced, as the server then tells', async () => {
    await operator.open('alarms');
    await page.locator(row).getByText('Acknowledge').click();
    await operator.says(row, /acknowledged/);
    await page.locator(row).getByText('Silence 1 h').click();
    await operator.says(row, /Silenced until/);
    const { alarms } = await operator.ask('GET', '/v1/alarms');
    const told = alarms.find(({ alarm }) => alarm === RULE);
    assert.deepEqual([told.acknowledged, typeof told.silenced_until_ms], [true, 'number']);
    await page.locator(row).getByText('End silence').click();
    await operator.says(row, /^(?!.*Silenced until)/);
  });

  await guesser.close();
  await page.bringToFront();

  await check('when it is over it stands among the ended', async () => {
    await operator.says(`tr[data-ended=${RULE}]`, /warning.*yes/);
    await operator.says(`${row} .state`, /quiet/);
  });
}
