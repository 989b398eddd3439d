"""The system calls of the server in their order, read from what strace has written.

What counts as time is the place in the trace: strace writes down the beginning of a call before it lets it begin, and
its end before it lets the thread go on. A call that another thread interrupts has two lines, its beginning and its end.
"""

import bisect
import re

from strace.failed import Failed

STRING_BYTES_MAX = 65536
"""Bytes of a buffer that strace prints: more than a batch of the log or a page for a client has here."""
LINE_CHARS_SHOWN = 150
"""Of each end of a line of the trace."""

WRITES = ("write", "writev", "pwrite64", "pwritev", "pwritev2", "sendto", "sendmsg", "sendmmsg")
SYNCS = ("fdatasync", "fsync")


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
