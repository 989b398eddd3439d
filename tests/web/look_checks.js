// How it looks: phone and desktop, light and dark. Leaves pictures for people, and checks what can be measured.

import assert from 'node:assert/strict';

import { check, until } from './checks.js';
import { picture } from './picture.js';

const SIZES = { phone: { width: 360, height: 720 }, desktop: { width: 1200, height: 800 } };

// Source: WCAG 2.2, 1.4.3, text of ordinary size.
const CONTRAST_MIN = 4.5;

const TALK = [
  ['anna', 'Are you coming on Saturday?'],
  ['bert', 'Yes! I take the train at nine.\nShall I bring anything?'],
  ['anna', 'Only yourself, and the book that I have lent you in spring – if you have read it by now, of course.'],
  ['bert', 'Read it twice 📖'],
];

export async function look_checks(browser, server, anna, bert, said) {
  for (const [name, text] of TALK) {
    await (name === 'anna' ? anna : bert).say(text);
    said.push(text);
    for (const person of [anna, bert]) await person.sees(said);
  }
  const form = await browser.tab(server.url);
  for (const [size, viewport] of Object.entries(SIZES)) {
    for (const colorScheme of ['light', 'dark']) {
      await check(`${size}, ${colorScheme}: all fits and can be read`, async () => {
        for (const page of [form, anna.page]) {
          await page.setViewportSize(viewport);
          await page.emulateMedia({ colorScheme });
        }
        await until('the newest message is in sight', () => newest_is_in_sight(anna.page));
        const views = { form: async () => form, thread: async () => anna.page, list: async () => leave(anna.page) };
        for (const [view, go] of Object.entries(views)) {
          const page = await go();
          await picture(page, `${size}-${colorScheme}-${view}`);
          await fits(page, `${size} ${view}`);
          await can_be_read(page, `${size} ${colorScheme} ${view}`);
        }
        if (size === 'phone') {
          assert.ok(await anna.page.isHidden('.thread') && await anna.page.isVisible('.side'), 'the list alone');
        }
        await anna.open('bert');
        assert.ok(await anna.page.isVisible('#text'));
        assert.equal(await anna.page.isVisible('.side'), size === 'desktop', 'beside each other, or the thread alone');
        if (size === 'phone') {
          await anna.page.goBack();
          assert.ok(await anna.page.isVisible('.side'), 'the browser’s own way back works');
          await anna.open('bert');
        }
      });
    }
  }
  await form.close();
}

function newest_is_in_sight(page) {
  return page.evaluate(() => {
    const box = [...document.querySelectorAll('#log .message')].at(-1).getBoundingClientRect();
    return box.bottom <= document.getElementById('log').getBoundingClientRect().bottom;
  });
}

async function leave(page) {
  await page.keyboard.press('Escape');
  return page;
}

async function fits(page, where) {
  const { wide, outside } = await page.evaluate(() => ({
    wide: document.documentElement.scrollWidth > innerWidth || document.documentElement.scrollHeight > innerHeight,
    outside: [...document.querySelectorAll('button, input, textarea')].filter((element) => {
      const box = element.getBoundingClientRect();
      return element.checkVisibility() && !element.closest('.log, .list') && (box.left < 0 || box.right > innerWidth || box.bottom > innerHeight);
    }).map((element) => element.id),
  }));
  assert.equal(wide, false, `${where}: the page itself scrolls`);
  assert.deepEqual(outside, [], `${where}: outside of the window`);
}

async function can_be_read(page, where) {
  const pairs = await page.evaluate(() => {
    const texts = [...document.querySelectorAll('body *')].filter((element) => element.checkVisibility()
      && !element.closest('.unseen, .dot, noscript') && [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim()));
    return texts.map((element) => {
      let ground = element;
      while (getComputedStyle(ground).backgroundColor === 'rgba(0, 0, 0, 0)') ground = ground.parentElement;
      return [element.textContent.slice(0, 30), getComputedStyle(element).color, getComputedStyle(ground).backgroundColor];
    });
  });
  assert.ok(pairs.length > 3, `${where}: nothing to read`);
  for (const [text, ink, ground] of pairs) {
    const ratio = contrast(luminance(ink), luminance(ground));
    assert.ok(ratio >= CONTRAST_MIN, `${where}: “${text}” has a contrast of ${ratio.toFixed(2)}, ${ink} on ${ground}`);
  }
}

function luminance(colour) {
  const [red, green, blue] = colour.match(/[\d.]+/g).slice(0, 3).map((value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one, other) {
  return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
}
