// Points that the page keeps: after any number of refreshes they are what a fresh question would have answered.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { close, load } from './modules.js';

const { Points } = await load('/src/lib/points.ts');
after(close);

const MINUTE = 60_000;

/** A server that has counted `id * 1000 + minute` in every minute but each seventh, and tells two ids in an answer. */
class Server {
  asked = [];
  until = 0;

  constructor(step_minutes = () => 1) {
    this.step_minutes = step_minutes;
  }

  ask = ([first, last], from_ms, to_ms) => {
    const step = this.step_minutes(to_ms - from_ms);
    const begin = Math.floor(from_ms / MINUTE / step);
    const end = Math.floor((to_ms - 1) / MINUTE / step) + 1;
    const slots = Array.from({ length: end - begin }, (_, place) => begin + place);
    const has = (slot) => slot % 7 !== 0 && slot * step < this.until;
    this.asked.push(slots.length);
    const told = Math.min(last, first + 1);
    const ids = Array.from({ length: told - first + 1 }, (_, place) => first + place);
    return Promise.resolve({
      from_ms: begin * step * MINUTE,
      step_ms: step * MINUTE,
      steps: slots.length,
      minutes: slots.map((slot) => (has(slot) ? step : 0)),
      series: ids.map((id) => ({ id, name: `${id}`, points: slots.map((slot) => (has(slot) ? id * 1000 + slot : null)) })),
      next_id: told < last ? told + 1 : null,
    });
  };
}

const plain = ({ values, ...rest }) => ({ ...rest, values: Object.fromEntries(values) });

test('what is kept and brought up to date is what a fresh question answers', async () => {
  const server = new Server();
  const kept = new Points([[1, 5], [9, 9]], server.ask);
  for (const until of [60, 60, 61, 64, 100, 101, 300, 301]) {
    server.until = until;
    const [from_ms, to_ms] = [(until - 60) * MINUTE, until * MINUTE];
    const fresh = await new Points([[1, 5], [9, 9]], server.ask).of(from_ms, to_ms);
    assert.deepEqual(plain(await kept.of(from_ms, to_ms)), plain(fresh), `until ${until}`);
    assert.equal(fresh.minutes.length, 60);
    assert.deepEqual([...fresh.values.keys()], [1, 2, 3, 4, 5, 9], 'all answers of a range');
  }
});

test('a refresh asks for the newest only', async () => {
  const server = new Server();
  server.until = 1440;
  const kept = new Points([[1, 1]], server.ask);
  await kept.of(0, 1440 * MINUTE);
  server.asked = [];
  server.until = 1441;
  await kept.of(MINUTE, 1441 * MINUTE);
  assert.deepEqual(server.asked, [4]);
});

test('a minute that came late is there after the next refresh', async () => {
  const server = new Server();
  server.until = 59;
  const kept = new Points([[1, 1]], server.ask);
  const late = await kept.of(0, 60 * MINUTE);
  assert.equal(late.minutes.at(-1), 0);
  server.until = 60;
  const then = await kept.of(0, 60 * MINUTE);
  assert.equal(then.minutes.at(-1), 1);
});

test('longer stretches are not mixed with shorter ones', async () => {
  // Of more than two hours this server tells five minutes.
  const server = new Server((length_ms) => (length_ms > 120 * MINUTE ? 5 : 1));
  server.until = 10_000;
  const kept = new Points([[1, 1]], server.ask);
  for (const until of [1000, 1001, 1200]) {
    const [from_ms, to_ms] = [(until - 240) * MINUTE, until * MINUTE];
    const fresh = await new Points([[1, 1]], server.ask).of(from_ms, to_ms);
    assert.deepEqual(plain(await kept.of(from_ms, to_ms)), plain(fresh));
    assert.equal(fresh.step_ms, 5 * MINUTE);
  }
});
