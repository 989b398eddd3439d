// What the overview shows is what the server tells at /v1/points.

import assert from 'node:assert/strict';

import { check, until } from '../checks.js';
import { REFRESH_MS } from './operator.js';
import { table } from './value_table.js';

const MESSAGES_STORED = 1010;
const ACCOUNTS_MADE = 1310;
const SENDS = 60;
const PROVISIONED = 3;

export async function figure_checks(operator, people) {
  const { page } = operator;

  await check('people write, and the curve of messages has what the points have', async () => {
    const [ann, bob] = [await people.register('ann'), await people.register('bob')];
    for (let number = 0; number < SENDS; number += 1) await people.say(ann.token, { userName: bob.name }, `hello ${number}`);
    // Until the minutes in which they were written are over and have come to the page.
    let rows;
    const sum = () => rows.reduce((all, row) => all + (Number.parseFloat(row[1]) || 0) * 60, 0);
    await until('all sends are in the table', async () => {
      rows = await table(page, 'messages');
      return Math.round(sum()) >= SENDS - 2;
    }, REFRESH_MS);
    const from_ms = rows.at(-1)[0] * 1000;
    const told = await operator.ask('GET', `/v1/points?ids=${MESSAGES_STORED}&from_ms=${from_ms}&to_ms=${rows[0][0] * 1000 + 60_000}`);
    const points = told.series[0].points;
    assert.equal(rows.length, points.length);
    let seen = 0;
    for (const [place, value] of points.toReversed().entries()) {
      const shown = rows[place][1];
      if (value === null) assert.equal(shown, '–', 'a gap is no zero');
      else assert.ok(Math.abs(Number.parseFloat(shown) - value / 60) <= 0.051, `${shown} for ${value} a minute`);
      seen += value ?? 0;
    }
    assert.ok(seen >= SENDS, `${seen} of ${SENDS} sends`);
    assert.ok(points.includes(null), 'the time before the server began is a gap');
  });

  await check('the curve is painted', async () => {
    const painted = await page.evaluate(() => {
      const canvas = document.querySelector('[data-curve=messages] canvas');
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      const [red, green, blue] = getComputedStyle(document.documentElement).getPropertyValue('--series-1').match(/\w\w/g).map((part) => parseInt(part, 16));
      let pixels = 0;
      for (let at = 0; at < data.length; at += 4) {
        if (data[at + 3] > 200 && Math.abs(data[at] - red) + Math.abs(data[at + 1] - green) + Math.abs(data[at + 2] - blue) < 24) pixels += 1;
      }
      return pixels;
    });
    assert.ok(painted > 50, `${painted} pixels of the first line`);
  });

  await check('registrations of today are those of the points, whoever made the accounts, and messages too', async () => {
    await operator.provision(PROVISIONED);
    const accounts = 2 + PROVISIONED;
    await operator.says('section[aria-label="Registrations today"] .value', new RegExp(`^${accounts}$`));
    await operator.says('section[aria-label="Messages today"] .value', new RegExp(`^${SENDS}$`));
    const told = await operator.ask('GET', `/v1/points?ids=${ACCOUNTS_MADE}`);
    assert.equal(told.series[0].points.reduce((sum, value) => sum + (value ?? 0), 0), accounts);
  });

  await check('every window is shown, and pale lines stand for earlier times', async () => {
    for (const [name, earlier] of [['Day', 2], ['Week', 1], ['Month', 0], ['Hour', 2]]) {
      await page.getByRole('button', { name, exact: true }).click();
      const lines = 4 + earlier;
      await until(`${name} has ${lines} lines`, async () => (await page.locator('[data-curve=messages] .entry').count()) === lines);
    }
  });
}
