// Numbers with units and times for people. Times are UTC, as everywhere in the server.

export type Unit = 'count' | 'per_second' | 'per_minute' | 'microseconds' | 'bytes' | 'bytes_per_second' | 'percent';

const MISSING = '–';

/** Three digits that count, and no more than the value has. */
function digits(value: number): string {
  const size = Math.abs(value);
  if (size >= 1000) return Math.round(value).toLocaleString('en-GB');
  const decimals = size === 0 || size >= 100 || Number.isInteger(value) ? 0 : size >= 10 ? 1 : 2;
  return value.toFixed(decimals);
}

function scaled(value: number, base: number, names: readonly string[]): string {
  let place = 0;
  let rest = value;
  while (Math.abs(rest) >= base && place < names.length - 1) {
    rest /= base;
    place += 1;
  }
  return `${digits(rest)} ${names[place] ?? ''}`;
}

const BYTES = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

export function shown(value: number | null | undefined, unit: Unit): string {
  if (value === null || value === undefined) return MISSING;
  switch (unit) {
    case 'count':
      return digits(value);
    case 'per_second':
      return `${digits(value)}/s`;
    case 'per_minute':
      return `${digits(value)}/min`;
    case 'microseconds':
      return duration_us(value);
    case 'bytes':
      return scaled(value, 1024, BYTES);
    case 'bytes_per_second':
      return `${scaled(value, 1024, BYTES)}/s`;
    case 'percent':
      return `${digits(value)} %`;
  }
}

function duration_us(us: number): string {
  if (Math.abs(us) < 1000) return `${digits(us)} µs`;
  if (Math.abs(us) < 1_000_000) return `${digits(us / 1000)} ms`;
  return us < 120_000_000 ? `${digits(us / 1_000_000)} s` : lasting(us / 1000);
}

/** How long something lasts, in its two largest units. */
export function lasting(ms: number): string {
  const parts: [number, string][] = [[86_400_000, 'd'], [3_600_000, 'h'], [60_000, 'min'], [1000, 's']];
  const at = parts.findIndex(([size]) => ms >= size);
  if (at < 0) return '0 s';
  const [size, name] = parts[at] ?? [1000, 's'];
  const whole = Math.floor(ms / size);
  const [next_size, next_name] = parts[at + 1] ?? [0, ''];
  const rest = next_size > 0 ? Math.floor((ms - whole * size) / next_size) : 0;
  return rest > 0 ? `${whole} ${name} ${rest} ${next_name}` : `${whole} ${name}`;
}

const iso = (ms: number): string => new Date(ms).toISOString();

/** `2026-05-01 12:30`. */
export function moment(ms: number | null | undefined): string {
  return ms === null || ms === undefined ? MISSING : iso(ms).slice(0, 16).replace('T', ' ');
}

/** `12:30:05`. */
export function clock_time(ms: number): string {
  return iso(ms).slice(11, 19);
}

/** `12:30`. */
export function minute_of_day(ms: number): string {
  return iso(ms).slice(11, 16);
}

/** `05-01`. */
export function day_of_year(ms: number): string {
  return iso(ms).slice(5, 10);
}

/** The unit in which a rule of an alarm speaks. */
export function unit_of_rule(unit: string): Unit {
  return unit === 'bytes' ? 'bytes' : unit === 'us' ? 'microseconds' : unit === '%' ? 'percent' : 'count';
}
