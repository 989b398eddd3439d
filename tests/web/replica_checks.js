// The client's one rule, without browser and server: bases, rebuilding, order, doubles.

import assert from 'node:assert/strict';

import { Backoff } from '../../web/backoff.js';
import { KIND_CONTACTS, KIND_CONVERSATIONS, Replica } from '../../web/replica.js';
import { baseOf } from '../../web/snapshot.js';
import { check } from './checks.js';

const snapshot = (number) => Buffer.from(Array.from({ length: 53 }, (_, place) => number + place)).toString('base64');
const base = (number) => Buffer.from(snapshot(number), 'base64').subarray(2, 10).toString('base64');
const entry = (seq, text) => ({ conversationId: '7', seq: String(seq), senderId: '1', sentAtMs: '1', text });
const contact = (key, name) => ({ kind: KIND_CONTACTS, key, value: JSON.stringify({ userId: key, name }) });
const conversation = (key) => ({ kind: KIND_CONVERSATIONS, key, value: JSON.stringify({ conversationId: key }) });
const keys = (replica) => replica.items(KIND_CONVERSATIONS).map((one) => one.conversationId);
const texts = (replica) => replica.entries('7').map((one) => one.text);

export async function replica_checks() {
  await check('the base is bytes 3 to 10, and that of a short value is empty', () => {
    assert.deepEqual([...baseOf(snapshot(1))].map((one) => one.charCodeAt(0)), [3, 4, 5, 6, 7, 8, 9, 10]);
    assert.equal(baseOf(''), '');
    assert.equal(baseOf(btoa('123456789')), '');
  });

  await check('a page is taken if and only if it continues what is stored', () => {
    const replica = new Replica();
    assert.ok(replica.take({ snapshot: snapshot(1), entries: [entry(1, 'one')] }, true).applied);
    for (const wrong of [{ snapshot: snapshot(9) }, { base: base(2), snapshot: snapshot(9) }]) {
      assert.equal(replica.take({ ...wrong, entries: [entry(2, 'never')] }, true).applied, false);
    }
    const taken = replica.take({ base: base(1), snapshot: snapshot(2), entries: [entry(2, 'two'), entry(1, 'again')] }, false);
    assert.deepEqual(taken.entries.map((one) => one.text), ['two']);
    assert.deepEqual(texts(replica), ['again', 'two'], 'what was told last stands');
    assert.equal(replica.snapshot, snapshot(2));
  });

  await check('a page without a snapshot changes nothing', () => {
    const replica = new Replica();
    replica.take({ snapshot: snapshot(1) }, true);
    assert.ok(replica.take({ base: base(1) }, true).applied);
    assert.equal(replica.snapshot, snapshot(1));
  });

  await check('a rebuild forgets the items that are not told again, keeps messages, and is never taken from a push', () => {
    const replica = new Replica();
    replica.take({ snapshot: snapshot(1), items: [contact('1', 'ada'), contact('2', 'bob')], entries: [entry(1, 'one')] }, true);
    const rebuild = { rebuild: { cause: 'CAUSE_FUTURE' }, snapshot: snapshot(20), items: [contact('2', 'bob')] };
    assert.equal(replica.take(rebuild, false).applied, false);
    assert.ok(replica.take(rebuild, true).applied);
    assert.equal(replica.item(KIND_CONTACTS, '1').name, 'ada');
    replica.take({ base: base(20), snapshot: snapshot(21), complete: true }, true);
    assert.deepEqual(replica.items(KIND_CONTACTS).map((one) => one.name), ['bob']);
    assert.deepEqual(texts(replica), ['one']);
  });

  await check('what is not of the history of a restored server goes before anything else, list by list', () => {
    const replica = new Replica();
    const other = (conversationId, seq) => ({ ...entry(seq, 'other'), conversationId });
    const entries = [entry(1, 'one'), entry(2, 'two'), entry(3, 'lost'), other('8', 1), other('9', 1)];
    replica.take({ snapshot: snapshot(1), entries }, true);
    const first = { rebuild: { cause: 'CAUSE_LOSSY' }, snapshot: snapshot(20), valid: [{ conversationId: '7', seq: '2' }], more: true };
    assert.ok(replica.take(first, true).applied);
    assert.deepEqual(texts(replica), ['one', 'two']);
    assert.equal(replica.entries('9').length, 1, 'nobody was left out yet');
    const last = { base: base(20), snapshot: snapshot(21), valid: [{ conversationId: '8', seq: '5' }], validComplete: true, entries: [entry(3, 'new')] };
    assert.deepEqual(replica.take(last, true).entries.map((one) => one.text), ['new']);
    assert.deepEqual(texts(replica), ['one', 'two', 'new']);
    assert.deepEqual(['8', '9'].map((one) => replica.entries(one).length), [1, 0]);
    assert.ok(replica.lacks_messages);
  });

  await check('a gap keeps everything until conversations were told anew, and says that messages may be missing', () => {
    const replica = new Replica();
    const items = [contact('1', 'ada'), conversation('7'), conversation('8')];
    replica.take({ snapshot: snapshot(1), items, entries: [entry(1, 'one')] }, true);
    replica.lacks_messages = false;
    assert.ok(replica.take({ base: base(1), snapshot: snapshot(2), messagesGap: true, more: true }, true).applied);
    assert.ok(replica.lacks_messages);
    assert.deepEqual(keys(replica), ['7', '8']);
    replica.take({ base: base(2), snapshot: snapshot(3), items: [conversation('7')], entries: [entry(9, 'nine')], complete: true }, true);
    assert.deepEqual(keys(replica), ['7']);
    assert.deepEqual(replica.items(KIND_CONTACTS).map((one) => one.name), ['ada']);
    assert.deepEqual(texts(replica), ['one', 'nine']);
  });

  await check('a page may end a rebuild and begin a gap: what is complete is swept first', () => {
    const replica = new Replica();
    replica.take({ snapshot: snapshot(1), items: [contact('1', 'ada'), conversation('7')] }, true);
    const page = { rebuild: {}, snapshot: snapshot(2), items: [conversation('8')], complete: true, messagesGap: true, more: true };
    assert.ok(replica.take(page, true).applied);
    assert.deepEqual(keys(replica), ['8']);
    assert.deepEqual(replica.items(KIND_CONTACTS), []);
    replica.take({ base: base(2), snapshot: snapshot(3), items: [conversation('9')], complete: true }, true);
    assert.deepEqual(keys(replica), ['9']);
  });

  await check('messages stand in the order of their seq, however large and however they come', () => {
    const replica = new Replica();
    const seqs = ['18446744073709551615', '3', '18446744073709551614', '10', '2'];
    replica.take({ snapshot: snapshot(1), entries: seqs.map((seq) => entry(seq, seq)) }, true);
    assert.deepEqual(texts(replica), ['2', '3', '10', '18446744073709551614', '18446744073709551615']);
  });

  await check('waiting is full jitter, doubled to 30 s, and begins anew', () => {
    const backoff = new Backoff();
    const limits = Array.from({ length: 20 }, () => backoff.next(() => 1));
    assert.deepEqual(limits.slice(0, 9), [200, 400, 800, 1600, 3200, 6400, 12800, 25600, 30000]);
    assert.equal(limits.at(-1), 30_000);
    backoff.reset();
    assert.equal(backoff.next(() => 0.5), 100);
  });
}
