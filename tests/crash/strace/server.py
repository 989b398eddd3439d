"""The real server as a child of strace."""

import os
import re
import shutil
import subprocess
import threading
import time

from strace.failed import Failed
from strace.trace import STRING_BYTES_MAX, SYNCS, WRITES

READY_TIMEOUT_S = 60
"""How long a start under strace may take: two segments of the log are filled with zeros first."""
STOP_TIMEOUT_S = 30
RUN_TIMEOUT_S = 300
"""After that the server is ended whatever became of this script."""
SEGMENT_BYTES = 16 * 1024 * 1024
"""The smallest segment of the log: its zeros stand in the trace too."""


class TracedServer:
    """The server as a child of strace, as a child of `timeout`, so that it ends even if this script is killed."""

    def __init__(self, binary, directory, seeded_bug):
        self.data = os.path.join(directory, "data")
        self.trace = os.path.join(directory, "trace")
        self.log = os.path.join(directory, "server.log")
        self.pid_file = os.path.join(directory, "pid")
        command = ["timeout", "--foreground", "--kill-after=10", str(RUN_TIMEOUT_S)]
        command += ["strace", "-f", "-ttt", "-y", "-xx", "-s", str(STRING_BYTES_MAX), "-o", self.trace]
        command += ["-e", "trace=" + ",".join(WRITES + SYNCS), "-e", "signal=none"]
        # The shell notes the process id and becomes the server.
        command += ["sh", "-c", 'echo $$ > "$0" && exec "$@"', self.pid_file]
        command += [os.path.abspath(binary), "serve", "--dev", "--data", self.data]
        command += ["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]
        if seeded_bug:
            command += ["--seeded-bug", seeded_bug]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("HIGHWATER_")}
        environment["HIGHWATER_STORAGE_SEGMENT_BYTES"] = str(SEGMENT_BYTES)
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, env=environment)
        self.ready = None
        threading.Thread(target=self._read_ready_line, daemon=True).start()

    def client_port(self):
        """Waits for the ready line and answers the port for clients."""
        deadline = time.monotonic() + READY_TIMEOUT_S
        while self.ready is None and time.monotonic() < deadline:
            time.sleep(0.02)
        found = re.match(rb"highwater ready client=http://[^ ]*:(\d+) ", self.ready or b"")
        if not found:
            raise Failed(f"the server did not become ready: {self.ready!r}\n{self.log_tail()}")
        return int(found[1])

    def stop(self):
        """Asks the server to stop and waits until strace has written everything down."""
        if self.process.poll() is None:
            try:
                with open(self.pid_file, encoding="ascii") as file:
                    os.kill(int(file.read()), 15)
            except (OSError, ValueError):
                self.process.terminate()
        try:
            return self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            # What `timeout` is told it passes on to strace, and strace ends what it has started.
            self.process.terminate()
            self.process.wait(STOP_TIMEOUT_S)
            raise Failed("the server did not stop") from None

    def log_tail(self):
        with open(self.log, "rb") as file:
            return file.read()[-2000:].decode(errors="replace")

    def _read_ready_line(self):
        self.ready = self.process.stdout.readline()


def why_no_strace():
    """Why strace cannot be used here; `None` if it can."""
    if not shutil.which("strace"):
        return "it is not installed"
    tried = subprocess.run(
        ["strace", "-f", "-y", "-xx", "-e", "trace=write", "-o", os.devnull, "true"], capture_output=True, check=False
    )
    if tried.returncode != 0:
        said = tried.stderr.decode(errors="replace").strip().splitlines()
        return said[0] if said else f"it ends with {tried.returncode}"
    return None
