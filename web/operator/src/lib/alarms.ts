// Alarms as the server tells them: `GET /v1/alarms`.

import { get, post } from './ask';

export type Severity = 'warning' | 'critical';

export interface Alarm {
  alarm: string;
  state: 'firing' | 'quiet' | 'not_evaluable';
  why: string | null;
  severity: Severity;
  says: string;
  ids: string[];
  bound: number;
  unit: string;
  n: number;
  of_minutes: number;
  value: number | null;
  begun_ms: number | null;
  acknowledged: boolean;
  silenced_until_ms: number | null;
}

export interface EndedAlarm {
  alarm: string;
  severity: Severity;
  value: number;
  bound: number;
  unit: string;
  begun_ms: number;
  over_ms: number;
  acknowledged: boolean;
}

export interface AlarmListing {
  judged_ms: number | null;
  alarms: Alarm[];
  ended: EndedAlarm[];
}

export function read_alarms(): Promise<AlarmListing> {
  return get<AlarmListing>('/v1/alarms');
}

export function firing(listing: AlarmListing): Alarm[] {
  return listing.alarms.filter((alarm) => alarm.state === 'firing');
}

export async function acknowledge(alarm: Alarm): Promise<void> {
  await post(`/v1/alarms/${encodeURIComponent(alarm.alarm)}/ack`, {});
}

/** 0 ends a silence. */
export async function silence(alarm: Alarm, minutes: number): Promise<void> {
  await post(`/v1/alarms/${encodeURIComponent(alarm.alarm)}/silence`, { minutes });
}

const WHY: Record<string, string> = {
  no_point: 'there are no points of these minutes',
  no_baseline: 'there is no earlier time to compare with',
  out_of_hours: 'it is not judged at this hour',
};

/** Why a rule is not evaluable, in words. */
export function why(alarm: Alarm): string {
  return alarm.why === null ? '' : (WHY[alarm.why] ?? alarm.why);
}
