"""A real Prometheus as a child process on loopback: it scrapes one server, and its API says what it has.

What of it is not installed is said by name, and the tests that need it are skipped.
"""

import atexit
import json
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "python"))

from test_client import HOST, ROOT

EXAMPLES = ROOT / "docs" / "examples"
SECONDS = 30.0  # the longest that anything may take; a scrape is due each second
BETWEEN_LOOKS = 0.05  # seconds between two questions for something that can only be looked at
STARTS = 3  # a port that was free may be taken by another before Prometheus takes it

OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))

needs_prometheus = unittest.skipUnless(shutil.which("prometheus"), "prometheus is not installed")
needs_promtool = unittest.skipUnless(shutil.which("promtool"), "promtool is not installed")


class Prometheus:
    """Runs on the example's configuration, which is changed in the target and the intervals alone."""

    running = []

    def __init__(self, operator):
        """`operator` is the server's operator port, as host:port."""
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="highwater-prometheus-"))
        text = (EXAMPLES / "prometheus.yml").read_text()
        text = _replaced(_replaced(text, "127.0.0.1:8081", operator), "_interval: 15s", "_interval: 1s")
        (self.directory / "prometheus.yml").write_text(text)
        shutil.copy(EXAMPLES / "prometheus-rules.yml", self.directory)
        self.process = None

    def start(self):
        for _ in range(STARTS):
            with socket.socket() as probe:
                probe.bind((HOST, 0))
                self.url = f"http://{HOST}:{probe.getsockname()[1]}"
            with open(self.directory / "prometheus.log", "ab") as log:
                self.process = subprocess.Popen(
                    ["prometheus", f"--config.file={self.directory / 'prometheus.yml'}",
                     f"--storage.tsdb.path={self.directory / 'data'}", "--log.level=warn",
                     f"--web.listen-address={self.url.removeprefix('http://')}"],
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            Prometheus.running.append(self)
            if self._is_ready():
                return
            self.stop()
        raise RuntimeError(f"prometheus did not start: {(self.directory / 'prometheus.log').read_text()}")

    def _is_ready(self):
        deadline = time.monotonic() + SECONDS
        while self.process.poll() is None and time.monotonic() < deadline:
            try:
                with OPENER.open(f"{self.url}/-/ready", timeout=SECONDS):
                    return True
            except OSError:
                time.sleep(BETWEEN_LOOKS)
        return False

    def stop(self):
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None
        Prometheus.running.remove(self)

    def remove(self):
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def api(self, path, **parameters):
        """The data of an answer; what Prometheus refuses is an error with its reason."""
        try:
            with OPENER.open(f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}",
                             timeout=SECONDS) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as refusal:
            with refusal:
                raise AssertionError(f"{path} {parameters}: {refusal.read().decode()}") from None

    def query(self, expression):
        """The vector of an expression at this moment: labels and value of each element."""
        return [(element["metric"], float(element["value"][1]))
                for element in self.api("query", query=expression)["result"]]

    def target(self):
        """What Prometheus says of the one target."""
        target, = self.api("targets", state="active")["activeTargets"]
        return target

    def wait_for(self, what, look):
        """Looks until something is there, and returns it."""
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            seen = look()
            if seen:
                return seen
            time.sleep(BETWEEN_LOOKS)
        raise AssertionError(f"{what}: not within {SECONDS} s; the target: {self.target()}")

    def wait_for_scrape(self):
        """Waits for a scrape that begins after this moment."""
        now = time.time()
        self.wait_for("a scrape", lambda: self.query(f'min(timestamp(up{{job="highwater"}})) > {now}'))


def operator_of(server):
    """The operator's port of a server, as host:port."""
    return (server.directory / "data" / "operator.url").read_text().strip().removeprefix("http://")


def metrics_of(server, accept=None):
    """Content type and text of /metrics."""
    request = urllib.request.Request(f"http://{operator_of(server)}/metrics", headers={"Accept": accept} if accept else {})
    with OPENER.open(request, timeout=SECONDS) as answer:
        return answer.headers["Content-Type"], answer.read().decode()


def promtool(*arguments, text=None):
    """Exit status of promtool and everything that it says."""
    ran = subprocess.run(["promtool", *map(str, arguments)], input=text, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, text=True, timeout=SECONDS)
    return ran.returncode, ran.stdout


def _replaced(text, old, new):
    if old not in text:
        raise AssertionError(f"the example does not have {old!r} any more")
    return text.replace(old, new)


@atexit.register
def end_all():
    for prometheus in list(Prometheus.running):
        prometheus.remove()
