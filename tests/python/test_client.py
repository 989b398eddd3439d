"""A client in another language against a real server, over both subprotocols.

    HIGHWATER_BIN=target/debug/highwater python3 tests/python/test_client.py

HIGHWATER_BIN is the server's binary and HIGHWATER_PROTOCOL the directory with the golden frames; relative paths are
taken from the root of the repository, where they have their defaults.
"""

import atexit
import json
import os
import pathlib
import re
import select
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from highwater_client import (BINARY, JSON, Client, ConnectionEnded, NotOpened, Connection, Refused, Stopped, Store,
                              decode, encode, http_request)

ROOT = pathlib.Path(__file__).resolve().parents[2]
SERVER = ROOT / os.environ.get("HIGHWATER_BIN", "target/debug/highwater")
GOLDEN = ROOT / os.environ.get("HIGHWATER_PROTOCOL", "protocol") / "golden"
HOST = "127.0.0.1"
PASSWORD = "correct horse 42"
SECONDS = 8.0  # the longest that anything may take
STORED_MARKS = 2.0  # marks that were handed back are stored within a second; a busy machine has another one


class Server:
    """The server as a child process, on one data directory and, after the first start, on one port."""

    running = []
    arguments = ()  # of the command line, behind the others

    def __init__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="highwater-python-"))
        self.port = 0
        self.process = None

    def start(self):
        # The server takes every HIGHWATER_… for a setting of its own.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("HIGHWATER_")}
        with open(self.directory / "server.log", "ab") as log:
            self.process = subprocess.Popen(
                [str(SERVER), "serve", "--dev", "--data", str(self.directory / "data"),
                 "--listen", f"{HOST}:{self.port}", "--admin-listen", f"{HOST}:0", *self.arguments],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
                env=environment)
        Server.running.append(self)
        line = self._first_line(time.monotonic() + SECONDS)
        match = re.match(r"highwater ready client=http://[^ ]*:(\d+)", line)
        if not match:
            self.stop()
            raise RuntimeError(f"the server did not start: {line!r} {(self.directory / 'server.log').read_text()}")
        self.port = int(match[1])

    def _first_line(self, deadline):
        line = b""
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([self.process.stdout], [], [], max(0.0, deadline - time.monotonic()))
            part = os.read(self.process.stdout.fileno(), 4096) if ready else b""
            if not part:
                break
            line += part
        return line.decode("utf-8", "replace")

    def kill(self):
        """No farewell: what was acknowledged must be on the disk already."""
        self._end(signal.SIGKILL)

    def stop(self):
        self._end(signal.SIGTERM)

    def _end(self, number):
        if self.process is None:
            return
        self.process.send_signal(number)
        try:
            self.process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.process = None
        Server.running.remove(self)

    def remove(self):
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)


@atexit.register
def end_servers():
    for server in list(Server.running):
        server.kill()
        server.remove()


class FragileStore(Store):
    """A store whose process dies within a transaction when it is told to."""

    dies = False

    def before_commit(self):
        if self.dies:
            raise InterruptedError("died before the commit")


class GoldenFrames(unittest.TestCase):
    """Both encodings of every golden frame hold the same message."""

    @unittest.skipUnless(GOLDEN.is_dir(), "no golden frames here")
    def test_golden_frames(self):
        for binary in sorted((GOLDEN / "frames").glob("*.hex")):
            kind = "ClientFrame" if binary.name.startswith("client_") else "ServerFrame"
            with self.subTest(frame=binary.stem):
                data = bytes.fromhex(binary.read_text())
                text = binary.with_suffix(".json").read_bytes()
                message = decode(BINARY, kind, data)
                self.assertEqual(decode(JSON, kind, text), message)
                self.assertEqual(encode(BINARY, kind, message), data)
                self.assertEqual(json.loads(encode(JSON, kind, message)), json.loads(text))

    @unittest.skipUnless(GOLDEN.is_dir(), "no golden frames here")
    def test_other_ways_to_write_them(self):
        for path in sorted((GOLDEN / "accepted").iterdir()):
            subprotocol = BINARY if path.suffix == ".hex" else JSON
            kind = "ClientFrame" if path.name.startswith("client_") else "ServerFrame"
            with self.subTest(frame=path.name):
                frame = GOLDEN / "frames" / (path.name.split(".")[0] + ".json")
                data = bytes.fromhex(path.read_text()) if subprotocol == BINARY else path.read_bytes()
                self.assertEqual(decode(subprotocol, kind, data), decode(JSON, kind, frame.read_bytes()))


