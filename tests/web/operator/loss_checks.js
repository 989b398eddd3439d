// The server goes away under the page: it says that its figures are old and since when, and goes on by itself.

import assert from 'node:assert/strict';

import { check } from '../checks.js';

export async function loss_checks(operator) {
  const { page, server } = operator;

  await check('the server is killed, and the page says that its figures are old', async () => {
    await operator.open('overview');
    await operator.says('.bar', /as of \d\d:\d\d:\d\d UTC/);
    await server.kill();
    await operator.says('[role=alert]', /does not answer.*These figures are old: they are of \d\d:\d\d:\d\d UTC/);
    assert.ok((await page.locator('[data-curve]').count()) > 5, 'the old figures stay');
  });

  await check('it comes back, and the page goes on without being asked', async () => {
    await server.start();
    await operator.says('.bar', /as of \d\d:\d\d:\d\d UTC/);
    assert.equal(await page.locator('[role=alert]').count(), 0);
  });

  await check('the time without a server is a gap', async () => {
    const section = page.locator('[data-curve=connections]');
    if ((await section.locator('table').count()) === 0) await section.getByText('Table').click();
    const cells = await section.locator('tbody tr td:nth-child(2)').allTextContents();
    const first = cells.findIndex((cell) => cell !== '–');
    assert.ok(cells.slice(first).includes('–'), 'a gap between figures');
  });
}
