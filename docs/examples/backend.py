"""The backend of a shop that tells its customers something, with an API key and nothing but Python's own library.

    highwater admin bot shop
    highwater admin api-key make --name shop --scopes users,send --users shop > shop.key
    python3 docs/examples/backend.py --key-file shop.key order-7 ann "Your tea is on its way."

The same event is told once, however often the program is started: the message has its id in a file before it is sent for
the first time, and is sent again under that id until it was answered. `--url` says where the server is, and `--store`
where the file.
"""

import argparse
import base64
import json
import pathlib
import random
import secrets
import sqlite3
import sys
import time
import urllib.error
import urllib.request

ATTEMPTS = 8


class Refused(Exception):
    """The server's refusal: decide by its code and by whether it may be tried again."""

    def __init__(self, error):
        super().__init__(f"{error.get('code')} {error.get('name')}: {error.get('message')}")
        self.code = error.get("code")
        self.retry = error.get("retry", False)
        self.after = int(error.get("retryAfterMs", 0)) / 1000


class Backend:
    """What a key can ask of a server."""

    def __init__(self, url, key):
        self.url, self.key = url.rstrip("/") + "/v1/request", key

    def ask_once(self, request, act_for=None):
        headers = {"Content-Type": "application/json", "Authorization": "Bearer " + self.key}
        if act_for is not None:
            headers["Highwater-Act-For"] = act_for
        body = json.dumps({"requestId": "1", **request}).encode()
        try:
            with urllib.request.urlopen(urllib.request.Request(self.url, body, headers), timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as answer:
            raise Refused(json.load(answer).get("error", {})) from None

    def ask(self, request, act_for=None):
        """Asks until there is an answer, or a refusal that is final. What it asks may be asked twice."""
        for attempt in range(ATTEMPTS):
            try:
                return self.ask_once(request, act_for)
            except Refused as refused:
                if not refused.retry or attempt + 1 == ATTEMPTS:
                    raise
                pause = refused.after
            except OSError:  # no answer: it may have been done
                if attempt + 1 == ATTEMPTS:
                    raise
                pause = 0
            time.sleep(pause + random.uniform(0, min(30, 0.2 * 2 ** attempt)))
        raise AssertionError("every attempt returns or raises")

    def day(self):
        return self.ask({"heartbeat": {}})["heartbeat"]["day"]

    def make_user(self, name):
        """The account of a customer, made at the first time. Answers its id."""
        return self.ask({"createUser": {"name": name}})["user"]["userId"]

    def tell(self, store, event, sender, name, text):
        """Sends `text` to the user of this name for an event of the shop. Answers where it stands."""
        store.execute("create table if not exists told (event text primary key, id blob, day int, name text, text text)")
        if store.execute("select 1 from told where event = ?", (event,)).fetchone() is None:
            row = (event, secrets.token_bytes(16), self.day(), name, text)
            store.execute("insert into told values (?, ?, ?, ?, ?)", row)
            store.commit()  # durable before the first attempt
        id_, day, name, text = store.execute("select id, day, name, text from told where event = ?", (event,)).fetchone()
        send = {"clientMessageId": base64.b64encode(id_).decode(), "day": day, "userName": name, "text": text}
        return self.ask({"send": send}, act_for=sender)["sent"]


def main():
    parser = argparse.ArgumentParser(description="Tell a user something, once for each event.")
    parser.add_argument("--url", default="http://127.0.0.1:8080")
    parser.add_argument("--key-file", type=pathlib.Path, required=True)
    parser.add_argument("--store", default="told.sqlite")
    parser.add_argument("--sender", default="shop", help="who says it: the key must act for this user")
    parser.add_argument("--make-user", action="store_true", help="make the account if there is none")
    parser.add_argument("event")
    parser.add_argument("user")
    parser.add_argument("text")
    wanted = parser.parse_args()
    backend = Backend(wanted.url, wanted.key_file.read_text().strip())
    try:
        if wanted.make_user:
            backend.make_user(wanted.user)
        sent = backend.tell(sqlite3.connect(wanted.store), wanted.event, wanted.sender, wanted.user, wanted.text)
    except Refused as refused:
        sys.exit(f"refused: {refused}")
    print(f"conversation {sent['conversationId']}, seq {sent['seq']}")


if __name__ == "__main__":
    main()
