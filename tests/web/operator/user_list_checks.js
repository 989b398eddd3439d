// The page of users lists all of them, letter by letter, and leads to each.

import assert from 'node:assert/strict';

import { check, until } from '../checks.js';

const HOSTILE = '<img src=x onerror="window.hit=1">&amp;\'"';

export async function user_list_checks(operator, people) {
  const { page } = operator;
  const names = ['quinta', 'Quentin', 'quay'];
  for (const name of names) await people.register(name);
  const { token } = await people.another_device('quay', 'tablet of quay');
  await people.done(token, { setProfile: { displayName: HOSTILE, avatar: '', about: '' } });
  const shown = async () => page.locator('tr[data-listed] td.name a').allTextContents();

  await check('all users are listed', async () => {
    await operator.open('users');
    await until('all users', async () => (await page.locator('tr[data-listed]').count()) >= names.length);
    const listed = await page.locator('tr[data-listed]').evaluateAll((all) => all.map((it) => it.dataset.listed));
    assert.deepEqual(listed, listed.toSorted((a, b) => (BigInt(a) < BigInt(b) ? -1 : 1)));
    for (const name of names) assert.ok((await shown()).includes(name), name);
  });

  await check('those whose names begin alike are listed in order, and lead to each', async () => {
    const list = page.locator('section[aria-label="All users"]');
    await list.locator('input').fill('QU');
    await list.getByRole('button', { name: 'List' }).click();
    await until('three users', async () => (await shown()).length === names.length);
    assert.deepEqual(await shown(), ['quay', 'Quentin', 'quinta']);
    assert.ok((await list.textContent()).includes(HOSTILE), 'what users show is letters');
    assert.equal(await page.evaluate(() => window.hit), undefined);
    await page.locator('tr[data-listed] td.name a').first().click();
    await operator.says('section[aria-label=Account] h2', /^quay$/);
    assert.equal(await list.count(), 0);
  });
}
