// The page of the store shows what the server tells of the disk and the index.

import assert from 'node:assert/strict';

import { check, until } from '../checks.js';
import { REFRESH_MS } from './operator.js';
import { table } from './value_table.js';

const INDEX_DISK_BYTES = 1298;
const INDEX_LIVE_BYTES = 1299;
const UNITS = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };

/** `1.50 MiB` in bytes. */
function bytes(text) {
  const [number, unit] = text.split(' ');
  return Number(number.replaceAll(',', '')) * UNITS[unit];
}

export async function storage_checks(operator) {
  const { page } = operator;

  await check('the index on the disk and what is live in it are drawn as the points have them', async () => {
    await operator.open('storage');
    await operator.says('h1', /^Storage$/);
    let rows;
    // It is counted now and then; before that nothing is known of it, and nothing is shown.
    await until('what is live is known', async () => {
      rows = await table(page, 'index');
      return rows[0] && rows[0][2] !== '–';
    }, REFRESH_MS);
    const [from_ms, to_ms] = [rows.at(-1)[0] * 1000, rows[0][0] * 1000 + 60_000];
    const told = await operator.ask('GET', `/v1/points?ids=${INDEX_DISK_BYTES}-${INDEX_LIVE_BYTES}&from_ms=${from_ms}&to_ms=${to_ms}`);
    const [disk, live] = told.series.map(({ points }) => points.toReversed());
    assert.equal(rows.length, disk.length);
    let compared = 0;
    for (const [place, [, on_disk, of_live]] of rows.entries()) {
      // Live that is not known yet is told as 0.
      for (const [shown, value] of [[on_disk, disk[place]], [of_live, live[place] || null]]) {
        if (value === null) assert.equal(shown, '–');
        else assert.ok(Math.abs(bytes(shown) - value) <= value / 100, `${shown} for ${value}`);
        compared += value === null ? 0 : 1;
      }
    }
    assert.ok(compared > 2 && disk[0] >= live[0] && live[0] > 0, `${disk[0]} and ${live[0]}`);
  });

  await check('the page of the store has every curve it should, and its windows', async () => {
    const names = await page.locator('[data-curve]').evaluateAll((all) => all.map((it) => it.dataset.curve));
    assert.deepEqual(names, ['disk', 'index', 'log', 'commit', 'tail', 'index_behind']);
    await page.getByRole('button', { name: 'Week', exact: true }).click();
    // Two lines and last week's.
    await until('a week', async () => (await page.locator('[data-curve=index] .entry').count()) === 3);
    await page.getByRole('button', { name: 'Hour', exact: true }).click();
    await until('an hour', async () => (await page.locator('[data-curve=index] .entry').count()) === 4);
  });
}
