"""A WebSocket of protocol.md, section 1, with the JSON subprotocol, out of the standard library."""

import base64
import hashlib
import json
import secrets
import socket
import struct

from strace.failed import Failed

MESSAGE_BYTES_MAX = 1024 * 1024
"""The longest message of the server that a client has to take (protocol.md, section 1)."""
RECEIVE_TIMEOUT_S = 120
"""How long the server may be silent, under strace on a busy machine."""


class WebSocket:
    """One connection of protocol.md, section 1, with the JSON subprotocol. Sending and receiving may be two threads."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=RECEIVE_TIMEOUT_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.input = self.socket.makefile("rb")
        self.opcode, self.fragments = 0, b""
        key = base64.b64encode(secrets.token_bytes(16)).decode()
        self.socket.sendall(
            (
                f"GET /v1/ws HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
                "Sec-WebSocket-Protocol: highwater.v1.json\r\n\r\n"
            ).encode()
        )
        status = self.input.readline()
        headers = {}
        while line := self.input.readline().strip():
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        digest = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
        if b" 101 " not in status or headers.get("sec-websocket-accept") != base64.b64encode(digest).decode():
            raise Failed(f"the server did not upgrade: {status!r}")

    def send(self, frame):
        self._write(0x1, json.dumps(frame).encode())

    def receive(self):
        """The next frame of the server; pings are answered on the way."""
        while True:
            opcode, payload = self._read()
            if opcode == 0x1:
                return json.loads(payload)
            if opcode == 0x9:
                self._write(0xA, payload)
            elif opcode == 0x8:
                raise Failed(f"the server closed a connection: {payload!r}")

    def close(self):
        self.socket.close()

    def _write(self, opcode, payload):
        mask = secrets.token_bytes(4)
        header = bytes([0x80 | opcode])
        if len(payload) < 126:
            header += bytes([0x80 | len(payload)])
        else:
            header += struct.pack("!BH", 0x80 | 126, len(payload))
        masked = bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))
        self.socket.sendall(header + mask + masked)

    def _read(self):
        """One message, of one fragment or several, or a control frame, which may stand between fragments."""
        while True:
            first, second = self._exactly(2)
            length = second & 0x7F
            if length == 126:
                (length,) = struct.unpack("!H", self._exactly(2))
            elif length == 127:
                (length,) = struct.unpack("!Q", self._exactly(8))
            if len(self.fragments) + length > MESSAGE_BYTES_MAX:
                raise Failed(f"the server sends a message of more than {MESSAGE_BYTES_MAX} bytes")
            opcode, payload = first & 0x0F, self._exactly(length)
            if opcode >= 0x8:
                return opcode, payload
            self.opcode = opcode or self.opcode
            self.fragments += payload
            if first & 0x80:
                message, self.fragments = self.fragments, b""
                return self.opcode, message

    def _exactly(self, length):
        read = self.input.read(length)
        if len(read) < length:
            raise Failed("the server ended a connection")
        return read
