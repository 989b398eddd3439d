"""/metrics under the real tools: promtool finds nothing to say, and a real Prometheus has what the server says.

    HIGHWATER_BIN=target/debug/highwater python3 tests/prometheus/test_scrape.py
"""

import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from prometheus import Prometheus, metrics_of, needs_prometheus, needs_promtool, operator_of, promtool

import exposition
from highwater_client import Client, Store, http_request
from test_client import HOST, PASSWORD, SECONDS, Server

OPEN_METRICS = "application/openmetrics-text"
MESSAGES = 5


def series(name, **labels):
    return exposition.series(f"highwater_{name}", labels)


# What the traffic leaves, whatever else a server counts.
COUNTED = {
    series("operation_calls_total", operation="register"): 2,
    series("operation_calls_total", operation="sign_in"): 2,
    series("operation_errors_total", operation="sign_in", **{"class": "auth"}): 1,
    series("accounts_made_total"): 2,
    series("operation_latency_seconds_count", operation="register"): 2,
    series("operation_latency_seconds_bucket", operation="register", le="+Inf"): 2,
    series("operation_calls_total", operation="send"): MESSAGES + 1,
    series("operation_errors_total", operation="send", **{"class": "refused"}): 1,
    series("messages_stored_total"): MESSAGES,
    series("connections_open"): 1,
    series("monitor_lost_total"): 0,
}


class ScrapeTest(unittest.TestCase):
    """One server and what two people did on it: made once, and looked at by all."""

    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.addClassCleanup(cls.server.remove)
        cls.server.start()
        for name in ["ann", "bob"]:
            cls.ask({"register": {"name": name, "password": PASSWORD}})
        cls.ask({"signIn": {"name": "ann", "password": "not the password"}})
        signed_in = cls.ask({"signIn": {"name": "ann", "password": PASSWORD}})["signedIn"]
        ann = Client(Store(cls.server.directory / "ann.sqlite"), HOST, cls.server.port)
        cls.addClassCleanup(ann.cut)
        ann.store.keep_account(signed_in)
        ann.connect()
        for number in range(MESSAGES):
            ann.send(f"message {number}", userName="bob")
        refused = ann.send("is anybody there?", userName="nobody")
        ann.run_until(lambda: not ann.store.outbox() and refused in ann.store.refused(), SECONDS)

    @classmethod
    def ask(cls, body):
        _, frame = http_request(HOST, cls.server.port, body)
        return frame

    @needs_promtool
    def test_promtool_has_nothing_to_say(self):
        kind, text = metrics_of(self.server)
        self.assertEqual(kind, "text/plain; version=0.0.4; charset=utf-8")
        self.assertEqual(promtool("check", "metrics", text=text), (0, ""))

    @needs_promtool
    def test_promtool_would_say_it(self):
        _, text = metrics_of(self.server)
        for broken in [re.sub(r"# HELP .*\n", "", text, count=1), text.replace("_total ", " "), text + text]:
            status, said = promtool("check", "metrics", text=broken)
            self.assertNotEqual((status, said), (0, ""))

    @needs_prometheus
    def test_a_real_prometheus_has_what_the_server_says(self):
        prometheus = Prometheus(operator_of(self.server))
        self.addCleanup(prometheus.remove)
        prometheus.start()
        prometheus.wait_for_scrape()
        target = prometheus.target()
        self.assertEqual((target["health"], target["lastError"]), ("up", ""))
        self.assertEqual(prometheus.query('up{job="highwater"}')[0][1], 1)

        scraped = self.settled(prometheus)
        for counted, value in COUNTED.items():
            self.assertEqual(scraped.get(counted), value, counted)

        # Units are said in OpenMetrics alone: that they are known shows that this is what was asked for and understood.
        kind, text = metrics_of(self.server, OPEN_METRICS)
        self.assertTrue(kind.startswith(OPEN_METRICS), kind)
        known = {entry.pop("metric"): {key: entry[key] for key in ("type", "help", "unit")}
                 for entry in prometheus.api("targets/metadata", match_target='{job="highwater"}')}
        self.assertEqual({name: known.get(name) for name in exposition.families(text)}, exposition.families(text))
        self.assertEqual(known["highwater_batch_sync_seconds"]["unit"], "seconds")
        self.assertEqual(known["highwater_messages_stored"]["type"], "counter")

    def settled(self, prometheus):
        """What Prometheus has, once it is what the server said before and after the scrape."""
        differing = []

        def look():
            before = exposition.values(metrics_of(self.server)[1])
            prometheus.wait_for_scrape()
            scraped = {}
            for labels, value in prometheus.query('{__name__=~"highwater_.+",job="highwater"}'):
                name = labels.pop("__name__")
                del labels["job"], labels["instance"]
                scraped[exposition.series(name, labels)] = value
            after = exposition.values(metrics_of(self.server)[1])
            self.assertEqual(set(scraped), set(before), "the same series")
            differing[:] = [(one, before[one], value, after[one]) for one, value in scraped.items()
                            if not min(before[one], after[one]) <= value <= max(before[one], after[one])]
            return None if differing else scraped

        try:
            return prometheus.wait_for("the server's values", look)
        except AssertionError as failure:
            raise AssertionError(f"{failure}; differing: {differing}") from None


if __name__ == "__main__":
    unittest.main()
