"""Mail against a real mail server, aiosmtpd: by TLS after a first word (STARTTLS), by TLS from the beginning, and with a
password; what must not be sent is not.

    pip install aiosmtpd
    HIGHWATER_BIN=target/debug/highwater python3 tests/python/test_mail.py
"""

import email
import email.policy
import pathlib
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from test_client import HOST, SERVER, Server

try:
    from aiosmtpd.controller import Controller
    from aiosmtpd.smtp import AuthResult
    WHY_NOT = None if shutil.which("openssl") else "openssl is not installed"
except ImportError:
    WHY_NOT = "aiosmtpd is not installed"
if WHY_NOT:
    print(f"skipped: mail against a real mail server: {WHY_NOT}", file=sys.stderr)

USER, PASSWORD = "highwater", "pass word of spaces"


class Mailbox:
    """Keeps what it takes, with whether TLS began after a first word."""

    def __init__(self):
        self.taken = []

    async def handle_DATA(self, server, session, envelope):
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.taken.append((session.ssl is not None, envelope.rcpt_tos, mail))
        return "250 2.0.0 kept"


def authenticate(server, session, envelope, mechanism, data):
    right = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=right, handled=False)


@unittest.skipIf(WHY_NOT, WHY_NOT)
class MailTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="highwater-mail-")
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)
        self.mailbox = Mailbox()
        self.password_file = self.directory / "password"
        self.set_password(PASSWORD)

    def set_password(self, password):
        self.password_file.write_text(password + "\n")
        self.password_file.chmod(0o600)

    def certificate(self, name, host):
        """A certificate that signs itself, for this host, and its key."""
        certificate, key = self.directory / f"{name}.pem", self.directory / f"{name}.key"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
             "-days", "2", "-subj", "/CN=mail", "-addext", f"subjectAltName={host}",
             "-addext", "basicConstraints=critical,CA:FALSE", "-keyout", key, "-out", certificate],
            check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        return certificate, context

    def serve(self, **settings):
        # It looks whether it answers by connecting to the port that was asked for, so 0 is none.
        with socket.create_server((HOST, 0)) as free:
            port = free.getsockname()[1]
        controller = Controller(self.mailbox, hostname=HOST, port=port, **settings)
        controller.start()
        self.addCleanup(controller.stop)
        return port

    def try_out(self, config):
        """What `highwater admin mail test` says on a server with this section."""
        server = Server()
        file = server.directory / "highwater.toml"
        to = 'from = "highwater@chat.example"\nto = ["ops@chat.example"]\nname = "eu-1"\n'
        file.write_text(f"[mail]\n{config}{to}")
        server.arguments = ("--config", str(file))
        server.start()
        try:
            done = subprocess.run(
                [str(SERVER), "admin", "mail", "test", "--data", str(server.directory / "data")],
                capture_output=True, text=True, timeout=60)
            return done.returncode, done.stdout + done.stderr
        finally:
            server.remove()

    def taken(self):
        [(is_started, recipients, mail)] = self.mailbox.taken
        self.assertEqual(recipients, ["ops@chat.example"])
        self.assertEqual(mail["Subject"], "[Highwater eu-1] a mail to see that mail arrives")
        self.assertEqual((mail["From"], mail["To"]), ("highwater@chat.example", "ops@chat.example"))
        self.assertTrue(mail["Message-ID"].endswith("@chat.example>"), mail["Message-ID"])
        self.assertIsNotNone(mail["Date"].datetime)
        self.assertIn("Alarms come the same way.", mail.get_content())
        self.assertEqual(mail.defects, [])
        return is_started

    def login(self):
        return f'user = "{USER}"\npassword_file = "{self.password_file}"\n'

    def test_plain_on_this_machine(self):
        port = self.serve()
        self.assertEqual(
            self.try_out(f'server = "smtp://{HOST}:{port}"\n'), (0, "ops@chat.example: 250 2.0.0 kept\n"))
        self.assertFalse(self.taken())

    def test_nothing_is_sent_over_a_network_without_tls(self):
        # By this spelling the host is not known as this machine's loopback, so TLS is asked for.
        certificate, context = self.certificate("own", "DNS:localhost")
        port = self.serve()
        code, says = self.try_out(f'server = "smtp://LOCALHOST:{port}"\n' + self.login())
        self.assertEqual(code, 1)
        self.assertIn("STARTTLS", says)
        self.assertEqual(self.mailbox.taken, [])
        port = self.serve(tls_context=context, require_starttls=True, authenticator=authenticate, auth_required=True)
        config = f'server = "smtp://LOCALHOST:{port}"\nroots_file = "{certificate}"\n'
        self.assertEqual(self.try_out(config + self.login())[0], 0)
        self.assertTrue(self.taken())

    def test_tls_from_the_beginning_with_a_password(self):
        certificate, context = self.certificate("own", f"IP:{HOST}")
        port = self.serve(ssl_context=context, authenticator=authenticate, auth_required=True,
                          auth_require_tls=False)
        config = f'server = "smtps://{HOST}:{port}"\nroots_file = "{certificate}"\n'
        self.assertEqual(self.try_out(config + self.login())[0], 0)
        self.taken()
        self.set_password("another")
        code, says = self.try_out(config + self.login())
        self.assertEqual(code, 1)
        self.assertIn("535", says)
        self.assertNotIn("another", says)
        self.assertEqual(len(self.mailbox.taken), 1)

    def test_a_certificate_that_is_not_believed_gets_no_mail(self):
        _, context = self.certificate("own", f"IP:{HOST}")
        other, _ = self.certificate("other", f"IP:{HOST}")
        elsewhere, for_elsewhere = self.certificate("elsewhere", "DNS:mail.example")
        port, port_elsewhere = self.serve(ssl_context=context), self.serve(ssl_context=for_elsewhere)
        for config in [
            f'server = "smtps://{HOST}:{port}"\n',
            f'server = "smtps://{HOST}:{port}"\nroots_file = "{other}"\n',
            f'server = "smtps://{HOST}:{port_elsewhere}"\nroots_file = "{elsewhere}"\n',
        ]:
            code, says = self.try_out(config)
            self.assertEqual(code, 1, config)
            self.assertIn("ops@chat.example: ", says)
        self.assertEqual(self.mailbox.taken, [])


if __name__ == "__main__":
    unittest.main()
