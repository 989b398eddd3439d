// A server that allows one browser of each person: the second one signs the first out, which says why.

import assert from 'node:assert/strict';

import { check } from './checks.js';
import { config_file } from './config_file.js';
import { Person } from './person.js';
import { Server } from './server.js';

export async function device_checks(browser) {
  const config = config_file('[devices]\nweb = "replace"\n');
  const server = new Server(['--dev', '--config', config]);
  await server.start();

  await check('who signs in elsewhere is signed out here, and reads why', async () => {
    const first = new Person(await browser.tab(server.url), 'ida');
    await first.register();
    const second = new Person(await browser.tab(server.url), 'ida');
    await second.sign_in();
    assert.match(await first.refusal(), /^You signed in elsewhere, and this server allows one such device/);
    assert.ok(await first.page.isHidden('#chat'));
    await second.start('ida');
    await second.say('still here');
    await second.sees(['still here']);
    await first.page.close();
    await second.page.close();
  });

  await server.stop();
}
