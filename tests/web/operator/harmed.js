// A server of its own that is going to be harmed, with an operator at its pages; and what is looked at of every fault.

import assert from 'node:assert/strict';

import { check, until } from '../checks.js';
import { config_file } from '../config_file.js';
import { ends_in_good_order } from '../harness.js';
import { Operator, REFRESH_MS } from './operator.js';
import { People } from './people.js';
import { picture } from '../picture.js';
import { Server } from '../server.js';

/** A minute of these servers, ms: MINUTE_MS=60000 is a real one, and the whole takes half an hour and more. */
export const MINUTE_MS = Number(process.env.MINUTE_MS ?? 4_000);

/** In two minutes a fault is told: from the moment in which it can be noticed, up to when minutes are judged. */
const TOLD_MS = 2 * MINUTE_MS + 3_000;

/** The page shows it with its next refresh. */
const SEEN_MS = TOLD_MS + REFRESH_MS;

/** A rule looks at five minutes at most; the one in which the fault goes counts, too, and so does the one after it. */
const OVER_MS = 7 * MINUTE_MS + 15_000;

/** Small segments, of which a small disk has some; a log whose lines are objects. */
const CONFIG = `
[server]
workers = 2
[storage]
segment_bytes = 16777216
index_cache_bytes = 8388608
[log]
format = "json"
`;

export class Harmed {
  // `config` in further sections; the others as for a Server.
  constructor(config, { disk, environment } = {}) {
    const flags = ['--dev', '--monitor-minute-ms', String(MINUTE_MS), '--config', config_file(CONFIG + config)];
    this.server = new Server(flags, { disk, environment });
  }

  async start(browser) {
    await this.server.start();
    this.people = new People(this.server.url);
    this.operator = new Operator(await browser.tab(this.server.operator), this.server);
    await this.operator.sign_in();
    await this.operator.says('h1', /^Overview$/);
  }

  async stop() {
    await this.operator.page.close();
    await ends_in_good_order(this.server);
  }

  // Alarms that were told as `firing`, `still_firing` or `over`, and when, by the lines of the log.
  told(state) {
    const lines = this.server.log.map((line) => JSON.parse(line));
    const of_state = lines.filter(({ fields }) => fields.alarm && fields.state === state);
    return of_state.map(({ fields, timestamp }) => ({ alarm: fields.alarm, at_ms: Date.parse(timestamp) }));
  }
}

// Checks that a fault shows as this rule and no other one, within two minutes, once; that it stays one while it lasts; and
// that it is over when the fault has gone. `harm` and `mend` bring the fault and take it away, `meanwhile` is checked in
// between.
export async function fault_shows(harmed, { fault, rule, severity, harm, meanwhile = async () => {}, mend }) {
  const { operator, server } = harmed;
  const { page } = operator;
  const row = `article[data-alarm=${rule}]`;
  let alarm;

  await check(`${fault}: nothing fires before it`, async () => {
    const judged = new Set();
    await until('two minutes are judged', async () => {
      const { judged_ms } = await operator.ask('GET', '/v1/alarms');
      if (judged_ms !== null) judged.add(judged_ms);
      return judged.size > 2;
    }, 4 * MINUTE_MS);
    await operator.open('alarms');
    await operator.says(`${row} .state`, /^quiet$/);
    assert.equal(await page.locator('article[data-state=firing]').count(), 0);
    await operator.open('overview');
    await operator.says('section[aria-label=Alarms] .value', /^quiet$/);
  }, OVER_MS);

  await check(`${fault}: within two minutes the overview says ${rule}, and nothing else`, async () => {
    const harmed_ms = Date.now();
    await harm();
    await operator.says('.firing', new RegExp(`${severity}: .*\\(${rule}, .*since \\d\\d:\\d\\d UTC`), SEEN_MS);
    const seen_ms = Date.now() - harmed_ms;
    const told_ms = harmed.told('firing')[0].at_ms - harmed_ms;
    const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;
    console.log(`      told after ${seconds(told_ms)}, seen after ${seconds(seen_ms)}, minutes of ${seconds(MINUTE_MS)}`);
    assert.ok(told_ms <= TOLD_MS, `told after ${seconds(told_ms)}`);
    assert.deepEqual(await page.locator('.firing').evaluateAll((all) => all.map((it) => it.dataset.alarm)), [rule]);
    await operator.says('section[aria-label=Alarms] .value', /^1 firing$/);
    await picture(page, `operator-fault-${rule}-overview`);
  }, SEEN_MS + 15_000);

  await check(`${fault}: the alarms have it first, as the server tells it`, async () => {
    await operator.open('alarms');
    await operator.says(`${row} .state`, new RegExp(`^${severity}$`));
    const { alarms } = await operator.ask('GET', '/v1/alarms');
    const firing = alarms.filter(({ state }) => state === 'firing');
    assert.deepEqual(firing.map((it) => it.alarm), [rule]);
    [alarm] = firing;
    const since = new Date(alarm.begun_ms).toISOString().slice(0, 16).replace('T', ' ');
    await operator.says(row, new RegExp(`since ${since} UTC`));
    assert.equal(await page.locator('article').first().getAttribute('data-alarm'), rule);
    await picture(page, `operator-fault-${rule}-alarms`);
  });

  await meanwhile({ row, begun_ms: () => alarm.begun_ms });

  await check(`${fault}: it is over when the fault has gone, and was told once`, async () => {
    await mend();
    await operator.says(`tr[data-ended=${rule}]`, new RegExp(severity), OVER_MS);
    await operator.says(`${row} .state`, /^quiet$/);
    assert.equal(await page.locator('article[data-state=firing]').count(), 0);
    assert.equal(await page.locator('[role=alert]').count(), 0, 'what was refused while it fired is of no interest any more');
    // Whatever fired, and be it in between, stands here.
    assert.deepEqual(await page.locator('tr[data-ended]').evaluateAll((all) => all.map((it) => it.dataset.ended)), [rule]);
    const { ended } = await operator.ask('GET', '/v1/alarms');
    assert.deepEqual(ended.map((it) => [it.alarm, it.begun_ms]), [[rule, alarm.begun_ms]]);
    const told = ['firing', 'over'].map((state) => harmed.told(state).map((line) => line.alarm));
    assert.deepEqual(told, [[rule], [rule]], server.log.join('\n'));
    await picture(page, `operator-fault-${rule}-over`);
    await operator.open('overview');
    await operator.says('section[aria-label=Alarms] .value', /^quiet$/);
  }, OVER_MS + 60_000);
}
