// Who has no token sees nothing, who has one stays signed in for as long as the tab, and signing out forgets it.

import assert from 'node:assert/strict';

import { check } from '../checks.js';

const KEPT = () => ({ session: { ...sessionStorage }, local: { ...localStorage }, cookie: document.cookie });

export async function sign_in_checks(operator) {
  const { page } = operator;

  await check('a token that is not good is said to be none, and is not kept', async () => {
    await operator.sign_in('hwo_nonsense');
    await operator.says('[role=alert]', /not good/);
    assert.deepEqual(await page.evaluate(KEPT), { session: {}, local: {}, cookie: '' });
  });

  await check('the token of the data directory opens the pages, also after a reload', async () => {
    await operator.sign_in();
    await operator.says('h1', /^Overview$/);
    await page.reload();
    await operator.says('h1', /^Overview$/);
    const kept = await page.evaluate(KEPT);
    assert.deepEqual(kept.local, {});
    assert.equal(kept.cookie, '');
  });

  await check('signing out forgets it', async () => {
    await page.click('text=Sign out');
    await page.waitForSelector('input[type=password]');
    assert.deepEqual((await page.evaluate(KEPT)).session, {});
    await page.reload();
    await page.waitForSelector('input[type=password]');
    await operator.sign_in();
    await operator.says('h1', /^Overview$/);
  });

  await check('a token that went bad under the page is asked for again', async () => {
    await page.evaluate(() => sessionStorage.setItem(Object.keys(sessionStorage)[0], 'hwo_gone'));
    await page.reload();
    await operator.says('[role=alert]', /not good/);
    await operator.sign_in();
    await operator.says('h1', /^Overview$/);
  });
}
