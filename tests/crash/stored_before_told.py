#!/usr/bin/env python3
"""Stored before told, seen from outside: the system calls of the real server, in their order.

Two people chat through a server that runs under strace, with several sends in flight. For each client message id the
trace then has to show, in this order:

1. a write to a file of the commit log that contains the 16 bytes of the id,
2. a sync of the same file, begun after that write had returned, which returned 0,
3. only after that the first write to any socket that names the message: by its id in base64 (the entry for the
   sender's devices), by the token that stands in its text (the entry for the recipient), or by the request id of its
   send (the answer).

What counts as time is the place in the trace: strace writes down the beginning of a call before it lets it begin, and
its end before it lets the thread go on. A call that another thread interrupts has two lines, its beginning and its end.

Standard library only. Exit 0: proven. Exit 1: violated. Exit 2: nothing can be said, because something else failed.
"""

import argparse
import base64
import bisect
import hashlib
import json
import os
import re
import secrets
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

READY_TIMEOUT_S = 60
"""How long a start under strace may take: two segments of the log are filled with zeros first."""
CHAT_TIMEOUT_S = 120
"""How long everything that is said may take to arrive, under strace on a busy machine."""
STOP_TIMEOUT_S = 30
RUN_TIMEOUT_S = 300
"""After that the server is ended whatever became of this script."""
STRING_BYTES_MAX = 65536
"""Bytes of a buffer that strace prints: more than a batch of the log or a page for a client has here."""
SEGMENT_BYTES = 16 * 1024 * 1024
"""The smallest segment of the log: its zeros stand in the trace too."""
MESSAGE_BYTES_MAX = 1024 * 1024
"""The longest message of the server that a client has to take (protocol.md, section 1)."""
LINE_CHARS_SHOWN = 150
"""Of each end of a line of the trace."""

WRITES = ("write", "writev", "pwrite64", "pwritev", "pwritev2", "sendto", "sendmsg", "sendmmsg")
SYNCS = ("fdatasync", "fsync")


class Failed(Exception):
    """Nothing can be said."""


class Violated(Exception):
    """Told before stored."""


# ---------------------------------------------------------------------------------------------
# The client


