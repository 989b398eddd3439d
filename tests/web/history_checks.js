// Finding what no page tells, without browser and server: a stand-in connection answers `heads` and `range`.

import assert from 'node:assert/strict';

import { ChatHistory } from '../../web/history.js';
import { Lost, Refused } from '../../web/refusals.js';
import { Replica } from '../../web/replica.js';
import { check, until } from './checks.js';

const CONVERSATION = '7';

// Entries that fit into one answer of the stand-in.
const FITTING = 20;

const seqs = (replica) => replica.entries(CONVERSATION).map((entry) => Number(entry.seq));
const through = (first, last) => Array.from({ length: last - first + 1 }, (_, place) => first + place);
const entry = (seq) => ({ conversationId: CONVERSATION, seq: String(seq), senderId: '1', sentAtMs: '1', text: `${seq}` });

// A conversation of `head` messages on a server whose answers are listed in `asked`. `faults` are thrown first.
function stand_in(head) {
  const asked = [];
  const faults = [];
  const request = async ({ heads, range }) => {
    asked.push(heads ? `heads ${heads.after}` : `${range.fromSeq}-${range.toSeq}`);
    if (faults.length > 0) throw faults.shift();
    // The first list is empty, as one may be that holds only what is gone.
    if (heads) return { heads: heads.after === '0' ? { next: '9' } : { heads: [{ conversationId: CONVERSATION, seq: String(head), oldestSeq: '1' }] } };
    const [from, to] = [Number(range.fromSeq), Math.min(Number(range.toSeq), head)];
    const entries = through(from, Math.min(to, from + FITTING - 1)).map(entry);
    return { entries: { conversationId: CONVERSATION, entries, more: to - from >= FITTING } };
  };
  const replica = new Replica();
  const told = [];
  const history = new ChatHistory({ request }, replica, (entries) => told.push(...entries));
  return { asked, faults, replica, told, history };
}

export async function history_checks() {
  await check('the newest messages are fetched in as many answers as it takes, earlier ones by wish', async () => {
    const { asked, replica, told, history } = stand_in(120);
    await history.repair();
    assert.deepEqual(asked, ['heads 0', 'heads 9', '71-120', '91-120', '111-120']);
    assert.deepEqual(seqs(replica), through(71, 120));
    assert.equal(told.length, 50);
    await history.repair();
    assert.equal(asked.length, 5, 'nothing is missing any more');
    await Promise.all([history.earlier(CONVERSATION), history.earlier(CONVERSATION)]);
    assert.deepEqual(asked.slice(5), ['21-70', '41-70', '61-70'], 'one wish at a time');
    assert.ok(history.has_earlier(CONVERSATION));
    await history.earlier(CONVERSATION);
    assert.deepEqual(seqs(replica), through(1, 120));
    assert.equal(history.has_earlier(CONVERSATION), false);
  });

  await check('only what is missing is fetched, and nothing is there twice', async () => {
    const { asked, replica, told, history } = stand_in(30);
    for (const seq of [1, 2, 3, 28, 29, 30]) replica.take({ base: '', entries: [entry(seq)], snapshot: 'AA==' }, true);
    await history.repair();
    assert.deepEqual(asked.slice(2), ['4-27', '24-27']);
    assert.deepEqual(seqs(replica), through(1, 30));
    assert.equal(told.length, 24);
  });

  await check('what lies below a hole that is too wide leaves the tab, and comes back by wish', async () => {
    const { replica, history } = stand_in(120);
    replica.take({ snapshot: 'AA==', entries: [...through(1, 10), ...through(60, 80)].map(entry) }, true);
    await history.repair();
    assert.deepEqual(seqs(replica), through(60, 120));
    await history.earlier(CONVERSATION);
    assert.deepEqual(seqs(replica), through(10, 120));
  });

  await check('an end of the connection and a busy server are survived', async () => {
    const { faults, replica, history } = stand_in(10);
    faults.push(new Lost());
    await history.repair();
    assert.ok(replica.lacks_messages, 'the next connection tries again');
    faults.push(new Refused({ code: 500, retry: true, retryAfterMs: 1 }));
    await history.repair();
    await until('it tries again by itself', () => seqs(replica).length === 10);
    replica.lacks_messages = true;
    faults.push(new Refused({ code: 102 }));
    await history.repair();
    assert.equal(replica.lacks_messages, false, 'an older server is not asked again and again');
  });
}
