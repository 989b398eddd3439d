// From points to lines: gaps stay gaps, zero stays zero, percentiles lie where the bands say.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { close, load } from './modules.js';

const { gauge, gauge_once_known, highest, laid_over, newest, percentile, percentile_of, rate, rate_per_minute, total } = await load('/src/lib/lines.ts');
after(close);

const points = (minutes, values) => ({ from_ms: 0, step_ms: 60_000, minutes, values: new Map(Object.entries(values).map(([id, of]) => [Number(id), of])) });

test('missing is a gap and zero is zero', () => {
  const seen = points([1, 0, 1, 1], { 5: [0, null, 120, null] });
  assert.deepEqual(gauge(5)(seen), [0, null, 120, null]);
  assert.deepEqual(rate([5])(seen), [0, null, 2, null]);
  assert.deepEqual(gauge(6)(seen), [null, null, null, null], 'an id that the server does not have');
  assert.equal(newest(gauge(5)(seen)), null, 'the newest is missing, and an older one is not shown for it');
});

test('a gauge that is not known yet is a gap', () => {
  const seen = points([1, 0, 1, 1], { 5: [0, null, 120, null] });
  assert.deepEqual(gauge_once_known(5)(seen), [null, null, 120, null]);
});

test('a rate is over the minutes that were counted', () => {
  const seen = points([60, 30], { 5: [7200, 3600], 6: [3600, 0] });
  assert.deepEqual(rate([5])(seen), [2, 2]);
  assert.deepEqual(rate([5], [6])(seen), [1, 2]);
  assert.deepEqual(rate_per_minute([5, 6])(seen), [180, 120]);
});

test('sums and highest values pass over what is missing', () => {
  const seen = points([1, 0, 1], { 5: [3, null, 4] });
  assert.equal(total(seen, 5), 7);
  assert.equal(highest(seen, 5), 4);
  assert.equal(total(seen, 6), null);
});

test('percentiles lie in their band and never above the highest value', () => {
  const bands = [0, 0, 100, 0, 0, 0, 0, 0, 0, 0];
  assert.equal(percentile_of(bands, null, 0.5), 3500);
  assert.equal(percentile_of(bands, 5000, 1), 5000);
  assert.equal(percentile_of(bands, 3000, 0.5), 2500, 'the band ends at the highest value');
  assert.equal(percentile_of([90, 0, 0, 0, 0, 0, 0, 0, 0, 10], 6_000_000, 0.95), 4_000_000, 'above the last bound');
  assert.equal(percentile_of([1, 0, 0, 0, 0, 0, 0, 0, 0, 0], 400, 0.99), 396);
  assert.equal(percentile_of(new Array(10).fill(0), 0, 0.5), null, 'of nothing there is none');
});

test('percentiles agree with counted values within their band', () => {
  const bounds = [1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000, 500_000, 2_000_000];
  let seed = 7;
  const random = () => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
  for (let round = 0; round < 200; round += 1) {
    const values = Array.from({ length: 1 + Math.floor(random() * 50) }, () => Math.floor(10 ** (2 + random() * 4.5))).sort((a, b) => a - b);
    const counts = new Array(10).fill(0);
    for (const value of values) counts[bounds.findIndex((bound) => value <= bound) < 0 ? 9 : bounds.findIndex((bound) => value <= bound)] += 1;
    for (const share of [0.5, 0.95, 0.99]) {
      const exact = values[Math.ceil(share * values.length) - 1];
      const band = bounds.findIndex((bound) => exact <= bound);
      const [low, high] = [bounds[(band < 0 ? 9 : band) - 1] ?? 0, band < 0 ? Infinity : bounds[band]];
      const told = percentile_of(counts, values.at(-1), share);
      assert.ok(told >= low && told <= Math.min(high, values.at(-1)), `${share} of ${values}: ${told}`);
    }
  }
});

test('a histogram without points of one band is a gap', () => {
  const histogram = { bands: [1, 2], max: 3 };
  assert.deepEqual(percentile(histogram, 0.5)(points([1, 1], { 1: [2, 2], 2: [0, null], 3: [800, 800] })), [400, null]);
});

test('an earlier time is laid over by its own steps', () => {
  const day = 86_400_000;
  const over = { from_ms: 8 * day, step_ms: 60_000, minutes: new Array(10).fill(1), values: new Map() };
  const five = { from_ms: 7 * day, step_ms: 300_000, minutes: [5, 5], values: new Map() };
  assert.deepEqual(laid_over([1, null], five, over, day), [1, 1, 1, 1, 1, null, null, null, null, null]);
  assert.deepEqual(laid_over([1], { ...five, from_ms: 7 * day + 300_000 }, over, day).slice(3, 7), [null, null, 1, 1]);
});
