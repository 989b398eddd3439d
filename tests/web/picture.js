// Screenshots for people, in PICTURES (default: out/web).

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

const PICTURES = process.env.PICTURES ?? new URL('../../out/web/', import.meta.url).pathname;

export async function picture(page, name) {
  mkdirSync(PICTURES, { recursive: true });
  await page.screenshot({ path: join(PICTURES, `${name}.png`) });
}
