// Texts that would run if the page ever took a text for markup. They must arrive letter by letter and do nothing.

import assert from 'node:assert/strict';

import { check } from './checks.js';

const HOSTILE = [
  '<script>window.hit=1;alert(1)</script>',
  '<img src=x onerror="window.hit=1;alert(1)">',
  '<svg onload="window.hit=1;alert(1)"></svg>',
  '<svg><script>window.hit=1</script></svg>',
  '<body onload=alert(1)>',
  '<iframe src="javascript:parent.hit=1"></iframe>',
  '<iframe srcdoc="<script>parent.hit=1</script>"></iframe>',
  '<a href="javascript:window.hit=1">press</a>',
  'javascript:alert(1)',
  '"><script>window.hit=1</script>',
  "'-alert(1)-'",
  '</p></div><script>window.hit=1</script>',
  '</textarea><script>window.hit=1</script>',
  '</script><script>window.hit=1</script>',
  '<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>',
  '<details open ontoggle=alert(1)>',
  '<input autofocus onfocus=alert(1)>',
  '<video><source onerror=alert(1)></video>',
  '<style>*{display:none}</style>',
  '<link rel=stylesheet href=//example.invalid/x.css>',
  '<meta http-equiv=refresh content="0;url=//example.invalid">',
  '<base href=//example.invalid/>',
  '<form action=//example.invalid><button>press</button></form>',
  '&lt;script&gt;alert(1)&lt;/script&gt;',
  '${alert(1)} {{constructor.constructor("alert(1)")()}} <%= 1 %>',
  '<!--><img src=x onerror=alert(1)>-->',
  '\u202e<gpj.x=crs gmi>\u202c',
  '__proto__',
];

export async function hostile_checks(browser, anna, bert, said) {
  await check(`${HOSTILE.length} hostile texts arrive letter by letter and do nothing`, async () => {
    const faults = browser.faults.length;
    for (const text of HOSTILE) await anna.say(text);
    said.push(...HOSTILE);
    await anna.sees(said);
    await bert.sees(said);
    for (const { page } of [anna, bert]) {
      const found = await page.evaluate(() => ({
        hit: window.hit,
        elements: document.querySelectorAll('.text *, .last *, #thread-name *, .chat-row .name *').length,
        scripts: document.scripts.length,
        frames: window.length,
        styles: document.styleSheets.length,
      }));
      assert.deepEqual(found, { hit: undefined, elements: 0, scripts: 1, frames: 0, styles: 1 });
    }
    assert.deepEqual(browser.faults.slice(faults), []);
  });

  await check('they do nothing after a reload either', async () => {
    await bert.page.reload();
    await bert.sees_all(said);
    assert.equal(await bert.page.evaluate(() => window.hit), undefined);
  });

  await check('the content security policy stops an inline script that got in all the same', async () => {
    // Proves that the checks above would notice: this one is let in on purpose.
    const faults = browser.faults.length;
    await bert.page.evaluate(() => {
      const script = document.createElement('script');
      script.textContent = 'window.hit = 1';
      document.body.append(script);
      script.remove();
    });
    assert.equal(await bert.page.evaluate(() => window.hit), undefined);
    assert.ok(browser.faults.splice(faults).some((fault) => /csp|content security policy/i.test(fault)), 'nobody noticed');
  });
}
