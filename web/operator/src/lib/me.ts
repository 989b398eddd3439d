// Who is signed in.

import { AskFault, get } from './ask';
import { session, type Operator } from './session.svelte';

interface Me {
  name?: string;
  role?: string;
}

/** Asks the server whether the token is good, and whose it is. */
export async function recognise(): Promise<void> {
  // Every server has alarms, and tells them only to operators.
  await get('/v1/alarms');
  session.operator = await who();
}

async function who(): Promise<Operator> {
  try {
    const me = await get<Me>('/v1/me');
    return { name: me.name ?? 'operator', role: me.role ?? '' };
  } catch (fault) {
    // A server that knows one operator only does not say who it is.
    if (fault instanceof AskFault && (fault.status === 404 || fault.status === 403)) return { name: 'operator', role: '' };
    throw fault;
  }
}
