// The curves of the overview and of the store: what each shows, by which ids, and which of its lines is compared with
// earlier days.

import type { Unit } from './format';
import * as ids from './ids';
import { gauge, gauge_once_known, percentile, rate, rate_per_minute, type Measure } from './lines';

export interface CurveLine {
  label: string;
  measure: Measure;
}

export interface Curve {
  name: string;
  title: string;
  /** What one has to know to read it. */
  note?: string;
  unit: Unit;
  lines: readonly CurveLine[];
  /** The line of which yesterday and last week are shown; by its place. */
  compared?: number;
}

/** Curves that are shown together, the ids that they ask for, and those of earlier days. */
export interface Board {
  curves: readonly Curve[];
  ids: readonly ids.Range[];
  compared: readonly ids.Range[];
}

const line = (label: string, measure: Measure): CurveLine => ({ label, measure });

const percentiles = (histogram: ids.Histogram): CurveLine[] => [
  line('p50', percentile(histogram, 0.5)),
  line('p95', percentile(histogram, 0.95)),
  line('p99', percentile(histogram, 0.99)),
];

const refused = [ids.HELLO, ids.SYNC, ids.SEND, ids.REGISTER, ids.SIGN_IN];
const of_class = (place: number): number[] => refused.flatMap(({ errors }) => errors.slice(place, place + 1));

const COMMIT: Curve = {
  name: 'commit',
  title: 'Sync of a batch to disk',
  unit: 'microseconds',
  lines: percentiles(ids.BATCH_SYNC),
  compared: 1,
};

const DISK: Curve = { name: 'disk', title: 'Disk free', unit: 'bytes', lines: [line('free', gauge(ids.DISK_FREE))] };

const CURVES: readonly Curve[] = [
  {
    name: 'messages',
    title: 'Messages by stage',
    note: 'Stored has notices of groups, too; a push or a hand-back may be of many messages.',
    unit: 'per_second',
    lines: [
      line('stored', rate([ids.MESSAGES_STORED])),
      line('sends taken', rate([ids.SEND.calls])),
      line('pushes', rate([ids.PUSH.calls])),
      line('hand-backs', rate([ids.HAND_BACK.calls])),
    ],
    compared: 0,
  },
  {
    name: 'send',
    title: 'Send, until it is stored',
    unit: 'microseconds',
    lines: percentiles(ids.SEND.latency),
    compared: 1,
  },
  { name: 'sync', title: 'Sync, until the page is there', unit: 'microseconds', lines: percentiles(ids.SYNC.latency) },
  COMMIT,
  {
    name: 'connections',
    title: 'Connections',
    unit: 'count',
    lines: [
      line('open', gauge(ids.CONNECTIONS_OPEN)),
      line('users', gauge(ids.USERS_ACTIVE)),
      line('lagging', gauge(ids.CONNECTIONS_LAGGING)),
    ],
    compared: 0,
  },
  {
    name: 'accounts',
    title: 'Registrations and sign-ins',
    note: 'Registrations are all accounts that were made, whoever made them.',
    unit: 'per_minute',
    lines: [
      line('registrations', rate_per_minute([ids.ACCOUNTS_MADE])),
      line('sign-ins', rate_per_minute([ids.SIGN_IN.calls], ids.SIGN_IN.errors)),
    ],
  },
  {
    name: 'refusals',
    title: 'Refusals by cause',
    note: 'Of hello, sync, send, register and sign-in.',
    unit: 'per_minute',
    lines: ids.ERROR_CLASSES.map((name, place) => line(name, rate_per_minute(of_class(place)))),
  },
  {
    name: 'fan_out_age',
    title: 'Fan-out: oldest entry that waits',
    unit: 'microseconds',
    lines: [line('age', gauge(ids.GROUP_OLDEST_WAITING))],
  },
  {
    name: 'fan_out_depth',
    title: 'Fan-out: what waits',
    unit: 'count',
    lines: [
      line('entries', gauge(ids.GROUP_ENTRIES_WAITING)),
      line('groups', gauge(ids.GROUPS_WAITING)),
      line('parked', gauge(ids.GROUPS_PARKED)),
    ],
  },
  {
    name: 'queues',
    title: 'Queues',
    unit: 'count',
    lines: [
      line('persistence', gauge(ids.PERSISTENCE_QUEUE_DEPTH)),
      line('readers', gauge(ids.READER_QUEUE_DEPTH)),
      line('index behind', gauge(ids.INDEX_LAG_RECORDS)),
    ],
  },
  DISK,
];

export const OVERVIEW: Board = { curves: CURVES, ids: ids.OVERVIEW, compared: ids.OVERVIEW_COMPARED };

export const STORAGE: Board = {
  curves: [
    DISK,
    {
      name: 'index',
      title: 'Index',
      note: 'Live are its keys and values, counted in laps through the index.',
      unit: 'bytes',
      lines: [
        line('on disk', gauge(ids.INDEX_DISK_BYTES)),
        line('live', gauge_once_known(ids.INDEX_LIVE_BYTES)),
      ],
      compared: 0,
    },
    {
      name: 'log',
      title: 'Commit log written',
      unit: 'bytes_per_second',
      lines: [line('written', rate([ids.LOG_BYTES]))],
    },
    COMMIT,
    { name: 'tail', title: 'Tail in memory', unit: 'bytes', lines: [line('tail', gauge(ids.TAIL_BYTES))] },
    {
      name: 'index_behind',
      title: 'Index behind the log',
      unit: 'count',
      lines: [line('records', gauge(ids.INDEX_LAG_RECORDS))],
    },
  ],
  ids: ids.STORAGE,
  compared: ids.STORAGE_COMPARED,
};