class WhatStaysValid(unittest.TestCase):
    """After the server's store was put back: what is not of its history goes first, the outbox stays."""

    @staticmethod
    def page(base, snapshot, **more):
        snapshots = {number: bytes([2, 1]) + bytes([number]) * 40 for number in (base, snapshot)}
        return {"base": snapshots[base][2:10] if base else b"", "snapshot": snapshots[snapshot], **more}

    def test_the_list_comes_first_and_may_come_in_parts(self):
        store = Store(":memory:")
        entry = lambda conversation, seq, text: {"conversationId": conversation, "seq": seq, "text": text}
        held = [entry(conversation, seq, "before") for conversation in (5, 6, 7) for seq in (1, 2, 3)]
        self.assertEqual(store.take(self.page(0, 1, entries=held), True), "taken")
        store.add_to_outbox(b"i" * 16, 7, "conversationId", 5, "waits")
        first = self.page(0, 20, rebuild={"cause": "CAUSE_LOSSY"}, more=True, valid=[{"conversationId": 5, "seq": 2}])
        self.assertEqual(store.take(first, True), "taken")
        self.assertEqual([len(store.entries(one)) for one in (5, 6, 7)], [2, 3, 3])
        last = self.page(20, 21, valid=[{"conversationId": 6, "seq": 9}], validComplete=True, entries=[entry(5, 3, "after")])
        self.assertEqual(store.take(last, True), "taken")
        self.assertEqual([text for _, _, text in store.entries(5)], ["before", "before", "after"])
        self.assertEqual([len(store.entries(one)) for one in (6, 7)], [3, 0])
        self.assertEqual(len(store.outbox()), 1)
        self.assertGreater(store.repair, 0)


