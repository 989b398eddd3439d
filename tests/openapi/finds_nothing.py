"""schemathesis against a real server: started here, filled a little, asked, stopped."""

import base64
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
SECONDS = 30  # the longest that a start and an end may take
# Fixed, so that a finding is found again.
SEED = 20
# Of each operation and phase.
EXAMPLES = 25

CONFIG = """
[server]
dev = true
[log]
level = "warn"
[[kinds]]
number = 5
name = "notes"
"""

OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def ask(url, token, method, path, body=None):
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    request = urllib.request.Request(url + path, None if body is None else json.dumps(body).encode(), headers, method=method)
    with OPENER.open(request, timeout=SECONDS) as answer:
        return answer.read().decode()


def scene(clients, url, token):
    """People, a bot, a group, a channel and a message; an example of a body for each operation that asks about them."""
    lines = ask(url, token, "POST", "/v1/provision", {"users": 6, "devices": 2, "prefix": "u"}).splitlines()
    devices = [json.loads(line) for line in lines]
    ask(url, token, "POST", "/v1/bots", {"name": "tea-bot"})
    first, other = devices[0], devices[2]

    def request(number, frame):
        answer = ask(clients, first["token"], "POST", "/v1/request", frame)
        return json.loads(answer)[number]

    group = request("groupCreated", {"createGroup": {
        "clientGroupId": base64.b64encode(b"g" * 16).decode(), "name": "Tea", "userIds": [other["user_id"]]}})
    channel = request("groupCreated", {"createChannel": {
        "clientChannelId": base64.b64encode(b"c" * 16).decode(), "name": "News"}})
    sent = json.loads(ask(url, token, "POST", "/v1/send", {"from": "tea-bot", "to": "u0", "text": "hello"}))
    group, channel = group["conversationId"], channel["conversationId"]
    ask(url, token, "PUT", "/v1/ids", {"ids": [{"id": 10007, "name": "shop.orders", "kind": "sum"}]})
    return {
        "/v1/send": {"from": "tea-bot", "to": "u1", "text": "hello"},
        "/v1/api-keys": {"name": "shop", "scopes": ["send"], "users": ["u1"]},
        "/v1/api-keys/revoke": {"key": "shop"},
        "/v1/end-device": {"user": "u0", "device_id": devices[1]["device_id"]},
        "/v1/export": {"user": "u0"},
        "/v1/suspend": {"user": "u3", "suspended": True},
        "/v1/set-password": {"user": "u4", "password": "correct horse", "end_devices": True},
        "/v1/erase": {"user": "u5", "free_name": True},
        "/v1/turn": {"group": group, "channel": True},
        "/v1/broadcast": {"channel": channel, "everybody": True},
        "/v1/documents": {"user_id": first["user_id"], "kind": 5, "key": "list", "value": [1, None]},
        "/v1/explain/user": {"user": "u0"},
        "/v1/explain/group": {"conversation_id": group},
        "/v1/explain/message": {"conversation_id": sent["conversation_id"], "seq": sent["seq"]},
        "/v1/users/list": {"name_prefix": "u", "limit": 3},
        "/v1/users/get": {"user": "u0"},
        "/v1/groups/list": {"limit": 3},
        "/v1/groups/get": {"conversation_id": group, "limit": 3},
        "/v1/messages/get": {"conversation_id": sent["conversation_id"]},
        "/v1/messages/reveal": {"conversation_id": sent["conversation_id"], "seq": sent["seq"], "reason": "case 7"},
        "/v1/explain/snapshot": {"user": "u0", "device_id": first["device_id"], "snapshot": ""},
        "/v1/report": {"values": [{"id": 10007, "add": 3}]},
        "/v1/operators/revoke": {"name": "ruth"},
        "/v1/operators": {"name": "ruth", "role": "viewer"},
    }


def with_examples(document, bodies):
    """The document as it is told, with what is there as examples, so that more than refusals is looked at."""
    for path, body in bodies.items():
        for operation in document["paths"][path].values():
            operation["requestBody"]["content"]["application/json"]["example"] = body
    for path in ("/v1/alarms/{name}/ack", "/v1/alarms/{name}/silence"):
        for operation in document["paths"][path].values():
            operation["parameters"][0]["example"] = "disk_low"
    return document


def main(server, schemathesis, *arguments):
    # It runs in a directory of its own, where it leaves what it remembers.
    schemathesis = str(pathlib.Path(schemathesis).absolute())
    with tempfile.TemporaryDirectory(prefix="highwater-openapi-") as directory:
        directory = pathlib.Path(directory)
        (directory / "highwater.toml").write_text(CONFIG)
        with open(directory / "server.log", "wb") as log:
            process = subprocess.Popen(
                [server, "serve", "--config", str(directory / "highwater.toml"), "--data", str(directory / "data"),
                 "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log)
        try:
            ready = re.search(r"client=(http://\S+) operator=(http://\S+)", process.stdout.readline().decode())
            if not ready:
                sys.exit("the server did not start: " + (directory / "server.log").read_text())
            clients, url = ready.groups()
            token = (directory / "data" / "secrets" / "operator.token").read_text().strip()
            document = json.loads(ask(url, "", "GET", "/v1/openapi.json"))
            document = with_examples(document, scene(clients, url, token))
            (directory / "openapi.json").write_text(json.dumps(document))
            begun = time.monotonic()
            outcome = subprocess.run(
                [schemathesis, "--config-file", str(HERE / "schemathesis.toml"), "run", str(directory / "openapi.json"),
                 "--url", url,                  "--header", f"Authorization: Bearer {token}", "--seed", str(SEED), "--max-examples", str(EXAMPLES),
                 "--checks", "all", *arguments],
                cwd=directory, check=False)
            print(f"schemathesis: {time.monotonic() - begun:.0f} s")
            if process.poll() is not None:
                sys.exit("the server has ended: " + (directory / "server.log").read_text())
            faults = [line for line in (directory / "server.log").read_text().splitlines() if " ERROR " in line or "panicked" in line]
            if faults:
                sys.exit("the server met faults:\n" + "\n".join(faults[:20]))
            sys.exit(outcome.returncode)
        finally:
            process.terminate()
            try:
                process.wait(SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


main(*sys.argv[1:])
