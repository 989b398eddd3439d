// Users as the server lists them, page by page. Ids are decimal texts: they are longer than numbers of a browser.

import { lines } from './ask';

export interface PresentUser {
  user_id: string;
  name: string;
  display_name: string;
  state: 'active' | 'suspended';
  created_ms: number;
  devices: number;
  bot: boolean;
}

export interface GoneUser {
  user_id: string;
  state: 'erased';
  erased_ms: number;
}

export type ListedUser = PresentUser | GoneUser;

/** Users of one page, at most. Source: what one looks through at a time. */
export const USERS_MAX = 100;

/** All in the order of ids; those whose names begin so in the order of names. None at the end alone. */
export async function list_users(prefix: string, last: ListedUser | undefined): Promise<ListedUser[]> {
  const found: ListedUser[] = [];
  while (found.length < USERS_MAX) {
    const page = await lines<ListedUser>('/v1/users/list', request(prefix, found.at(-1) ?? last, USERS_MAX - found.length));
    if (page.length === 0) break;
    found.push(...page);
  }
  return found;
}

function request(prefix: string, last: ListedUser | undefined, limit: number): object {
  if (prefix === '') return last === undefined ? { limit } : { limit, behind_user_id: last.user_id };
  const behind = last !== undefined && 'name' in last ? { behind_name: last.name } : {};
  return { limit, name_prefix: prefix, ...behind };
}
