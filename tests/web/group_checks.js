// A group is made from contacts, written to by both, and taken away.

import assert from 'node:assert/strict';

import { check, until } from './checks.js';

const NAME = '<b>Tea</b> & "cake"';
const HOSTILE = '<img src=x onerror="window.hit=1">';

export async function group_checks(browser, server, anna, bert) {
  const made = `anna made the group "${NAME}" with bert`;

  await check('a group needs a name and somebody besides', async () => {
    await anna.page.click('#group summary');
    await anna.page.click('#group-form button');
    assert.match(await anna.refusal('group-refusal'), /^A group has a name/);
  });

  await check('a group is made from contacts and opens', async () => {
    await anna.page.fill('#group-name', NAME);
    await anna.page.locator('#group-people label', { hasText: 'bert' }).locator('input').check();
    await anna.page.click('#group-form button');
    await until('the group', async () => (await anna.page.textContent('#thread-name')) === NAME);
    await anna.sees([made]);
    assert.equal(await anna.page.locator('#group-people label', { hasText: NAME }).count(), 0, 'a group is nobody to take along');
  });

  await check('both write in it, and each is shown by name', async () => {
    await bert.open(NAME);
    await bert.sees([made]);
    await anna.say('Hello');
    await bert.sees([made, 'anna: Hello']);
    await bert.say(HOSTILE);
    await anna.sees([made, 'Hello', `bert: ${HOSTILE}`]);
    const own = (await bert.messages()).map((message) => message.own);
    assert.deepEqual(own, [false, false, true]);
    for (const { page } of [anna, bert]) {
      const inside = '.text *, .last *, #thread-name *, .chat-row .name *, #group-people span *';
      const found = await page.evaluate((inside) => [window.hit, document.querySelectorAll(inside).length], inside);
      assert.deepEqual(found, [undefined, 0]);
    }
  });

  await check('who leaves has the group no more', async () => {
    const leave = async () => {
      const { ask } = await import('/http.js');
      const { Session } = await import('/session.js');
      const conversation = location.hash.slice('#with='.length);
      await ask({ leaveGroup: { conversationId: conversation } }, new Session().token);
    };
    await bert.page.evaluate(leave);
    await until('the group is gone', async () => (await bert.page.locator('.chat-row', { hasText: NAME }).count()) === 0);
    await anna.sees([made, 'Hello', `bert: ${HOSTILE}`, 'bert left']);
    await bert.page.evaluate(() => { location.hash = ''; });
  });
}
