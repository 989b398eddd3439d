// Two people chat, with several devices, by keyboard alone.

import assert from 'node:assert/strict';

import { check, sleep, until } from './checks.js';
import { Person } from './person.js';

// From Enter in one tab to the text in the other, a debug build on a busy machine. Loopback needs a few milliseconds.
const DELIVERY_BOUND_MS = 2_000;

// Marks that were handed back are stored at most a second later; a busy machine has another one.
const HANDED_BACK_STORED_MS = 2_000;

// Some frames, in which the page hears that it was scrolled.
const SCROLLED_MS = 100;

// Messages of a conversation that the page fetches at once.
const AT_ONCE = 50;

export async function chat_checks(browser, server, anna, bert) {
  const said = [];

  await check('a chat begins by user name; somebody unknown is refused in plain words', async () => {
    await anna.page.fill('#start-name', 'nobody-here');
    await anna.page.press('#start-name', 'Enter');
    assert.equal(await anna.refusal('start-refusal'), 'There is nobody with this name.');
    await anna.start('bert');
    await anna.say('Hello Bert');
    said.push('Hello Bert');
    await anna.sees(said);
  });

  await check('the other one sees a new conversation with an unread dot, and opening it takes the dot away', async () => {
    const dot = bert.page.locator('.chat-row .dot');
    await until('a dot', () => dot.isVisible());
    assert.equal(await bert.page.textContent('.chat-row .name'), 'anna');
    assert.equal(await bert.page.textContent('.chat-row .last'), 'Hello Bert');
    assert.equal(await bert.page.title(), '(1) Highwater');
    await bert.open('anna');
    await bert.sees(said);
    await until('no dot', () => dot.isHidden());
    assert.equal(await bert.page.title(), 'Highwater');
  });

  await check('what is sent is delivered when the other one has it, and read when it is in sight', async () => {
    const tick = async () => (await anna.messages()).at(-1).tick;
    await until('Bert has read it', async () => (await tick()) === 'read');
    assert.equal(await anna.page.locator('.message.own .state').last().textContent(), 'Read');
    await bert.page.press('body', 'Escape');
    await anna.say('And now?');
    said.push('And now?');
    await until('it is delivered', async () => (await tick()) === 'delivered');
    assert.equal(await anna.page.locator('.message.own .state').last().textContent(), 'Delivered');
    await bert.open('anna');
    await bert.sees(said);
    await until('it is read', async () => (await tick()) === 'read');
  });

  await check('forty messages in turn arrive in order, each within its bound', async () => {
    let slowest_ms = 0;
    for (let round = 0; round < 20; round += 1) {
      for (const [writer, reader] of [[anna, bert], [bert, anna]]) {
        const text = `${writer.name} ${round}`;
        const started_ms = Date.now();
        await writer.say(text);
        await until(`${reader.name} sees ${text}`, async () => (await reader.texts()).at(-1) === text, DELIVERY_BOUND_MS);
        slowest_ms = Math.max(slowest_ms, Date.now() - started_ms);
        said.push(text);
      }
    }
    await anna.sees(said);
    await bert.sees(said);
    console.log(`      slowest delivery ${slowest_ms} ms`);
  });

  await check('both write at once: both see the same order', async () => {
    const hurried = ['a', 'b', 'c', 'd', 'e'];
    await Promise.all([anna, bert].map(async (person) => {
      for (const text of hurried) await person.say(`${person.name} ${text}`);
    }));
    const all = said.length + 2 * hurried.length;
    const settled = async (person) => {
      const messages = await person.messages();
      return messages.length === all && messages.every((message) => message.state === 'sent');
    };
    await until('all are there', async () => (await settled(anna)) && (await settled(bert)));
    const order = await anna.texts();
    assert.deepEqual(await bert.texts(), order);
    for (const person of [anna, bert]) {
      const own = order.slice(said.length).filter((text) => text.startsWith(person.name));
      assert.deepEqual(own, hurried.map((text) => `${person.name} ${text}`));
    }
    said.splice(0, said.length, ...order);
  });

  await check('days are separated and every message has a time', async () => {
    assert.match(await anna.page.textContent('#log .day'), /^(Today|Yesterday)$/);
    const times = await anna.page.evaluate(() => [...document.querySelectorAll('#log time')].map((time) => [time.textContent, time.dateTime]));
    assert.equal(times.length, said.length);
    for (const [shown, exact] of times) {
      assert.match(shown, /^\d\d:\d\d$/);
      assert.ok(Math.abs(Date.parse(exact) - Date.now()) < 600_000, exact);
    }
  });

  await check('after a reload the newest messages are there again, in order, once, and the chat is still open', async () => {
    // What was handed back is stored by now, so the new beginning is told a gap.
    await sleep(HANDED_BACK_STORED_MS);
    const pages = listen_to_pages(anna.page);
    await anna.page.reload();
    await anna.is_online();
    await anna.sees(said.slice(-AT_ONCE));
    assert.equal(pages.filter((page) => page.messagesGap).length, 1);
    assert.ok(pages.flatMap((page) => page.entries ?? []).length < AT_ONCE, 'all came by pages: this check proves nothing');
  });

  await check('earlier messages come by a press, above what is read, until there are no more', async () => {
    const { page } = anna;
    const log = () => page.evaluate(() => [document.getElementById('log').scrollTop, document.querySelectorAll('#log .message').length]);
    // News in the same moment may still be followed; somebody who wants to see what was before scrolls again.
    await until('it is scrolled', async () => {
      await page.evaluate(() => { document.getElementById('log').scrollTop = 0; });
      await sleep(SCROLLED_MS);
      return (await log())[0] === 0;
    });
    await page.getByRole('button', { name: 'Show earlier messages' }).click();
    await anna.sees(said);
    assert.ok((await log())[0] > 0, 'what is read stays in its place');
    assert.ok(await page.locator('#log .earlier').isHidden());
  });

  await check('another device of the same person finds the messages from before its sign-in, and sees what follows, both ways', async () => {
    const second = new Person(await browser.tab(server.url), 'anna');
    await second.sign_in();
    await until('the conversation', () => second.page.locator('.chat-row').isVisible());
    await second.open('bert');
    await second.sees(said.slice(-AT_ONCE));
    await anna.say('from the first device');
    await second.sees_all([...said, 'from the first device']);
    await second.say('from the second device');
    said.push('from the first device', 'from the second device');
    await anna.sees(said);
    await bert.sees(said);
    await second.page.click('#sign-out');
    await second.page.close();
  });

  await check('a copied tab takes the connection over and says so in the old one', async () => {
    const stored = await bert.page.evaluate(() => sessionStorage.highwater);
    const copy = await browser.tab(server.url, {
      before: (page) => page.addInitScript((value) => { sessionStorage.highwater ??= value; }, stored),
    });
    await until('the old tab knows', async () => (await bert.state()) === 'replaced');
    assert.equal(await bert.page.textContent('#status-text'), 'This chat is open in another tab.');
    await copy.close();
    await bert.page.click('#status-action');
    await bert.is_online();
  });

  await check('a message above the limit is not sent, and its text is kept', async () => {
    const long = 'ä'.repeat(3_000);
    await anna.say(long);
    assert.match(await anna.refusal('composer-refusal'), /^This message is too long: 6000 of at most \d+ bytes/);
    assert.equal(await anna.page.inputValue('#text'), long);
    await anna.page.fill('#text', '');
    await anna.sees(said);
  });

  return said;
}

