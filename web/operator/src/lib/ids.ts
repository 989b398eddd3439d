// The ids of minute points that the pages show: src/monitor/ids.rs and src/monitor/operations.rs. An id never changes its
// meaning.

const FIRST = 100;
const BLOCK = 32;
const ERRORS = 1;
const BANDS = 6;
const BAND_COUNT = 10;
/** Ids that an operation uses of its block. */
const USED = 20;

/** Classes of errors, in the order of their ids. */
export const ERROR_CLASSES = ['bad input', 'auth', 'refused', 'overload', 'fault'] as const;

/** Bounds of the bands of latencies, µs; one more band has what lies above. */
export const LATENCY_BOUNDS_US = [1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000, 500_000, 2_000_000] as const;

export interface Operation {
  calls: number;
  errors: number[];
  latency: Histogram;
  ids: Range;
}

/** A sum for each band, and the highest value. */
export interface Histogram {
  bands: number[];
  max: number;
}

/** First and last id. */
export type Range = readonly [number, number];

const from = (first: number, count: number): number[] => Array.from({ length: count }, (_, place) => first + place);

function operation(place: number): Operation {
  const first = FIRST + BLOCK * place;
  return {
    calls: first,
    errors: from(first + ERRORS, ERROR_CLASSES.length),
    latency: { bands: from(first + BANDS, BAND_COUNT), max: first + BANDS + BAND_COUNT + 1 },
    ids: [first, first + USED - 1],
  };
}

export const HELLO = operation(0);
export const SYNC = operation(2);
export const SEND = operation(3);
export const REGISTER = operation(4);
export const SIGN_IN = operation(5);
export const PUSH = operation(10);
export const HAND_BACK = operation(16);

export const CONNECTIONS_OPEN = 1000;
export const CONNECTIONS_LAGGING = 1001;
export const USERS_ACTIVE = 1002;
export const MESSAGES_STORED = 1010;
export const LOG_BYTES = 1021;
export const TAIL_BYTES = 1022;
export const INDEX_LAG_RECORDS = 1023;
export const PERSISTENCE_QUEUE_DEPTH = 1025;
export const READER_QUEUE_DEPTH = 1026;
export const BATCH_SYNC: Histogram = { bands: from(1120, BAND_COUNT), max: 1131 };
export const GROUPS_WAITING = 1201;
export const GROUP_ENTRIES_WAITING = 1202;
export const GROUP_OLDEST_WAITING = 1203;
export const GROUPS_PARKED = 1204;
export const DISK_FREE = 1290;
export const DISK_SIZE = 1291;
export const INDEX_DISK_BYTES = 1298;
export const INDEX_LIVE_BYTES = 1299;
export const ACCOUNTS_MADE = 1310;

/** What the overview asks for; each range is one question. */
export const OVERVIEW: readonly Range[] = [
  [HELLO.ids[0], SYNC.ids[1]],
  SEND.ids,
  [REGISTER.ids[0], SIGN_IN.ids[1]],
  [PUSH.calls, PUSH.calls],
  [HAND_BACK.calls, HAND_BACK.calls],
  [CONNECTIONS_OPEN, READER_QUEUE_DEPTH],
  [1120, 1131],
  [GROUPS_WAITING, GROUPS_PARKED],
  [DISK_FREE, DISK_SIZE],
  [ACCOUNTS_MADE, ACCOUNTS_MADE],
];

/** What of it is compared with earlier days. */
export const OVERVIEW_COMPARED: readonly Range[] = [
  SEND.ids,
  [CONNECTIONS_OPEN, MESSAGES_STORED],
  [1120, 1131],
];

/** The same of the store. */
export const STORAGE: readonly Range[] = [
  [LOG_BYTES, INDEX_LAG_RECORDS],
  [1120, 1131],
  [DISK_FREE, INDEX_LIVE_BYTES],
];

export const STORAGE_COMPARED: readonly Range[] = [
  [1120, 1131],
  [INDEX_DISK_BYTES, INDEX_DISK_BYTES],
];

/** What the tiles say of a day. */
export const OF_A_DAY: readonly Range[] = [
  [CONNECTIONS_OPEN, MESSAGES_STORED],
  [ACCOUNTS_MADE, ACCOUNTS_MADE],
];
