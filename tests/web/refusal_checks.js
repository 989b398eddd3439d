// What the page does with a message that the server refuses, now or for good, and with a device that was ended.

import assert from 'node:assert/strict';

import { check, until } from './checks.js';
import { Person } from './person.js';
import { picture } from './picture.js';

const TOO_LONG = { code: 302, name: 'text_too_long', message: 'the text is longer than the limit' };
const BUSY = { code: 500, name: 'busy', message: 'the server is busy', retry: true, retryAfterMs: 300 };

export async function refusal_checks(browser, server, bert) {
  const answers = [];
  const page = await browser.tab(server.url, { before: (tab) => refuse_sends(tab, answers) });
  const greta = new Person(page, 'greta');
  const state = async () => (await greta.messages()).at(-1)?.state;

  await check('a message that is refused says why, and “Try again” sends it', async () => {
    await greta.register();
    await greta.start('bert');
    answers.push(TOO_LONG);
    await greta.say('refused at first');
    await until('it is refused', async () => (await state()) === 'refused');
    assert.match(await page.textContent('.message .state'), /^Not sent: This message is too long\./);
    await picture(page, 'desktop-light-refused');
    await page.getByRole('button', { name: 'Try again' }).click();
    await greta.sees(['refused at first']);
  });

  await check('a refused message can be removed, and does not hold up the next one', async () => {
    answers.push(TOO_LONG);
    await greta.say('never');
    await until('it is refused', async () => (await state()) === 'refused');
    await greta.say('next');
    await until('the next one is sent', async () => (await greta.messages()).some(({ text, state: now }) => text === 'next' && now === 'sent'));
    await page.getByRole('button', { name: 'Remove' }).click();
    await greta.sees(['refused at first', 'next']);
  });

  await check('a busy server is asked again by itself, in the order of writing', async () => {
    answers.push(BUSY, BUSY);
    await greta.say('patient');
    await greta.say('after it');
    await until('it says that it waits', async () => (await greta.messages()).some((message) => message.state === 'delayed'));
    await greta.sees(['refused at first', 'next', 'patient', 'after it']);
    await bert.open('greta');
    await bert.sees(['refused at first', 'next', 'patient', 'after it']);
    await bert.open('anna');
  });

  await check('a device that was ended elsewhere is asked to sign in again, and goes on', async () => {
    const other = new Person(await browser.tab(server.url), 'greta');
    await other.sign_in();
    await other.page.evaluate(() => fetch('/v1/request', {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${JSON.parse(sessionStorage.highwater).token}` },
      body: JSON.stringify({ requestId: '1', endDevice: { allOthers: true } }),
    }));
    assert.match(await greta.refusal(), /^You were signed out on this device/);
    assert.ok(await page.isHidden('#chat'));
    await greta.sign_in();
    await greta.open('bert');
    await greta.say('back again');
    await until('it is sent', async () => (await greta.messages()).at(-1).text === 'back again' && (await state()) === 'sent');
    await other.page.close();
  });

  await page.close();
}

// Answers sends with these errors, in order, before the server ever sees them.
function refuse_sends(page, answers) {
  return page.routeWebSocket(/\/v1\/ws$/, (socket) => {
    const server = socket.connectToServer();
    socket.onMessage((frame) => {
      const { requestId, send } = JSON.parse(frame);
      if (send && answers.length > 0) socket.send(JSON.stringify({ requestId, error: answers.shift() }));
      else server.send(frame);
    });
  });
}
