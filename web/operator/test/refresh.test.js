// A page refreshes every ten seconds, and once soon after the end of every minute.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { close, load } from './modules.js';

const { wait_ms } = await load('/src/lib/refresh.ts');
after(close);

const MINUTE = 60_000;

test('whenever it begins, no wait is longer than ten seconds, and each minute is looked at two seconds behind its end', () => {
  for (let begin = 0; begin < MINUTE; begin += 137) {
    const looks = [];
    for (let now = 10 * MINUTE + begin; now < 14 * MINUTE; now += wait_ms(now)) looks.push(now);
    const waits = looks.slice(1).map((at, place) => at - looks[place]);
    assert.ok(Math.max(...waits) <= 10_000 && Math.min(...waits) > 0);
    for (const minute of [11, 12, 13]) assert.ok(looks.includes(minute * MINUTE + 2_000), `${begin} and ${minute}`);
    assert.ok(looks.length <= 4 * 8, 'and not much more often');
  }
});
