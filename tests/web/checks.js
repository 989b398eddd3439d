// Named checks, one after the other, and waiting with a bound.

// No check may hold up the others for longer, unless it says so.
const CHECK_TIMEOUT_MS = 60_000;

export const tally = { passed: 0, failed: 0 };

// Runs one check; a failure is told and counted, and the next check still runs.
export async function check(name, run, bound_ms = CHECK_TIMEOUT_MS) {
  const started_ms = Date.now();
  try {
    await within_its_time(run(), bound_ms);
    tally.passed += 1;
    console.log(`ok    ${name} (${Date.now() - started_ms} ms)`);
  } catch (error) {
    tally.failed += 1;
    console.log(`FAIL  ${name}\n${String(error.stack ?? error).replace(/^/gm, '      ')}`);
  }
}

// Says that something is not checked here, and why.
export function skip(name, why) {
  console.log(`skipped: ${name}: ${why}`);
}

// Waits until `look` gives something true, and returns it. Fails with what was seen last.
export async function until(what, look, bound_ms = 10_000) {
  const end_ms = Date.now() + bound_ms;
  let seen;
  do {
    seen = await look();
    if (seen) return seen;
    await sleep(25);
  } while (Date.now() < end_ms);
  throw new Error(`not within ${bound_ms} ms: ${what}`);
}

async function within_its_time(running, bound_ms) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error('the check took too long')), bound_ms);
  });
  try {
    await Promise.race([running, late]);
  } finally {
    clearTimeout(timer);
  }
}

export function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
