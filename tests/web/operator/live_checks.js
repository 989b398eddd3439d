// The page of live actors shows what the server tells of them.

import assert from 'node:assert/strict';

import { check } from '../checks.js';
import { connected } from './sockets.js';

export async function live_checks(browser, operator, people) {
  const { page } = operator;

  await check('actors are counted by sort, and a socket that opens and closes is seen', async () => {
    await operator.open('live');
    await operator.says('section[aria-label="connections"] .value', /^0$/);
    const { token } = await people.another_device('ann', 'socket of ann');
    const tab = await connected(browser, people.url, token);
    // It refreshes by itself, while it is seen.
    await page.bringToFront();
    await operator.says('section[aria-label="connections"] .value', /^1$/);
    await operator.says('section[aria-label="user actors"] .value', /^1$/);
    const told = await operator.ask('GET', '/v1/live');
    assert.equal(told.workers.reduce((sum, { users }) => sum + users, 0), 1);
    assert.equal(await page.locator('tr[data-worker]').count(), told.workers.length);
    await tab.close();
    await operator.says('section[aria-label="connections"] .value', /^0$/);
  });

  await check('queues have their names and what waits in them', async () => {
    const told = await operator.ask('GET', '/v1/live');
    const rows = await page.locator('tr[data-queue]').evaluateAll((all) => all.map((it) => it.dataset.queue));
    assert.deepEqual(rows, told.queues.map(({ name }) => name));
    await operator.says('section[aria-label="Groups that lag"]', /None/);
  });
}
