// Making accounts, signing in, and what the page says when the server refuses.

import assert from 'node:assert/strict';

import { check } from './checks.js';
import { Person } from './person.js';
import { Server } from './server.js';

export async function account_checks(browser, server, anna, bert) {
  await check('two tabs of one browser register as two people', async () => {
    await anna.register();
    await bert.register();
    assert.equal(await anna.page.textContent('#own-name'), 'anna');
    assert.equal(await bert.page.textContent('#own-name'), 'bert');
  });

  await check('a name that is taken, a bad name and a weak password are refused in plain words', async () => {
    const page = await browser.tab(server.url);
    await page.click('#mode-register');
    await new Person(page, 'ANNA').submit();
    assert.match(await new Person(page).refusal(), /^This name is taken/);
    for (const name of ['<img/src=x onerror=alert(1)>', 'a', 'anna bella']) {
      await page.click('#mode-register');
      await new Person(page, name).submit();
      assert.match(await new Person(page).refusal(), /^A name has 2 to 32 letters/, name);
    }
    await page.click('#mode-register');
    await new Person(page, 'carla').submit({ password: 'password' });
    assert.match(await new Person(page).refusal(), /^This password is too easy/);
    await page.close();
  });

  await check('a wrong password is refused in plain words, and the right one then works', async () => {
    const page = await browser.tab(server.url);
    const again = new Person(page, 'bert');
    await again.submit({ password: 'not my password' });
    assert.equal(await again.refusal(), 'Name or password is wrong.');
    await again.submit({ password: '' });
    assert.equal(await again.refusal(), 'Name and password are needed.');
    await again.sign_in();
    await page.click('#sign-out');
    await page.waitForSelector('#account:not([hidden])');
    assert.equal(await page.evaluate(() => JSON.parse(sessionStorage.highwater).token), '');
    await page.close();
  });

  await check('development mode says so', async () => {
    assert.ok(await anna.page.isVisible('#dev-banner'));
  });
}

// Servers with other rules on who may register.
export async function registration_checks(browser) {
  await check('a server that wants invites says so and takes one', async () => {
    const server = new Server(['--registration', 'invite']);
    await server.start();
    const page = await browser.tab(server.url);
    const dora = new Person(page, 'dora');
    await page.waitForSelector('#registration-banner:not([hidden])');
    assert.match(await page.textContent('#registration-banner'), /^This server takes new accounts by invitation/);
    assert.ok(await page.isHidden('#dev-banner'));
    assert.ok(await page.isHidden('#account-invite'));
    await page.click('#mode-register');
    await dora.submit({ invite: 'hwi_wrong' });
    assert.match(await dora.refusal(), /^This invite is not valid/);
    await dora.register({ invite: await server.invite() });
    await page.close();
    assert.equal(await server.stop(), 0);
  });

  await check('a closed server says so and offers no new account', async () => {
    const server = new Server([]);
    await server.start();
    const page = await browser.tab(server.url);
    await page.waitForSelector('#registration-banner:not([hidden])');
    assert.match(await page.textContent('#registration-banner'), /^This server takes no new accounts/);
    assert.ok(await page.isHidden('#mode-register'));
    await page.close();
    assert.equal(await server.stop(), 0);
  });
}
