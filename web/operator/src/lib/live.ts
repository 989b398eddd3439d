// Live actors as the server tells them: `GET /v1/live`.

import { get } from './ask';

export interface Live {
  at_ms: number;
  actors: { connections: number; connections_lagging: number; users: number; groups: number; hubs: number };
  queues: { name: string; waiting: number; max: number | null }[];
  workers: { worker: number; users: number; board: number }[];
  groups_lagging: {
    conversation_id: string;
    entries_waiting: number;
    waiting_since_ms: number;
    faults: number;
    parked: boolean;
    records_untold: number;
  }[];
  groups_left_out: number;
}

export function read_live(): Promise<Live> {
  return get<Live>('/v1/live');
}