class WebSocket:
    """One connection of protocol.md, section 1, with the JSON subprotocol. Sending and receiving may be two threads."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=CHAT_TIMEOUT_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.input = self.socket.makefile("rb")
        self.opcode, self.fragments = 0, b""
        key = base64.b64encode(secrets.token_bytes(16)).decode()
        self.socket.sendall(
            (
                f"GET /v1/ws HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
                "Sec-WebSocket-Protocol: highwater.v1.json\r\n\r\n"
            ).encode()
        )
        status = self.input.readline()
        headers = {}
        while line := self.input.readline().strip():
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        digest = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
        if b" 101 " not in status or headers.get("sec-websocket-accept") != base64.b64encode(digest).decode():
            raise Failed(f"the server did not upgrade: {status!r}")

    def send(self, frame):
        self._write(0x1, json.dumps(frame).encode())

    def receive(self):
        """The next frame of the server; pings are answered on the way."""
        while True:
            opcode, payload = self._read()
            if opcode == 0x1:
                return json.loads(payload)
            if opcode == 0x9:
                self._write(0xA, payload)
            elif opcode == 0x8:
                raise Failed(f"the server closed a connection: {payload!r}")

    def close(self):
        self.socket.close()

    def _write(self, opcode, payload):
        mask = secrets.token_bytes(4)
        header = bytes([0x80 | opcode])
        if len(payload) < 126:
            header += bytes([0x80 | len(payload)])
        else:
            header += struct.pack("!BH", 0x80 | 126, len(payload))
        masked = bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))
        self.socket.sendall(header + mask + masked)

    def _read(self):
        """One message, of one fragment or several, or a control frame, which may stand between fragments."""
        while True:
            first, second = self._exactly(2)
            length = second & 0x7F
            if length == 126:
                (length,) = struct.unpack("!H", self._exactly(2))
            elif length == 127:
                (length,) = struct.unpack("!Q", self._exactly(8))
            if len(self.fragments) + length > MESSAGE_BYTES_MAX:
                raise Failed(f"the server sends a message of more than {MESSAGE_BYTES_MAX} bytes")
            opcode, payload = first & 0x0F, self._exactly(length)
            if opcode >= 0x8:
                return opcode, payload
            self.opcode = opcode or self.opcode
            self.fragments += payload
            if first & 0x80:
                message, self.fragments = self.fragments, b""
                return self.opcode, message

    def _exactly(self, length):
        read = self.input.read(length)
        if len(read) < length:
            raise Failed("the server ended a connection")
        return read


class Person:
    """An account with one connection that was greeted and synced, so that it gets pushes."""

    def __init__(self, port, name, first_request_id):
        """`first_request_id`: the request ids of all connections of a run are different, so each names one answer."""
        self.connection = WebSocket(port)
        self.request_id = first_request_id
        self.snapshot = b""
        self.texts = set()
        self.sync_wanted = False
        self.sync_open = None
        self.name = name
        password = secrets.token_hex(16)
        token = self._ask({"register": {"name": name, "password": password}}, "signedIn")["token"]
        greeting = self._ask({"hello": {"token": token, "level": 1}}, "greeting")
        self.day = greeting["day"]
        self._start_sync()
        while self.sync_open:
            self.take(self.connection.receive())

    def next_request_id(self):
        self.request_id += 1
        return self.request_id

    def take(self, frame):
        """Takes a page, a push or a nudge as protocol.md, section 5 says; the texts of all entries are kept."""
        if "nudge" in frame:
            self.sync_wanted = True
        is_answer = self.sync_open is not None and frame.get("requestId") == str(self.sync_open)
        if is_answer:
            self.sync_open = None
            if "page" not in frame:
                raise Failed(f"a sync of {self.name} was answered with {frame}")
        page = frame.get("page") or frame.get("push")
        if page is not None:
            self._take_page(page, is_answer)
        if self.sync_wanted and self.sync_open is None:
            self._start_sync()

    def _take_page(self, page, is_answer):
        rebuild = "rebuild" in page
        base = base64.b64decode(page.get("base", ""))
        current = self.snapshot[2:10] if len(self.snapshot) >= 10 else b""
        if not (rebuild and is_answer) and (rebuild or base != current):
            self.sync_wanted = True
            return
        if not page.get("snapshot"):
            return
        self.snapshot = base64.b64decode(page["snapshot"])
        self.texts.update(entry.get("text", "") for entry in page.get("entries", []))
        if page.get("more"):
            self.sync_wanted = True
        elif page.get("handBack"):
            self._request({"heartbeat": {}})

    def _start_sync(self):
        self.sync_wanted = False
        self.sync_open = self._request({"sync": {}})

    def _request(self, request):
        request_id = self.next_request_id()
        frame = {"requestId": str(request_id), **request}
        if self.snapshot:
            frame["snapshot"] = base64.b64encode(self.snapshot).decode()
        self.connection.send(frame)
        return request_id

    def _ask(self, request, answer):
        """Only before the first sync: nothing else than the answer comes then."""
        self._request(request)
        frame = self.connection.receive()
        if answer not in frame:
            raise Failed(f"{self.name} got {frame} instead of {answer}")
        return frame[answer]


class Message:
    """One send, and what names it."""

    def __init__(self, request_id):
        self.request_id = request_id
        self.id = secrets.token_bytes(16)
        self.token = f"token-{secrets.token_hex(16)}"

    def frame(self, person, recipient):
        send = {
            "clientMessageId": base64.b64encode(self.id).decode(),
            "day": person.day,
            "userName": recipient,
            "text": f"a text with {self.token} in it",
        }
        return {"requestId": str(self.request_id), "send": send}

    def names(self):
        """Bytes of which each, written to a socket, tells of this message, and what they are."""
        return {
            base64.b64encode(self.id): "its id",
            self.token.encode(): "its text",
            f'"requestId":"{self.request_id}"'.encode(): "the answer to its send",
        }


def chat(port, sends, in_flight):
    """Sends `sends` messages, `in_flight` of them unanswered at any time, and waits until both people have them all."""
    suffix = secrets.token_hex(4)
    sender = Person(port, f"anna-{suffix}", 1_000_000)
    recipient = Person(port, f"bert-{suffix}", 2_000_000)
    messages = [Message(sender.next_request_id()) for _ in range(sends)]
    listener = Listener(recipient, messages)
    listener.start()
    waiting = list(reversed(messages))
    unanswered = set()
    deadline = time.monotonic() + CHAT_TIMEOUT_S
    while waiting or unanswered or not has_all(sender, messages):
        while waiting and len(unanswered) < in_flight:
            message = waiting.pop()
            unanswered.add(str(message.request_id))
            sender.connection.send(message.frame(sender, recipient.name))
        frame = sender.connection.receive()
        if frame.get("requestId") in unanswered:
            if "sent" not in frame:
                raise Failed(f"a send was answered with {frame}")
            unanswered.discard(frame["requestId"])
        else:
            sender.take(frame)
        if time.monotonic() > deadline:
            raise Failed(f"the sends were not answered within {CHAT_TIMEOUT_S} s")
    listener.join(CHAT_TIMEOUT_S)
    if listener.is_alive() or listener.failure:
        raise Failed(f"the recipient did not get all messages: {listener.failure or 'too slow'}")
    sender.connection.close()
    recipient.connection.close()
    return messages


def has_all(person, messages):
    return len(person.texts) >= len(messages)


class Listener(threading.Thread):
    """Reads as the recipient until everything is there."""

    def __init__(self, person, messages):
        super().__init__(daemon=True)
        self.person = person
        self.messages = messages
        self.failure = None

    def run(self):
        try:
            while not has_all(self.person, self.messages):
                self.person.take(self.person.connection.receive())
        except (Failed, OSError, ValueError) as failure:
            self.failure = failure


# ---------------------------------------------------------------------------------------------
# The server under strace


class TracedServer:
    """The server as a child of strace, as a child of `timeout`, so that it ends even if this script is killed."""

    def __init__(self, binary, directory, seeded_bug):
        self.data = os.path.join(directory, "data")
        self.trace = os.path.join(directory, "trace")
        self.log = os.path.join(directory, "server.log")
        self.pid_file = os.path.join(directory, "pid")
        command = ["timeout", "--foreground", "--kill-after=10", str(RUN_TIMEOUT_S)]
        command += ["strace", "-f", "-ttt", "-y", "-xx", "-s", str(STRING_BYTES_MAX), "-o", self.trace]
        command += ["-e", "trace=" + ",".join(WRITES + SYNCS), "-e", "signal=none"]
        # The shell notes the process id and becomes the server.
        command += ["sh", "-c", 'echo $$ > "$0" && exec "$@"', self.pid_file]
        command += [os.path.abspath(binary), "serve", "--dev", "--data", self.data]
        command += ["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]
        if seeded_bug:
            command += ["--seeded-bug", seeded_bug]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("HIGHWATER_")}
        environment["HIGHWATER_STORAGE_SEGMENT_BYTES"] = str(SEGMENT_BYTES)
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, env=environment)
        self.ready = None
        threading.Thread(target=self._read_ready_line, daemon=True).start()

    def client_port(self):
        """Waits for the ready line and answers the port for clients."""
        deadline = time.monotonic() + READY_TIMEOUT_S
        while self.ready is None and time.monotonic() < deadline:
            time.sleep(0.02)
        found = re.match(rb"highwater ready client=http://[^ ]*:(\d+) ", self.ready or b"")
        if not found:
            raise Failed(f"the server did not become ready: {self.ready!r}\n{self.log_tail()}")
        return int(found[1])

    def stop(self):
        """Asks the server to stop and waits until strace has written everything down."""
        if self.process.poll() is None:
            try:
                with open(self.pid_file, encoding="ascii") as file:
                    os.kill(int(file.read()), 15)
            except (OSError, ValueError):
                self.process.terminate()
        try:
            return self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            # What `timeout` is told it passes on to strace, and strace ends what it has started.
            self.process.terminate()
            self.process.wait(STOP_TIMEOUT_S)
            raise Failed("the server did not stop") from None

    def log_tail(self):
        with open(self.log, "rb") as file:
            return file.read()[-2000:].decode(errors="replace")

    def _read_ready_line(self):
        self.ready = self.process.stdout.readline()


def why_no_strace():
    """Why strace cannot be used here; `None` if it can."""
    if not shutil.which("strace"):
        return "it is not installed"
    tried = subprocess.run(
        ["strace", "-f", "-y", "-xx", "-e", "trace=write", "-o", os.devnull, "true"], capture_output=True, check=False
    )
    if tried.returncode != 0:
        said = tried.stderr.decode(errors="replace").strip().splitlines()
        return said[0] if said else f"it ends with {tried.returncode}"
    return None


# ---------------------------------------------------------------------------------------------
# The trace


class Call:
    """One system call: the numbers of the lines of its beginning and its end, and what it did."""

    __slots__ = ("name", "path", "buffers", "cut_off", "begin", "end", "result", "begin_line")

    def __init__(self, name, path, buffers, cut_off, begin, begin_line):
        self.name, self.path, self.buffers, self.cut_off = name, path, buffers, cut_off
        self.begin, self.begin_line = begin, begin_line
        self.end = self.result = None

    def written(self):
        """The bytes that the call has put out: fewer than it was given if it returned fewer."""
        return self.buffers[: max(self.result, 0)]

    def shown(self):
        # The path is the only thing in it that is for people.
        line = re.sub(r"<(?:\\x..)+>", f"<{self.path}>", self.begin_line, count=1)
        if len(line) > 2 * LINE_CHARS_SHOWN:
            line = f"{line[:LINE_CHARS_SHOWN]} … {line[-LINE_CHARS_SHOWN:]}"
        ended = f"ended in line {self.end} with {self.result}" if self.end else "not ended in the trace"
        return f"line {self.begin}: {line}  [{ended}]"


CALL = re.compile(r"^(\d+) +[\d.]+ (\w+)\((\d+)<((?:[^>\\]|\\x..|\\.)*)>")
RESUMED = re.compile(r"^(\d+) +[\d.]+ <\.\.\. (\w+) resumed>")
RESULT = re.compile(r"\) += (-?\d+|\?)")
STRING = re.compile(r'"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?')
UNFINISHED = "<unfinished ...>"


def read_calls(trace, is_watched):
    """Every ended or unended call of the trace whose file `is_watched(path)`, in order of beginning."""
    calls, open_calls = [], {}
    with open(trace, encoding="ascii", errors="replace") as lines:
        for number, line in enumerate(lines, 1):
            if resumed := RESUMED.match(line):
                call = open_calls.pop(resumed[1], None)
            elif begun := CALL.match(line):
                call = call_of(line.rstrip("\n"), begun, number, is_watched)
                if call is not None:
                    calls.append(call)
                if line.rstrip().endswith(UNFINISHED):
                    # What a thread has begun it ends before it begins anything else.
                    open_calls[begun[1]] = call
                    continue
            else:
                continue
            if call is not None:
                # The last one: what stands in a buffer is in hexadecimal and cannot look like a result.
                results = RESULT.findall(line)
                if results and results[-1] != "?":
                    call.end, call.result = number, int(results[-1])
    return calls


def call_of(line, begun, number, is_watched):
    _, name, _, path = begun.groups()
    path = decoded(path).decode(errors="replace")
    if not is_watched(path):
        return None
    buffers, cut_off = b"", False
    if name in WRITES:
        for text, more in STRING.findall(line):
            buffers += decoded(text)
            cut_off = cut_off or bool(more)
    return Call(name, path, buffers, cut_off, number, line)


def decoded(text):
    """strace writes every character of a string as \\xHH; a path it may write plainly."""
    if text.startswith("\\x"):
        return bytes.fromhex(text.replace("\\x", ""))
    return text.encode()


class LogFiles:
    """What the commit log shows: for an id, its first write and the first good sync of the same file after it."""

    def __init__(self, calls, directory):
        in_log = [call for call in calls if call.path.startswith(directory)]
        self.writes = [call for call in in_log if call.name in WRITES]
        self.syncs = {}
        for call in in_log:
            if call.name in SYNCS and call.result == 0:
                self.syncs.setdefault(call.path, []).append(call)

    def write_of(self, needle):
        # Most writes fill a new segment with zeros.
        return next((call for call in self.writes if call.end and needle in call.written()), None)

    def sync_after(self, write):
        return next((sync for sync in self.syncs.get(write.path, []) if sync.begin > write.end), None)


class Sockets:
    """What the sockets show: each as the stream of bytes that were written to it, and which call wrote which."""

    def __init__(self, calls):
        self.streams = {}
        for call in calls:
            if is_socket(call.path) and call.name in WRITES:
                if call.cut_off:
                    raise Failed(f"a write to a socket is longer than {STRING_BYTES_MAX} bytes: {call.shown()}")
                # A call that has not ended may have told everything.
                told = call.written() if call.end else call.buffers
                if told:
                    self.streams.setdefault(call.path, []).append((call, told))
        self.bytes = {path: b"".join(told for _, told in parts) for path, parts in self.streams.items()}
        self.starts = {path: starts_of(parts) for path, parts in self.streams.items()}

    def first_with(self, needle):
        """The first call that wrote a byte of `needle` where it stands first in a stream; `None` if it stands nowhere."""
        found = []
        for path, stream in self.bytes.items():
            place = stream.find(needle)
            if place >= 0:
                part = bisect.bisect_right(self.starts[path], place) - 1
                found.append(self.streams[path][part][0])
        return min(found, key=lambda call: call.begin, default=None)


def starts_of(parts):
    starts, at = [], 0
    for _, told in parts:
        starts.append(at)
        at += len(told)
    return starts


def is_socket(path):
    return path.startswith(("socket:", "TCP", "UNIX"))


# ---------------------------------------------------------------------------------------------
# The proof


def prove(message, log, sockets):
    """Raises unless the trace shows that the message was stored before it was told."""
    named = {what: sockets.first_with(needle) for needle, what in message.names().items()}
    for what, call in named.items():
        if call is None:
            raise Failed(f"id {message.id.hex()}: no write to a socket has {what}, though the client got it")
    what, told = min(named.items(), key=lambda item: item[1].begin)
    write = log.write_of(message.id)
    sync = write and log.sync_after(write)
    if sync and sync.end < told.begin:
        return
    lines = [
        f"log write: {write.shown() if write else 'none'}",
        f"sync: {sync.shown() if sync else 'none that returned 0'}",
        f"first socket write ({what}): {told.shown()}",
    ]
    raise Violated(f"id {message.id.hex()} was told before it was stored\n  " + "\n  ".join(lines))


def run(options, directory):
    server = TracedServer(options.server, directory, options.seeded_bug)
    try:
        messages = chat(server.client_port(), options.sends, options.in_flight)
    except (Failed, OSError) as failure:
        raise Failed(f"{failure}\n{server.log_tail()}") from failure
    finally:
        status = server.stop()
    if status != 0:
        raise Failed(f"the server ended with {status}\n{server.log_tail()}")
    log_directory = os.path.join(os.path.realpath(server.data), "log") + "/"
    calls = read_calls(server.trace, lambda path: is_socket(path) or path.startswith(log_directory))
    log, sockets = LogFiles(calls, log_directory), Sockets(calls)
    for message in messages:
        prove(message, log, sockets)
    return len(messages)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--server", required=True, help="the binary")
    parser.add_argument("--seeded-bug", help="a bug to start it with; needs a build with the feature seeded-bugs")
    parser.add_argument("--expect-violation", action="store_true", help="exit 0 if the order is violated, else 1")
    parser.add_argument("--sends", type=int, default=80, help="messages in all")
    parser.add_argument("--in-flight", type=int, default=8, help="messages unanswered at a time")
    parser.add_argument("--keep", action="store_true", help="keep the trace and name it")
    return parser.parse_args()


def main():
    options = arguments()
    if reason := why_no_strace():
        print(f"skipped: strace ({reason})")
        return 2 if os.environ.get("STRACE_REQUIRED") else 0
    directory = tempfile.mkdtemp(prefix="highwater-stored-before-told-")
    try:
        proven = run(options, directory)
    except Violated as violation:
        print(violation)
        return 0 if options.expect_violation else 1
    except Failed as failure:
        print(f"failed: {failure}", file=sys.stderr)
        return 2
    finally:
        if options.keep:
            print(f"kept: {directory}")
        else:
            shutil.rmtree(directory, ignore_errors=True)
    print(f"stored before told: {proven} of {options.sends} ids, log write → sync → first socket write")
    return 1 if options.expect_violation else 0


if __name__ == "__main__":
    sys.exit(main())
