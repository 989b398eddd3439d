"""The configuration and the rules of docs/examples, judged by promtool.

    python3 tests/prometheus/test_examples.py
"""

import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from prometheus import EXAMPLES, needs_promtool, promtool

CASES = pathlib.Path(__file__).resolve().parent / "rules_test.yml"


class ExamplesTest(unittest.TestCase):
    @needs_promtool
    def test_the_configuration_is_read_with_its_rules(self):
        status, said = promtool("check", "config", EXAMPLES / "prometheus.yml")
        self.assertEqual(status, 0, said)
        self.assertIn("1 rule files found", said)

    @needs_promtool
    def test_each_rule_fires_when_it_should_and_not_before(self):
        status, said = promtool("test", "rules", CASES)
        self.assertEqual(status, 0, said)

    def test_each_rule_has_a_case(self):
        rules = re.findall(r"- alert: (\w+)", (EXAMPLES / "prometheus-rules.yml").read_text())
        self.assertGreater(len(rules), 5)
        cases = re.findall(r'alertname="(\w+)"', CASES.read_text())
        self.assertEqual(sorted(rules), sorted(cases))


if __name__ == "__main__":
    unittest.main()
