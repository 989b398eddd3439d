"""The host app of docs/examples against a real server: it is asked, it checks who asks, and its users sign in.

    HIGHWATER_BIN=target/debug/highwater python3 tests/python/test_host_callback.py
"""

import hashlib
import hmac
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from test_client import HOST, ROOT, SERVER, Server

EXAMPLE = ROOT / "docs" / "examples" / "host_callback.py"
SECRET = b"a secret of thirty-two bytes...!"


class HostCallbackTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="highwater-app-")
        self.addCleanup(directory.cleanup)
        self.secret_file = pathlib.Path(directory.name) / "secret"
        self.secret_file.write_bytes(SECRET + b"\n")
        self.secret_file.chmod(0o600)
        self.sessions = pathlib.Path(directory.name) / "sessions.json"
        self.sessions.write_text(json.dumps({
            "cookie-1": {"subject": "u-1", "name": "Ann Lee"},
            "cookie-2": {"subject": "u-1"},
            "cookie-“3”": {"subject": "u-2", "name": "Bob"},
        }))
        self.app = subprocess.Popen(
            [sys.executable, str(EXAMPLE), "--secret-file", str(self.secret_file), "--sessions", str(self.sessions),
             "--port", "0"], stdout=subprocess.PIPE, text=True)
        self.addCleanup(self.end_app)
        port = re.fullmatch(r"ready on port (\d+)\n", self.app.stdout.readline())[1]
        self.url = f"http://{HOST}:{port}/highwater/who"

    def end_app(self):
        self.app.kill()
        self.app.wait()
        self.app.stdout.close()

    def ask_app(self, body, timestamp, signature):
        headers = {"Highwater-Timestamp": timestamp, "Highwater-Signature": signature}
        try:
            with urllib.request.urlopen(urllib.request.Request(self.url, body, headers), timeout=10) as answer:
                return answer.status
        except urllib.error.HTTPError as answer:
            with answer:
                return answer.code

    def test_the_app_answers_nobody_else(self):
        def sign(secret, timestamp, body):
            return "v1=" + hmac.new(secret, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()

        body, now = b'{"token": "cookie-1"}', str(int(time.time()))
        old = str(int(time.time()) - 3600)
        right = sign(SECRET, now, body)
        for status, asked in [
            (200, (body, now, right)),
            (401, (b'{"token": "no"}', now, sign(SECRET, now, b'{"token": "no"}'))),
            (400, (body, now, sign(b"x" * 32, now, body))),
            (400, (b'{"token": "cookie-2"}', now, right)),
            (400, (body, old, sign(SECRET, old, body))),
            (400, (body, old, right)),
            (400, (body, "", "")),
            (400, (body, "²", right)),
            (413, (b"x" * 70_000, now, right)),
        ]:
            self.assertEqual(self.ask_app(*asked), status, asked[:1])

    def sign_in(self, server, token):
        request = {"requestId": "1", "signInWithToken": {"token": token, "device": {"name": "test"}}}
        headers = {"Content-Type": "application/json"}
        url = f"http://{HOST}:{server.port}/v1/request"
        body = json.dumps(request).encode()
        try:
            with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=30) as answer:
                return json.load(answer)["signedIn"]["userId"]
        except urllib.error.HTTPError as answer:
            with answer:
                return json.load(answer)["error"]["code"]

    def test_the_users_of_the_app_sign_in(self):
        server = Server()
        config = server.directory / "highwater.toml"
        config.write_text(
            f'[identity]\nissuer = "https://app.example"\ncallback_url = "{self.url}"\n'
            f'callback_secret_file = "{self.secret_file}"\n')
        server.arguments = ("--config", str(config))
        server.start()
        self.addCleanup(server.remove)
        first = self.sign_in(server, "cookie-1")
        self.assertIsInstance(first, str)
        self.assertEqual(self.sign_in(server, "cookie-2"), first, "another session of the same user")
        self.assertNotEqual(self.sign_in(server, "cookie-“3”"), first)
        self.assertEqual(self.sign_in(server, "cookie-4"), 212)
        self.app.kill()
        self.app.wait()
        self.assertEqual(self.sign_in(server, "cookie-1"), 214)


if __name__ == "__main__":
    unittest.main()
