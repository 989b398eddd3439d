"""Two people who chat, with several sends in flight, and what names each message on its way."""

import base64
import secrets
import threading
import time

from strace.failed import Failed
from strace.websocket import WebSocket

CHAT_TIMEOUT_S = 120
"""How long everything that is said may take to arrive, under strace on a busy machine."""


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
