// What the server explains of users, messages and groups. Ids are decimal texts: they are longer than numbers of a browser.

import { post } from './ask';

export type Marks = Record<string, number>;

export interface Lineage {
  device_id: string;
  device_name: string | null;
  context: number;
  heard_ms: number;
  handed_back_ms: number | null;
  from: number;
  declares: string[];
  acked: Marks;
  behind: boolean;
  live: boolean;
}

export interface FanOut {
  entry?: number;
  after_user_id?: string | null;
  entries_waiting?: number;
  waiting_since_ms?: number | null;
  faults?: number;
  parked?: boolean;
  unreadable?: boolean;
}

export interface ExplainedUser {
  user_id: string;
  name: string;
  suspended: boolean;
  durable: number;
  observed_ms: number;
  expiry_is_suspended: boolean;
  messages: {
    head: number;
    floor: number;
    oldest_kept: number | null;
    kept: number;
    kept_is_at_least: boolean;
    held_by: { device_id: string; context: number; acked: number } | null;
  };
  groups_owned: number;
  groups: { waiting: { conversation_id: string; fan_out: FanOut }[]; looked_at_all: boolean };
  tombstone_floors: Marks;
  lineages: Lineage[];
}

export interface ErasedUser {
  user_id: string;
  erased: { at_ms: number; version: number; told_through: string; done: boolean };
}

export interface MemberLineage {
  device_id: string;
  context: number;
  state: string;
  handed_back: { from_ms: number | null; to_ms: number } | null;
}

export interface WentTo {
  user_id: string;
  name: string | null;
  inbox: string;
  version: number | null;
  lineages: MemberLineage[];
}

export interface ExplainedMessage {
  conversation_id: string;
  seq: number;
  body: string;
  bodies: string;
  oldest_seq: number;
  sender_id: string | null;
  sent_at_ms: number | null;
  bytes: number | null;
  hand_backs_known_since_ms: number;
  fan_out: FanOut | null;
  went_to: WentTo[];
  left_out: number;
}

export interface GroupMember {
  user_id: string;
  name: string | null;
  /** Of two there are none. */
  role: string | null;
  muted: boolean;
  since_seq: number | null;
}

export interface ExplainedGroup {
  conversation_id: string;
  kind: 'group' | 'channel' | 'two';
  name: string | null;
  owner_id: string | null;
  head: number;
  oldest_seq: number;
  everyone_muted: boolean;
  followers: number | null;
  member_count: number;
  members: GroupMember[];
  left_out: number;
  fan_out: FanOut | null;
}

export function explain_user(user: string): Promise<ExplainedUser | ErasedUser> {
  return post('/v1/explain/user', { user });
}

export function explain_group(conversation_id: string, behind_user_id: string | null): Promise<ExplainedGroup> {
  return post('/v1/explain/group', { conversation_id, ...behind(behind_user_id) });
}

export function explain_message(
  conversation_id: string,
  seq: number,
  behind_user_id: string | null,
): Promise<ExplainedMessage> {
  return post('/v1/explain/message', { conversation_id, seq, ...behind(behind_user_id) });
}

function behind(user_id: string | null): object {
  return user_id === null ? {} : { behind_user_id: user_id };
}
