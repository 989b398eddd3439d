// Hostile texts in every place where people may put texts: the pages show them letter by letter, and nothing comes of them.

import assert from 'node:assert/strict';

import { check, until } from '../checks.js';
import { HOSTILE } from './hostile_texts.js';

/** Of a user; `devices.devices_max` is 32 at most. */
const DEVICES = 10;

/** Elements that no page of ours has; a text that was taken for markup would bring some of them. */
const FOREIGN = 'main :is(script, img, iframe, object, embed, video, audio, style, link, meta, base, math, animate, use, marquee, details, template)';

const state = () => ({
  hit: window.hit,
  foreign: document.querySelectorAll(':is(body, main) > style').length,
  scripts: document.scripts.length,
  frames: window.length,
  at: location.origin,
});

async function assert_nothing_ran(operator, browser, faults) {
  const { page } = operator;
  const found = await page.evaluate(state);
  assert.deepEqual(found, { hit: undefined, foreign: 0, scripts: 1, frames: 0, at: operator.server.operator });
  assert.equal(await page.locator(FOREIGN).count(), 0);
  assert.deepEqual(browser.faults.slice(faults), []);
}

export async function hostile_checks(browser, operator, people) {
  const { page } = operator;
  const faults = browser.faults.length;
  const mallory = await people.register('mallory');
  const victim = await people.register('victim');
  const groups = [];

  await check(`${HOSTILE.length} hostile texts are written wherever the server takes them`, async () => {
    assert.ok(HOSTILE.length >= 50);
    for (const [number, text] of HOSTILE.entries()) {
      const group = await people.group(mallory.token, text, [victim.user_id]);
      await people.done(mallory.token, { setAnnouncement: { conversationId: group, text } });
      const { seq } = await people.say(mallory.token, { conversationId: group }, text);
      groups.push({ group, seq, text });
      const name = `stranger${Math.floor(number / DEVICES)}`;
      if (number % DEVICES === 0) {
        const { token } = await people.register(name);
        await people.done(token, { askContact: { userId: victim.user_id, greeting: text } });
        await people.done(token, { sync: {} });
      }
      const { token } = await people.another_device(name, text);
      await people.done(token, { sync: {} });
    }
    await people.done(mallory.token, { sync: {} });
  });

  await check('in the names of groups they are letters', async () => {
    for (const { group, text } of groups) {
      await operator.open('groups', group);
      await until(text, async () => (await page.locator('section[aria-label=Group] h2').allTextContents()).includes(text));
      await assert_nothing_ran(operator, browser, faults);
    }
  });

  await check('in messages they are not shown at all', async () => {
    for (const { group, seq } of groups.slice(0, 5)) {
      await operator.open('messages', group, String(seq));
      await operator.says('section[aria-label="Went to"]', /mallory/);
      await assert_nothing_ran(operator, browser, faults);
    }
  });

  await check('in the names of devices they are letters', async () => {
    for (let first = 0; first < HOSTILE.length; first += DEVICES) {
      const wanted = HOSTILE.slice(first, first + DEVICES);
      await operator.open('users', `stranger${first / DEVICES}`);
      const shown = async () => page.locator('tr[data-device] td.device').allTextContents();
      // Beside them is the device by which the user registered.
      const devices = [...wanted, 'desk'].toSorted();
      await until('all devices', async () => (await shown()).length >= devices.length);
      assert.deepEqual((await shown()).toSorted(), devices);
      await assert_nothing_ran(operator, browser, faults);
    }
  });

  await check('in names of users, which the server refuses today, they would be letters', async () => {
    const told = await operator.ask('POST', '/v1/explain/user', { user: 'mallory' });
    for (const text of HOSTILE) {
      const answer = { json: { ...told, name: text } };
      await page.route('**/v1/explain/user', (route) => route.fulfill(answer));
      await operator.open('users', `as ${text}`);
      await until(text, async () => (await page.locator('section[aria-label=Account] h2').allTextContents()).includes(text));
      await page.unroute('**/v1/explain/user');
      await assert_nothing_ran(operator, browser, faults);
    }
  });

  await check('in an address they open no page of theirs', async () => {
    for (const text of HOSTILE) {
      await operator.open('users', text);
      await page.waitForSelector('[role=alert]');
      assert.equal(await page.inputValue('form.search input'), text);
    }
    for (const page_name of ['overview', 'alarms', 'storage', 'live']) {
      await operator.open(page_name);
      await operator.says('h1', new RegExp(page_name, 'i'));
    }
    await assert_nothing_ran(operator, browser, faults);
  });

  await check('the policy stops a script that got in all the same, and these checks would notice', async () => {
    await page.evaluate(() => {
      const script = document.createElement('script');
      script.textContent = 'window.hit = 1';
      document.body.append(script);
      script.remove();
      document.body.setAttribute('style', 'opacity: 0');
      document.body.removeAttribute('style');
    });
    assert.equal(await page.evaluate(() => window.hit), undefined);
    const noticed = browser.faults.splice(faults);
    assert.ok(noticed.some((fault) => /script-src/.test(fault)), `nobody noticed: ${noticed}`);
  });
}