export async function keyboard_checks(browser, server) {
  await check('everything works by keyboard alone, and an input method keeps its Enter', async () => {
    const page = await browser.tab(server.url);
    const emil = new Person(page, 'emil');
    const { keyboard } = page;
    const focused = () => page.evaluate(() => document.activeElement.id || document.activeElement.className);
    await until('the name has the focus', async () => (await focused()) === 'account-name');
    await keyboard.press('Shift+Tab');
    assert.equal(await focused(), 'mode-register');
    await keyboard.press('Space');
    await keyboard.press('Tab');
    await keyboard.type('emil');
    await keyboard.press('Tab');
    assert.equal(await focused(), 'account-password');
    await keyboard.type('nine brown otters');
    await keyboard.press('Enter');
    await emil.is_online();
    assert.equal(await focused(), 'start-name');
    for (const name of ['anna', 'bert']) {
      await keyboard.type(name);
      await keyboard.press('Enter');
      await until('the field has the focus', async () => (await focused()) === 'text');
      await keyboard.type('one');
      await keyboard.press('Shift+Enter');
      await keyboard.type('two');
      await compose_enter(page);
      assert.deepEqual(await emil.texts(), [], 'Enter of an input method has sent');
      await keyboard.press('Enter');
      await emil.sees(['one\ntwo']);
      await keyboard.press('Escape');
      assert.equal(await focused(), 'chat-row');
      if (name === 'anna') while ((await focused()) !== 'start-name') await keyboard.press('Shift+Tab');
    }
    await keyboard.press('ArrowDown');
    await keyboard.press('Enter');
    assert.match(await page.textContent('#thread-name'), /^anna$/);
    await page.close();
  });

  await check('roles are those of a log, a status, alerts and a navigation', async () => {
    const page = await browser.tab(server.url);
    const roles = await page.evaluate(() => [
      document.querySelector('[role=log]').getAttribute('aria-live'),
      document.getElementById('status-text').getAttribute('role'),
      document.getElementById('account-refusal').getAttribute('role'),
      document.querySelector('nav').getAttribute('aria-label'),
    ]);
    assert.deepEqual(roles, ['polite', 'status', 'alert', 'Conversations']);
    const unnamed = await page.evaluate(() => [...document.querySelectorAll('input, textarea')]
      .filter((field) => field.labels.length === 0).map((field) => field.id));
    assert.deepEqual(unnamed, []);
    await page.close();
  });
}

// Collects the pages and pushes that the server sends to a tab from now on.
function listen_to_pages(tab) {
  const pages = [];
  tab.on('websocket', (socket) => socket.on('framereceived', ({ payload }) => {
    const { page, push } = JSON.parse(payload);
    if (page ?? push) pages.push(page ?? push);
  }));
  return pages;
}

function compose_enter(page) {
  return page.evaluate(() => document.getElementById('text')
    .dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', isComposing: true, bubbles: true, cancelable: true })));
}
