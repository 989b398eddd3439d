#!/usr/bin/env python3
"""Stored before told, seen from outside: the system calls of the real server, in their order.

Two people chat through a server that runs under strace, with several sends in flight. For each client message id the
trace then has to show, in this order:

1. a write to a file of the commit log that contains the 16 bytes of the id,
2. a sync of the same file, begun after that write had returned, which returned 0,
3. only after that the first write to any socket that names the message: by its id in base64 (the entry for the
   sender's devices), by the token that stands in its text (the entry for the recipient), or by the request id of its
   send (the answer).

Standard library only. Exit 0: proven. Exit 1: violated. Exit 2: nothing can be said, because something else failed.
"""

import argparse
import os
import shutil
import sys
import tempfile

sys.dont_write_bytecode = True

from strace.chat import chat
from strace.failed import Failed
from strace.server import TracedServer, why_no_strace
from strace.trace import LogFiles, Sockets, is_socket, read_calls


class Violated(Exception):
    """Told before stored."""


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
