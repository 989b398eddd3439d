"""The backend of docs/examples against a real server: what it tells is there, and once.

    HIGHWATER_BIN=target/debug/highwater python3 tests/python/test_backend.py
"""

import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from test_client import HOST, ROOT, SERVER, Server

EXAMPLE = ROOT / "docs" / "examples" / "backend.py"


class BackendTest(unittest.TestCase):
    def setUp(self):
        self.server = Server()
        self.server.start()
        self.addCleanup(self.server.remove)
        self.key_file = self.server.directory / "shop.key"

    def admin(self, *arguments):
        command = [str(SERVER), "admin", *arguments, "--data", str(self.server.directory / "data")]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout

    def tell(self, *arguments):
        command = [sys.executable, str(EXAMPLE), "--url", f"http://{HOST}:{self.server.port}",
                   "--key-file", str(self.key_file), "--store", str(self.server.directory / "told.sqlite"), *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=60)

    def test_an_event_is_told_once(self):
        self.admin("bot", "shop")
        made = self.admin("api-key", "make", "--name", "shop", "--scopes", "users,send", "--users", "shop")
        self.key_file.write_text(made)
        first = self.tell("--make-user", "order-7", "ann", "Your tea is on its way.")
        self.assertEqual((first.returncode, first.stderr), (0, ""))
        again = self.tell("--make-user", "order-7", "ann", "Your tea is on its way.")
        self.assertEqual((again.returncode, again.stdout), (0, first.stdout), "the same place")
        other = self.tell("order-8", "ann", "It has come.")
        self.assertTrue(other.stdout.strip().endswith("seq 2"), other.stdout)

        for arguments, reason in [
            (("order-9", "nobody", "Hello?"), "300 no_such_user"),
            (("--sender", "ann", "order-10", "shop", "Thanks, says Ann."), None),
            (("--sender", "bob", "order-11", "ann", "I am Bob."), "217 not_for_this_user"),
        ]:
            told = self.tell(*arguments)
            if reason is None:
                self.assertEqual(told.returncode, 0, "a key acts for whom it made")
            else:
                self.assertEqual(told.returncode, 1)
                self.assertIn(reason, told.stderr)
        self.admin("api-key", "revoke", "shop")
        self.assertIn("215 invalid_api_key", self.tell("order-12", "ann", "Too late.").stderr)


if __name__ == "__main__":
    unittest.main()
