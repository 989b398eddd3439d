// Times and days as people write them, in the browser's language and time zone.

const TIME = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const DAY = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' });
const SHORT_DAY = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' });

export function time_of(ms) {
  return TIME.format(ms);
}

// "Today", "Yesterday", or the day in full.
export function day_of(ms, now_ms = Date.now()) {
  if (same_day(ms, now_ms)) return 'Today';
  const yesterday = new Date(now_ms);
  yesterday.setDate(yesterday.getDate() - 1);
  return same_day(ms, yesterday) ? 'Yesterday' : DAY.format(ms);
}

// For a list: the time of today's messages, the day of older ones.
export function short_time_of(ms, now_ms = Date.now()) {
  return same_day(ms, now_ms) ? TIME.format(ms) : SHORT_DAY.format(ms);
}

export function same_day(one, other) {
  return new Date(one).toDateString() === new Date(other).toDateString();
}
