"""A mail server on a free port of this machine, aiosmtpd. Writes a line of JSON: first its port, then each mail it takes."""

import email
import email.policy
import json
import signal
import socket
import sys

from aiosmtpd.controller import Controller

HOST = "127.0.0.1"


def tell(what):
    print(json.dumps(what), flush=True)


class Mailbox:
    async def handle_DATA(self, server, session, envelope):
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        text = mail.get_body(preferencelist=("plain",)).get_content()
        tell({"to": envelope.rcpt_tos, "subject": mail["Subject"], "text": text, "id": mail["Message-ID"]})
        return "250 2.0.0 kept"


# The controller looks whether it answers by connecting to the port that was asked for, so 0 is none.
with socket.create_server((HOST, 0)) as free:
    port = free.getsockname()[1]
controller = Controller(Mailbox(), hostname=HOST, port=port)
controller.start()
tell({"port": port})
signal.sigwait([signal.SIGTERM, signal.SIGINT])
controller.stop()
sys.exit(0)
