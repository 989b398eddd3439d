"""The board of docs/grafana: what it asks for is what a server says, and a real Prometheus answers each question.

    HIGHWATER_BIN=target/debug/highwater python3 tests/prometheus/test_board.py
"""

import json
import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from prometheus import ROOT, Prometheus, metrics_of, needs_prometheus, operator_of

import exposition
from test_client import Server

BOARD = ROOT / "docs" / "grafana" / "highwater.json"
# What Grafana puts in the place of its variables: every server, and a range that holds four scrapes.
VARIABLES = {"$instance": ".*", "$__rate_interval": "4s"}
COLUMNS = 24


class BoardTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.board = json.loads(BOARD.read_text())
        cls.panels = [panel for panel in cls.board["panels"] if panel["type"] != "row"]
        cls.server = Server()
        cls.addClassCleanup(cls.server.remove)
        cls.server.start()
        cls.known = exposition.values(metrics_of(cls.server)[1])

    def questions(self):
        for panel in self.panels:
            for target in panel["targets"]:
                yield panel, target["expr"]

    def test_it_asks_for_what_there_is(self):
        names = {name for name, _ in self.known}
        labels = {name: {} for name in names}
        for name, pairs in self.known:
            for label, value in pairs:
                labels[name].setdefault(label, set()).add(value)
        asked = 0
        for panel, expression in self.questions():
            for name, selector in re.findall(r"\b(highwater_\w+)\{([^}]*)\}", expression):
                asked += 1
                self.assertIn(name, names, panel["title"])
                for label, sign, value in re.findall(r'(\w+)(=~|!=|=)"([^"]*)"', selector):
                    if label != "instance":
                        self.assertLessEqual(set(value.split("|")), labels[name].get(label, set()), panel["title"])
            self.assertEqual(len(re.findall("highwater_", expression)), len(re.findall(r"highwater_\w+\{", expression)),
                             "each has the server that was chosen")
            for label in re.findall(r"by \(([^)]*)\)", expression):
                self.assertLessEqual(set(label.split(", ")), {"le"}.union(*labels.values()), panel["title"])
        self.assertGreater(asked, 40)
        for family in re.findall(r"highwater_\w+", json.dumps(self.board["templating"])):
            self.assertIn(family, names)

    def test_counters_are_asked_for_by_their_rate_and_nothing_else_is(self):
        for panel, expression in self.questions():
            for before, name in re.findall(r"(\w*)\(?(highwater_\w+)", expression):
                grows = name.endswith(("_total", "_sum", "_count", "_bucket"))
                self.assertEqual(grows, before in ("rate", "increase"), f"{panel['title']}: {expression}")

    def test_it_can_be_read(self):
        cells = set()
        for panel in self.board["panels"]:
            place = panel["gridPos"]
            self.assertLessEqual(place["x"] + place["w"], COLUMNS, panel["title"])
            own = {(x, y) for x in range(place["x"], place["x"] + place["w"])
                   for y in range(place["y"], place["y"] + place["h"])}
            self.assertFalse(cells & own, f"{panel['title']} lies on another panel")
            cells |= own
        identities = [panel["id"] for panel in self.board["panels"]]
        self.assertEqual(len(identities), len(set(identities)))
        for panel in self.panels:
            self.assertTrue(panel["description"].endswith("."), panel["title"])
            self.assertTrue(panel["fieldConfig"]["defaults"]["unit"], panel["title"])
            for of in [panel, *panel["targets"]]:
                self.assertEqual(of["datasource"]["uid"], "${datasource}", "whatever Prometheus is called here")

    @needs_prometheus
    def test_a_real_prometheus_answers_each_question(self):
        prometheus = Prometheus(operator_of(self.server))
        self.addCleanup(prometheus.remove)
        prometheus.start()
        prometheus.wait_for("a rate", lambda: prometheus.query("rate(highwater_batches_written_total[4s])"))
        for panel, expression in self.questions():
            for variable, value in VARIABLES.items():
                expression = expression.replace(variable, value)
            with self.subTest(panel=panel["title"], expression=expression):
                self.assertTrue(prometheus.query(expression), "there is a value, if only 0")


if __name__ == "__main__":
    unittest.main()