class Protocol:
    """The tests of one subprotocol."""

    subprotocol = None

    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.addClassCleanup(cls.server.remove)
        cls.server.start()
        cls.names = 0

    def setUp(self):
        self.open_clients = []
        self.addCleanup(self.close_clients)

    def close_clients(self):
        for client in self.open_clients:
            client.leave()
            client.store.close()

    # --- people and devices ---

    def name(self, start):
        type(self).names += 1
        return f"{start}-{self.names}"

    def device(self, path, **options):
        """A client on the store of this name; a new process would do the same."""
        store = FragileStore(str(self.server.directory / f"{path}.sqlite"))
        client = Client(store, HOST, self.server.port, self.subprotocol, **options)
        self.open_clients.append(client)
        return client

    def reborn(self, path, client, **options):
        """Throws the client away without a farewell and makes it anew from its store."""
        client.cut()
        client.store.close()
        self.open_clients.remove(client)
        return self.device(path, **options)

    def registered(self, name):
        client = self.device(name)
        client.open()
        client.register(name, PASSWORD, "first")
        client.hello()
        client.work_until(lambda: client.synced, SECONDS)
        return client

    def signed_in(self, name, path):
        client = self.device(path)
        client.open()
        client.sign_in(name, PASSWORD, "second")
        client.hello()
        client.work_until(lambda: client.synced, SECONDS)
        return client

    def two_people(self):
        ann, bob = self.name("ann"), self.name("bob")
        return ann, self.registered(ann), bob, self.registered(bob)

    @staticmethod
    def settle(client):
        """Works until the outbox is empty and what lies on the server has been fetched."""
        client.run_until(lambda: not client.store.outbox(), SECONDS)
        client.synced, client.sync_wanted = False, True
        client.run_until(lambda: client.synced, SECONDS)

    @staticmethod
    def conversation(client):
        (key,) = client.store.items(3)
        return int(key)

    def texts(self, client):
        return [text for _, _, text in client.store.entries(self.conversation(client))]

    def wait_for_text(self, client, text):
        client.run_until(lambda: client.store.items(3) and text in self.texts(client), SECONDS)

    # --- the tests ---

    def test_everything_acknowledged_is_there_once_and_in_order(self):
        ann_name, ann, bob_name, bob = self.two_people()
        bob_second = self.signed_in(bob_name, bob_name + "-second")
        bob.cut()
        expected, acknowledged = [], {}

        def write(count):
            for _ in range(count):
                expected.append(f"message {len(expected)} – Grüße 👋")
                ann.send(expected[-1], userName=bob_name)

        def note_acknowledged():
            for seq, _, text in ann.store.entries(conversation):
                self.assertEqual(acknowledged.setdefault(text, seq), seq)

        write(10)
        self.settle(ann)
        conversation = self.conversation(ann)
        note_acknowledged()

        # The whole frame left, the server stored it, and the connection breaks before the answer is read.
        write(1)
        ann.send_what_is_due()
        self.write_raw(ann, len(ann.connection.outgoing))
        self.wait_for_text(bob_second, expected[-1])
        ann = self.reborn(ann_name, ann)
        self.assertEqual([body["text"] for body in ann.store.outbox()], expected[-1:])
        before = ann.store.outbox()[0]
        ann.connect()
        self.assertEqual(ann.store.outbox()[0], before, "the id and the day stay")
        write(5)
        self.settle(ann)
        note_acknowledged()
        self.assertEqual(acknowledged[expected[10]], 11, "it had its place before it was sent again")

        # Half a frame left.
        write(1)
        ann.send_what_is_due()
        self.write_raw(ann, len(ann.connection.outgoing) // 2)
        ann = self.reborn(ann_name, ann)
        ann.connect()
        write(5)
        self.settle(ann)
        note_acknowledged()

        # The server dies in the middle of a burst, with answers that may be lost on the way.
        write(100)
        count = ann.seen.get("sent", 0)
        ann.run_until(lambda: ann.seen.get("sent", 0) >= count + 15, SECONDS)
        ann.send_what_is_due()
        self.write_raw(ann, len(ann.connection.outgoing))
        self.server.kill()
        note_acknowledged()
        self.assertGreaterEqual(len(acknowledged), 22 + 15)
        self.assertLess(len(acknowledged), 122, "the server died too late for this test")
        ann = self.reborn(ann_name, ann)
        with self.assertRaises(OSError):
            ann.open()
        self.server.start()
        self.settle(ann)
        note_acknowledged()
        self.assertEqual(sorted(acknowledged), sorted(expected))

        # The first device was away: it fetches small pages and is cut off in the middle of one, three times.
        bob = self.reborn(bob_name, bob, sync_limit=7)
        self.cut_within_a_page_on_the_wire(bob)
        bob = self.reborn(bob_name, bob, sync_limit=7)
        self.cut_within_the_transaction(bob)
        bob = self.reborn(bob_name, bob, sync_limit=7)
        bob.connect()
        bob.work_until(lambda: bob.seen.get("page taken", 0) == 3, SECONDS)
        self.assertFalse(bob.synced, "there is more")
        bob = self.reborn(bob_name, bob, sync_limit=7)
        self.settle(bob)
        self.settle(bob_second)

        for client in (ann, bob, bob_second):
            entries = client.store.entries(conversation)
            self.assertEqual([seq for seq, _, _ in entries], list(range(1, len(expected) + 1)))
            self.assertEqual([text for _, _, text in entries], expected)
            self.assertEqual({sender for _, sender, _ in entries}, {ann.store.user_id})
            self.assertEqual({text: seq for seq, _, text in entries}, acknowledged)
        self.assertEqual(ann.store.items(2), {
            str(bob.store.user_id): {"userId": str(bob.store.user_id), "name": bob_name}})
        self.assertEqual(bob.store.items(1), {"me": {"userId": str(bob.store.user_id), "name": bob_name}})

    def write_raw(self, client, count):
        """Writes so many of the queued bytes and forgets the rest."""
        client.connection.socket.setblocking(True)
        client.connection.socket.sendall(client.connection.outgoing[:count])
        client.connection.outgoing.clear()

    def cut_within_a_page_on_the_wire(self, client):
        client.connect()
        before = client.store.snapshot
        client.send_what_is_due()
        self.write_raw(client, len(client.connection.outgoing))
        client.connection.socket.settimeout(SECONDS)
        self.assertEqual(len(client.connection.socket.recv(100)), 100)
        client.cut()
        self.assertEqual(client.store.snapshot, before)

    def cut_within_the_transaction(self, client):
        client.connect()
        before = client.store.snapshot
        client.store.dies = True
        with self.assertRaises(InterruptedError):
            client.work_until(lambda: client.synced, SECONDS)
        client.cut()
        self.assertEqual(client.store.snapshot, before)
        self.assertEqual(client.store.database.execute("SELECT count(*) FROM entries").fetchone()[0], 0)

    def test_push_nudge_and_heartbeat(self):
        _, ann, bob_name, bob = self.two_people()
        ann.send("first", userName=bob_name)
        self.settle(ann)
        self.wait_for_text(bob, "first")
        self.assertGreaterEqual(bob.seen.get("nudge", 0), 1, "new items come with a nudge")
        self.settle(bob)

        pushes, take = [], bob.store.take
        def watch(page, asked):
            if not asked:
                pushes.append(page)
            return take(page, asked)
        bob.store.take = watch
        ann.send("second", conversationId=self.conversation(ann))
        self.settle(ann)
        self.wait_for_text(bob, "second")
        self.assertEqual([entry["text"] for page in pushes for entry in page["entries"]], ["second"])
        self.assertEqual(bob.seen["push taken"], 1)

        # A push that comes twice, or without the one before it, changes nothing.
        stored = bob.store.snapshot
        self.assertEqual(take(pushes[0], False), "discarded")
        self.assertEqual(take({**pushes[0], "base": stored[2:10], "rebuild": {}}, False), "discarded")
        self.assertEqual(bob.store.snapshot, stored)

        quiet = self.device(bob_name + "-extension", context=1, nudge_only=True)
        quiet.store.keep_account({
            "userId": bob.store.user_id, "deviceId": bob.store.device_id, "token": bob.store.token})
        quiet.connect()
        quiet.work_until(lambda: quiet.synced, SECONDS)
        ann.send("third", conversationId=self.conversation(ann))
        self.settle(ann)
        self.wait_for_text(quiet, "third")
        self.assertGreaterEqual(quiet.seen.get("nudge", 0), 1)
        self.assertNotIn("push", quiet.seen)

        day, bob.day = bob.day, 0
        bob.heartbeat()
        bob.run_until(lambda: bob.seen.get("heartbeat"), SECONDS)
        self.assertEqual(bob.day, day)

    def test_rebuild(self):
        _, ann, bob_name, bob = self.two_people()
        for number in range(5):
            ann.send(f"number {number}", userName=bob_name)
        self.settle(ann)
        self.settle(bob)
        conversation = self.conversation(bob)
        entries, contacts = bob.store.entries(conversation), bob.store.items(2)

        # A damaged snapshot, and an item that the server does not have.
        snapshot = bob.store.snapshot
        bob.store.set_snapshot(snapshot[:-1] + bytes([snapshot[-1] ^ 1]))
        bob.store.database.execute("INSERT INTO items VALUES (2, '77', '{}', 0)")
        bob = self.reborn(bob_name, bob, sync_limit=1)
        bob.connect()
        bob.work_until(lambda: bob.seen.get("page taken") == 2, SECONDS)
        self.assertEqual(bob.seen["rebuild"], 1, "only the first page says so")
        self.assertTrue(bob.store.rebuilding)
        self.assertIn("77", bob.store.items(2))

        # Cut off in the middle of it: it goes on where it was.
        bob = self.reborn(bob_name, bob, sync_limit=1)
        self.settle(bob)
        self.assertNotIn("rebuild", bob.seen)
        self.assertFalse(bob.store.rebuilding)
        self.assertEqual(bob.store.items(2), contacts)
        self.assertEqual(bob.store.entries(conversation), entries)

        # Anything may be presented.
        for damaged in (b"?", b"?" * 128, ann.store.snapshot):
            bob.store.set_snapshot(damaged)
            bob = self.reborn(bob_name, bob)
            self.settle(bob)
            self.assertGreaterEqual(bob.seen.get("rebuild", 0), 1)
            self.assertFalse(bob.store.rebuilding)
            self.assertEqual(bob.store.entries(conversation), entries)

    def all_handed_back(self, *clients):
        """Waits until the server has stored that these clients have everything."""
        for client in clients:
            client.ask({"heartbeat": {}})
        time.sleep(STORED_MARKS)

    def repaired(self, client):
        """Works until everything is there, what the pages do not tell included."""
        client.run_until(lambda: client.synced and not client.store.repair, SECONDS)

    def test_a_store_that_was_lost_is_filled_again(self):
        _, ann, bob_name, bob = self.two_people()
        for number in range(40):
            ann.send(f"to bob {number}", userName=bob_name)
        self.settle(ann)
        self.settle(bob)
        for number in range(3):
            bob.send(f"to ann {number}", conversationId=self.conversation(bob))
        self.settle(bob)
        self.settle(ann)
        conversation = self.conversation(bob)
        entries, items = bob.store.entries(conversation), [bob.store.items(kind) for kind in (1, 2, 3)]
        self.assertEqual(len(entries), 43)
        self.all_handed_back(bob)

        # Nothing is left of the store but the token; two more messages wait. It is cut off right after the gap.
        account = {"userId": bob.store.user_id, "deviceId": bob.store.device_id, "token": bob.store.token}
        bob.leave()
        ann.send("while it was away 1", conversationId=conversation)
        ann.send("while it was away 2", conversationId=conversation)
        self.settle(ann)
        empty = self.device(bob_name + "-emptied")
        empty.store.keep_account(account)
        self.assertEqual(empty.store.snapshot, b"")
        empty.connect()
        empty.work_until(lambda: empty.seen.get("gap"), SECONDS)
        self.assertFalse(empty.synced, "a gap is never the last page")
        self.assertEqual(empty.store.database.execute("SELECT count(*) FROM entries").fetchone()[0], 0)
        self.assertTrue(empty.store.rebuilding)

        # It goes on where it was: it is told what is above the gap, and finds the rest.
        empty = self.reborn(bob_name + "-emptied", empty, heads_limit=1)
        self.repaired(empty)
        self.assertNotIn("gap", empty.seen)
        self.assertNotIn("rebuild", empty.seen)
        self.assertGreaterEqual(empty.seen["range"], 1)
        self.assertFalse(empty.store.rebuilding)
        self.assertEqual([empty.store.items(kind) for kind in (1, 2, 3)], items)
        texts = [text for _, _, text in entries] + ["while it was away 1", "while it was away 2"]
        self.assertEqual([text for _, _, text in empty.store.entries(conversation)], texts)
        self.assertEqual(empty.store.entries(conversation)[:43], entries)
        own = "SELECT count(*) FROM entries WHERE message_id IS NOT NULL"
        self.assertEqual(empty.store.database.execute(own).fetchone()[0], 3, "own messages have their ids")

        # The chain goes on as if nothing had been.
        ann.send("afterwards", conversationId=conversation)
        self.settle(ann)
        self.wait_for_text(empty, "afterwards")
        self.assertEqual(empty.seen.get("push taken"), 1)

    def test_an_older_store_is_told_a_gap_and_keeps_what_it_has(self):
        _, ann, bob_name, bob = self.two_people()
        for number in range(5):
            ann.send(f"early {number}", userName=bob_name)
        self.settle(ann)
        self.settle(bob)
        conversation = self.conversation(bob)
        older = sqlite3.connect(self.server.directory / f"{bob_name}-older.sqlite")
        bob.store.database.backup(older)
        # Items that the server does not have: only conversations are told anew.
        older.executemany("INSERT INTO items VALUES (?, '77', '{}', 0)", [(2,), (3,)])
        older.commit()
        older.close()
        for number in range(20):
            ann.send(f"late {number}", conversationId=conversation)
        self.settle(ann)
        self.settle(bob)
        entries = bob.store.entries(conversation)
        self.all_handed_back(bob)
        bob.leave()

        older = self.device(bob_name + "-older")
        self.assertEqual(len(older.store.entries(conversation)), 5)
        self.repaired(older)
        self.assertEqual(older.seen["gap"], 1)
        self.assertNotIn("rebuild", older.seen)
        self.assertEqual(older.seen["range"], 1, "only what is missing is asked for")
        self.assertEqual(older.store.entries(conversation), entries)
        self.assertEqual(set(older.store.items(3)), {str(conversation)})
        self.assertIn("77", older.store.items(2))

    def test_a_complete_rebuild_comes_before_a_gap_on_the_same_page(self):
        client = self.device(self.name("alone"))
        item = {"kind": 3, "key": "1", "value": "{}"}
        contact = {"kind": 2, "key": "2", "value": "{}"}
        self.assertEqual(client.store.take({"snapshot": b"a" * 53, "items": [item, contact]}, True), "taken")
        page = {"rebuild": {}, "snapshot": b"b" * 53, "items": [{**item, "key": "3"}], "complete": True,
                "messagesGap": True, "more": True}
        self.assertEqual(client.store.take(page, True), "taken")
        self.assertEqual((set(client.store.items(3)), client.store.items(2)), ({"3"}, {}))
        page = {"base": b"b" * 8, "snapshot": b"c" * 53, "items": [{**item, "key": "4"}, contact], "complete": True}
        self.assertEqual(client.store.take(page, True), "taken")
        self.assertEqual((set(client.store.items(3)), set(client.store.items(2))), ({"4"}, {"2"}))
        self.assertFalse(client.store.rebuilding)

    def test_an_updated_client_reads_again_what_it_holds(self):
        name, ann, bob_name, bob = self.two_people()
        path = bob_name + "-old"
        old = self.signed_in(bob_name, path)
        old = self.reborn(path, old, level=1, locale="zh-CN")
        ann.send("plain", userName=bob_name)
        ann.send_custom("poll/1", '{"a": [1]}', "Tea?", userName=bob_name)
        ann.send_custom("poll/1", "[]", userName=bob_name)
        self.settle(ann)
        self.settle(bob)
        self.settle(old)
        conversation = self.conversation(bob)
        rich = {1: "plain", 2: {"schema": "poll/1", "json": '{"a": [1]}', "fallback": "Tea?"},
                3: {"schema": "poll/1", "json": "[]"}}
        shown = {1: "plain", 2: "Tea?", 3: "当前版本无法显示此消息。"}
        self.assertEqual(bob.store.contents(conversation), rich)
        self.assertEqual(old.store.contents(conversation), shown)
        self.run_and_repair(old)
        # Updated in place, cut after the page that says so was stored, and set back again.
        new = self.reborn(path, old, level=3)
        new.run_until(lambda: new.synced, SECONDS)
        self.assertEqual(new.seen.get("level changed"), 1)
        new = self.reborn(path, new, level=99)
        self.run_and_repair(new)
        self.assertNotIn("level changed", new.seen, "it is said once")
        self.assertEqual(new.store.contents(conversation), rich)
        back = self.reborn(path, new, level=1, locale="zh")
        self.run_and_repair(back)
        self.assertEqual(back.seen.get("level changed"), 1)
        self.assertEqual(back.store.contents(conversation), shown)
        status, answer = http_request(HOST, self.server.port, {"requestId": 1, "range": {
            "conversationId": conversation, "fromSeq": 2, "toSeq": 2}}, bob.store.token, self.subprotocol, level=2)
        self.assertEqual((status, answer["entries"]["entries"][0]["custom"]), (200, rich[2]))

    @staticmethod
    def run_and_repair(client):
        """Works until a sync has ended and nothing is due to be fetched by seq."""
        client.run_until(lambda: client.synced and client.store.due is None, SECONDS)

    def test_a_change_of_level_tells_its_kinds_anew(self):
        client = self.device(self.name("alone"))
        items = [{"kind": kind, "key": key, "value": "{}"} for kind, key in ((2, "1"), (2, "2"), (3, "3"))]
        entry = {"conversationId": 5, "seq": 1, "text": "fallback"}
        first = {"snapshot": b"a" * 53, "items": items, "entries": [entry]}
        self.assertEqual(client.store.take(first, True), "taken")
        page = {"base": b"a" * 8, "snapshot": b"b" * 53, "levelChanged": {"kinds": [2, 4]}, "items": [items[1]],
                "more": True}
        self.assertEqual(client.store.take(page, False), "discarded")
        client.store.level = 3
        self.assertEqual(client.store.take(page, True), "taken")
        self.assertEqual((set(client.store.items(2)), client.store.due), ({"1", "2"}, (0, 1)))
        self.assertEqual(client.store.told_otherwise({"conversationId": 5}), [(5, 1, 1)])
        page = {"base": b"b" * 8, "snapshot": b"c" * 53, "complete": True}
        self.assertEqual(client.store.take(page, True), "taken")
        self.assertEqual((set(client.store.items(2)), set(client.store.items(3))), ({"2"}, {"3"}))

    def test_a_later_device_finds_the_history(self):
        _, ann, bob_name, bob = self.two_people()
        for number in range(30):
            ann.send(f"number {number}", userName=bob_name)
        self.settle(ann)
        self.settle(bob)
        conversation = self.conversation(bob)
        second = self.signed_in(bob_name, bob_name + "-second")
        self.assertEqual(second.store.entries(conversation), [], "the chain begins at the head")
        self.repaired(second)
        self.assertNotIn("gap", second.seen)
        self.assertEqual(second.store.entries(conversation), bob.store.entries(conversation))

    def test_heads_and_range(self):
        _, ann, bob_name, bob = self.two_people()
        carl = self.registered(self.name("carl"))
        for number in range(7):
            ann.send(f"number {number}", userName=bob_name)
        carl.send("from carl", userId=ann.store.user_id)
        self.settle(carl)
        self.settle(ann)
        self.settle(bob)
        with_bob, with_carl = self.conversation(bob), self.conversation(carl)

        told, after = {}, 0
        for _ in range(2):
            answer = ann.ask({"heads": {"after": after, "limit": 1}})["heads"]
            (head,) = answer["heads"]
            told[head["conversationId"]] = (head["seq"], head["oldestSeq"])
            after = answer.get("next", 0)
        self.assertEqual((told, after), ({with_bob: (7, 1), with_carl: (1, 1)}, 0))
        whole = ann.ask({"heads": {}})["heads"]
        self.assertEqual(({head["conversationId"] for head in whole["heads"]}, whole.get("next", 0)), (set(told), 0))

        def asked(first, last, conversation=with_bob):
            return {"range": {"conversationId": conversation, "fromSeq": first, "toSeq": last}}

        def seqs(first, last):
            answer = ann.ask(asked(first, last))["entries"]
            self.assertEqual((answer["conversationId"], answer.get("more", False)), (with_bob, False))
            return [entry["seq"] for entry in answer.get("entries", [])]

        snapshot = ann.store.snapshot
        self.assertEqual(seqs(3, 5), [3, 4, 5])
        self.assertEqual(seqs(4, 4), [4])
        self.assertEqual(seqs(0, 1000), list(range(1, 8)))
        self.assertEqual(seqs(8, 9), [])
        self.assertEqual(ann.store.snapshot, snapshot)
        own = ann.ask(asked(1, 1))["entries"]["entries"][0]
        self.assertEqual(len(own["clientMessageId"]), 16)
        self.assertNotIn("clientMessageId", bob.ask(asked(1, 1))["entries"]["entries"][0])
        for code, client, body in (
                (104, ann, asked(5, 4)), (104, ann, {"heads": {"after": 1 << 48}}),
                (301, bob, asked(1, 1, with_carl)), (301, bob, asked(1, 1, 5))):
            with self.subTest(body=body):
                self.assertEqual(self.refusal(client, body), code)

        # More than one answer holds.
        for number in range(600):
            ann.send(f"further {number}", conversationId=with_bob)
        self.settle(ann)
        answer = ann.ask(asked(1, 607))["entries"]
        self.assertEqual(([entry["seq"] for entry in answer["entries"]], answer["more"]), (list(range(1, 501)), True))
        self.assertEqual(seqs(501, 607), list(range(501, 608)))

    def refusal(self, client, body):
        with self.assertRaises(Refused) as caught:
            client.ask(body, SECONDS)
        return caught.exception.code

    def test_refusals(self):
        ann_name, ann, bob_name, bob = self.two_people()
        message = {"clientMessageId": os.urandom(16), "day": ann.day, "userName": bob_name, "text": "once"}

        def send(**changes):
            return {"send": {**message, **changes}}

        place = ann.ask(send())["sent"]
        self.assertEqual(ann.ask(send())["sent"], place, "the same id has always the same place")
        for code, body in (
                (102, {}),
                (106, {"hello": {"token": ann.store.token, "level": 1}}),
                (106, {"register": {"name": "x"}}),
                (104, send(clientMessageId=b"short")),
                (104, {"send": {"clientMessageId": os.urandom(16), "day": ann.day, "text": "to nobody"}}),
                (300, send(clientMessageId=os.urandom(16), userName="nobody-at-all")),
                (300, {"findUser": {"name": "nobody-at-all"}}),
                (301, {"send": {"clientMessageId": os.urandom(16), "day": ann.day, "conversationId": 5, "text": "x"}}),
                (302, send(clientMessageId=os.urandom(16), text="x" * (ann.greeting["textBytesMax"] + 1))),
                (303, send(clientMessageId=os.urandom(16), text="")),
                (304, send(text="another")),
                (305, send(clientMessageId=os.urandom(16), day=ann.day - ann.greeting["dedupDays"])),
                (305, send(clientMessageId=os.urandom(16), day=ann.day + 2)),
                (306, {"endDevice": {"deviceId": 3}})):
            with self.subTest(body=body):
                self.assertEqual(self.refusal(ann, body), code)
        self.assertEqual(ann.ask({"findUser": {"name": bob_name.upper()}})["user"], {
            "userId": bob.store.user_id, "name": bob_name})

        # A message that is refused for good leaves the outbox and is shown as refused.
        lost = ann.send("to nobody", userName="nobody-at-all")
        ann.run_until(lambda: not ann.store.outbox(), SECONDS)
        self.assertEqual(ann.store.refused(), {lost: 300})

        # What the server cannot read leaves the connection open.
        other = (0x2, b"\x08\x01\x5a\x00") if self.subprotocol == JSON else (0x1, b"{}")
        ann.connection.put_frame(*other)
        ann.connection.put(b"\xff\xff" if self.subprotocol == BINARY else b"not a frame")
        ann.request({"requestId": 0, "heartbeat": {}})
        ann.run_until(lambda: len(ann.stray_errors) == 3, SECONDS)
        self.assertEqual(ann.stray_errors, [103, 100, 104])
        ann.ask({"heartbeat": {}})

        stranger = self.device(self.name("stranger"))
        stranger.open()
        self.assertEqual(self.refusal(stranger, {"sync": {}}), 105)
        for code, name, password in ((203, ann_name, PASSWORD), (204, "x", PASSWORD), (205, "some-name", "short")):
            self.assertEqual(self.refusal(stranger, {"register": {"name": name, "password": password}}), code)
        self.assertEqual(self.refusal(stranger, {"signIn": {"name": ann_name, "password": "wrong horse"}}), 201)
        self.assertEqual(self.refusal(stranger, {"hello": {"token": "wrong", "level": 1}}), 200)
        with self.assertRaises(ConnectionEnded) as caught:
            stranger.work_until(lambda: False, SECONDS)
        self.assertEqual(caught.exception.code, 4401)
        with self.assertRaises(NotOpened) as caught:
            Connection(HOST, self.server.port, "something.else")
        self.assertEqual(caught.exception.status, 400)

    def test_ends(self):
        ann_name, ann, _, _ = self.two_people()

        # A newer connection of the lineage: the older one stops by itself.
        newer = self.device(ann_name)
        newer.connect()
        with self.assertRaisesRegex(Stopped, "4409"):
            ann.run_until(lambda: False, SECONDS)

        # Pings are answered, also between the fragments of a message.
        newer.connection.put_frame(0x9, b"are you there")
        newer.ask({"heartbeat": {}})

        # The device is ended by another one: its connection closes, and it must sign in again.
        second = self.signed_in(ann_name, ann_name + "-second")
        self.assertIn("done", second.ask({"endDevice": {"allOthers": True}}))
        with self.assertRaisesRegex(Stopped, "200"):
            newer.run_until(lambda: False, SECONDS)
        devices = second.ask({"listDevices": {}})["deviceList"]["devices"]
        self.assertEqual([(device["deviceId"], device["name"], device["current"]) for device in devices],
                         [(second.store.device_id, "second", True)])

    def test_http(self):
        _, ann, bob_name, bob = self.two_people()
        bob.leave()

        def ask(body, token=bob.store.token):
            return http_request(HOST, self.server.port, body, token, self.subprotocol)

        status, answer = ask({"heartbeat": {}})
        self.assertEqual(status, 200)
        message = {"clientMessageId": os.urandom(16), "day": answer["heartbeat"]["day"], "userId": ann.store.user_id,
                   "text": "by post"}
        status, answer = ask({"requestId": 7, "send": message})
        self.assertEqual((status, answer["requestId"], answer["sent"]["seq"]), (200, 7, 1))
        self.assertEqual(ask({"send": message})[1]["sent"], answer["sent"])
        self.wait_for_text(ann, "by post")

        # The chain of the WebSocket goes on here, and there again.
        status, answer = ask({"snapshot": bob.store.snapshot, "sync": {}})
        self.assertEqual((status, bob.store.take(answer["page"], True)), (200, "taken"))
        self.assertEqual(self.texts(bob), ["by post"])
        self.assertEqual(ask({"snapshot": bob.store.snapshot, "sync": {}}), (204, None))
        self.settle(bob)
        self.assertNotIn("rebuild", bob.seen)

        for status, code, body, token in (
                (401, 200, {"heartbeat": {}}, "wrong"),
                (400, 102, {"hello": {"token": bob.store.token}}, bob.store.token),
                (404, 300, {"findUser": {"name": "nobody-at-all"}}, bob.store.token)):
            answered, answer = ask(body, token)
            self.assertEqual((answered, answer["error"]["code"]), (status, code))


class JsonProtocol(Protocol, unittest.TestCase):
    subprotocol = JSON


class BinaryProtocol(Protocol, unittest.TestCase):
    subprotocol = BINARY


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    unittest.main()
