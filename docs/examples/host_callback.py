"""A host app that is asked by Highwater who a session belongs to, with nothing but Python's own library.

    python3 docs/examples/host_callback.py --secret-file callback-secret --sessions sessions.json --port 8090

`sessions.json` stands for the app's own store: `{"value of the cookie": {"subject": "u-17", "name": "Ann"}}`, read at each
question. In Highwater's configuration:

    [identity]
    issuer = "https://app.example"
    callback_url = "http://127.0.0.1:8090/highwater/who"
    callback_secret_file = "callback-secret"

Beyond this machine the URL has to be https: put the app behind the TLS proxy that it has anyway.
"""

import argparse
import hashlib
import hmac
import http.server
import json
import pathlib
import time

SKEW_SECONDS = 300  # by so much the clocks may differ, and so long a question is good
BODY_BYTES_MAX = 64 * 1024  # a token has at most 4 KiB; escaped, every byte of it may become six


def is_from_highwater(secret, timestamp, signature, body, now):
    """Whether a question was signed by the secret, just now. Look at nothing of it before."""
    if not (timestamp.isascii() and timestamp.isdigit()) or abs(now - int(timestamp)) > SKEW_SECONDS:
        return False
    right = hmac.new(secret, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(("v1=" + right).encode(), signature.encode())


def read_secret(path):
    """The secret, without the end of line that editors write."""
    secret = path.read_bytes()
    for end in (b"\n", b"\r"):
        secret = secret[:-1] if secret.endswith(end) else secret
    return secret


class Handler(http.server.BaseHTTPRequestHandler):
    timeout = 10  # seconds; who says nothing is hung up on

    def do_POST(self):
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()) or int(length) > BODY_BYTES_MAX:
            return self.answer(413)
        body = self.rfile.read(int(length))
        timestamp = self.headers.get("Highwater-Timestamp", "")
        signature = self.headers.get("Highwater-Signature", "")
        if not is_from_highwater(self.server.secret, timestamp, signature, body, time.time()):
            return self.answer(400)  # not a no to the token: somebody else asks, or the secrets differ
        session = json.loads(self.server.sessions.read_text()).get(json.loads(body)["token"])
        if session is None:
            return self.answer(401)
        return self.answer(200, {"subject": session["subject"], "name": session.get("name", "")})

    def answer(self, status, said=None):
        body = b"" if said is None else json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Says nothing: what is asked has tokens in it."""


def main():
    parser = argparse.ArgumentParser(description="Answer Highwater who a session belongs to.")
    parser.add_argument("--secret-file", type=pathlib.Path, required=True)
    parser.add_argument("--sessions", type=pathlib.Path, required=True)
    parser.add_argument("--port", type=int, default=8090)
    wanted = parser.parse_args()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", wanted.port), Handler)
    server.secret, server.sessions = read_secret(wanted.secret_file), wanted.sessions
    print(f"ready on port {server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
