// What a role may, as far as the pages offer it. The server judges for itself: src/logic/operators.rs.

import type { Operator } from './session.svelte';

/** Whether alarms are this operator's to acknowledge and silence; nobody's before it is known who asks. */
export function may_answer_alarms(operator: Operator | null): boolean {
  return operator !== null && operator.role !== 'viewer';
}
