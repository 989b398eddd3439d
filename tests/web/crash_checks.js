// The server dies in the middle of a chat, answers get lost; nothing is lost or doubled, and nobody presses anything.

import assert from 'node:assert/strict';

import { check, until } from './checks.js';
import { Person } from './person.js';
import { picture } from './picture.js';

// Restart, full jitter after a few failures (up to 200 ms × 2^n), sync.
const RECOVERY_BOUND_MS = 20_000;

const KILLS = 3;

export async function crash_checks(browser, server, anna, bert, said) {
  for (let kill = 1; kill <= KILLS; kill += 1) {
    await check(`the server is killed in mid-chat and comes back, ${kill} of ${KILLS}`, async () => {
      const before = [1, 2, 3].map((number) => `kill ${kill}, before ${number}`);
      for (const text of before) await anna.say(text);
      // Not waited for: some of these are unanswered, or not even sent, when the process ends.
      await server.kill();
      await until('both notice', async () => (await anna.state()) !== 'online' && (await bert.state()) !== 'online');
      const [from_anna, from_bert] = [`kill ${kill}, anna meanwhile`, `kill ${kill}, bert meanwhile`];
      await anna.say(from_anna);
      await bert.say(from_bert);
      await until('the message waits', async () => {
        const newest = (await anna.messages()).at(-1);
        return newest.text === from_anna && newest.state === 'pending';
      });
      await server.start();
      await anna.is_online(RECOVERY_BOUND_MS);
      await bert.is_online(RECOVERY_BOUND_MS);
      const all = said.length + before.length + 2;
      const settled = async (person) => {
        const messages = await person.messages();
        return messages.length === all && messages.every((message) => message.state === 'sent');
      };
      await until('both see everything', async () => (await settled(anna)) && (await settled(bert)), RECOVERY_BOUND_MS);
      const order = await anna.texts();
      assert.deepEqual(await bert.texts(), order);
      assert.deepEqual(order.slice(0, said.length), said);
      const added = order.slice(said.length);
      assert.deepEqual(added.filter((text) => text !== from_bert), [...before, from_anna]);
      assert.equal(new Set(added).size, added.length, 'something is there twice');
      said.splice(0, said.length, ...order);
    });
  }

  await check('after a reload everything is still there once', async () => {
    await Promise.all([anna.page.reload(), bert.page.reload()]);
    await anna.sees_all(said);
    await bert.sees_all(said);
  });

  await check('a message whose answer is lost is sent again and arrives once', async () => {
    const lossy = { armed: false, lost: 0, sends: [] };
    const page = await browser.tab(server.url, { before: (tab) => lose_answers(tab, lossy) });
    const frida = new Person(page, 'frida');
    await frida.register();
    await frida.start('bert');
    await frida.say('first');
    await frida.sees(['first']);
    lossy.armed = true;
    await frida.say('second');
    await until('an answer was lost', () => lossy.lost === 1);
    await frida.sees(['first', 'second'], RECOVERY_BOUND_MS);
    const attempts = lossy.sends.filter((send) => send.text === 'second');
    await bert.open('frida');
    await bert.sees(['first', 'second']);
    assert.ok(attempts.length >= 2, 'it was not sent again');
    assert.ok(attempts.every((send) => send.clientMessageId === attempts[0].clientMessageId && send.day === attempts[0].day));
    await frida.say('third');
    await bert.sees(['first', 'second', 'third']);
    await page.close();
    await bert.open('anna');
  });

  await check('a message written while the connection closes arrives once', async () => {
    const page = await browser.tab(server.url, { before: (tab) => tab.addInitScript(remember_sockets) });
    const ines = new Person(page, 'ines');
    await ines.register();
    await ines.start('bert');
    await ines.say('first');
    await ines.sees(['first']);
    // In one go: the page cannot have heard yet that its socket closes.
    const was = await page.evaluate(() => {
      const socket = globalThis.sockets.at(-1);
      socket.close();
      document.getElementById('text').value = 'second';
      document.getElementById('composer').requestSubmit();
      return { closing: socket.readyState === WebSocket.CLOSING, state: document.getElementById('status').dataset.state };
    });
    assert.deepEqual(was, { closing: true, state: 'online' });
    await ines.sees(['first', 'second'], RECOVERY_BOUND_MS);
    await bert.open('ines');
    await bert.sees(['first', 'second']);
    await page.close();
    await bert.open('anna');
    assert.deepEqual(browser.faults, []);
  });

  await check('a message written without a connection survives a reload of the page', async () => {
    await server.kill();
    await until('noticed', async () => (await anna.state()) !== 'online');
    await anna.say('kept over a reload');
    await picture(anna.page, 'desktop-light-reconnecting');
    // The page itself cannot be loaded while its server is gone: it is back before the tab knows it.
    const stored = await anna.page.evaluate(() => JSON.parse(sessionStorage.highwater).outbox.map((message) => message.text));
    assert.deepEqual(stored, ['kept over a reload']);
    await server.start();
    await anna.page.reload();
    said.push('kept over a reload');
    await anna.sees_all(said, RECOVERY_BOUND_MS);
    await bert.sees_all(said, RECOVERY_BOUND_MS);
  });
}

// In the page, before its own script: keeps what it connects with.
function remember_sockets() {
  const Native = WebSocket;
  globalThis.sockets = [];
  globalThis.WebSocket = class extends Native {
    constructor(...how) {
      super(...how);
      globalThis.sockets.push(this);
    }
  };
}

// Once `lossy.armed`, the next message is answered by the end of the connection, after the server has stored it.
function lose_answers(page, lossy) {
  return page.routeWebSocket(/\/v1\/ws$/, (socket) => {
    const server = socket.connectToServer();
    socket.onMessage((frame) => {
      const { send } = JSON.parse(frame);
      if (send) lossy.sends.push(send);
      server.send(frame);
    });
    server.onMessage((frame) => {
      const { sent, push } = JSON.parse(frame);
      if (!lossy.armed || !(sent || push)) return socket.send(frame);
      lossy.lost += sent ? 1 : 0;
      if (!sent) return undefined;
      lossy.armed = false;
      server.close();
      return socket.close({ code: 1013 });
    });
  });
}
