// How the pages look: dark and light, on a desk and on a phone, where nothing is wider than the screen. Pictures are taken.

import assert from 'node:assert/strict';

import { check, until } from '../checks.js';
import { picture } from '../picture.js';

const SIZES = { desk: { width: 1400, height: 1000 }, phone: { width: 375, height: 812 } };

export async function look_checks(operator, { user, group, seq }) {
  const { page } = operator;
  const pages = {
    overview: ['overview'],
    alarms: ['alarms'],
    user: ['users', user],
    group: ['groups', group],
    message: ['messages', group, String(seq)],
    storage: ['storage'],
    live: ['live'],
  };

  for (const [size_name, size] of Object.entries(SIZES)) {
    for (const scheme of ['light', 'dark']) {
      await check(`${scheme}, on a ${size_name}: every page fits`, async () => {
        await page.setViewportSize(size);
        await page.emulateMedia({ colorScheme: scheme });
        for (const [name, path] of Object.entries(pages)) {
          await operator.open(...path);
          await until(`${name} is there`, async () => (await page.locator('main .card').count()) > 0);
          // What is painted is painted in a frame.
          await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
          const widths = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
          assert.ok(widths[0] <= widths[1], `${name} is ${widths[0]} wide on ${widths[1]}`);
          await picture(page, `operator-${name}-${scheme}-${size_name}`);
        }
      });
    }
  }

  await check('dark and light differ, and both can be read', async () => {
    const contrasts = [];
    for (const scheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme: scheme });
      contrasts.push(await page.evaluate(contrast));
    }
    assert.notEqual(contrasts[0].back, contrasts[1].back);
    for (const { text, soft } of contrasts) assert.ok(text >= 7 && soft >= 4.5, `${text} and ${soft}`);
  });

  await page.setViewportSize(SIZES.desk);
}

/** By WCAG 2: 4.5 is the least for text. Runs in the page. */
function contrast() {
  const style = getComputedStyle(document.documentElement);
  const light = (name) => {
    const parts = style.getPropertyValue(`--${name}`).match(/\w\w/g).map((part) => parseInt(part, 16) / 255);
    const [red, green, blue] = parts.map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const between = (one, other) => (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
  return { back: style.getPropertyValue('--page'), text: between(light('text'), light('page')), soft: between(light('soft'), light('page')) };
}
