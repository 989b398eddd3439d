"""The text that a server answers on /metrics, read by its lines."""

import re

SAMPLE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (-?[0-9.]+)")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"(?:,|$)')
ESCAPED = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}


def series(name, labels):
    """What one series is named by: comparable, and fit for a key."""
    return name, tuple(sorted(labels.items()))


def values(text):
    """The value of every series, by its name and labels."""
    found = {}
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        name, labels, value = SAMPLE.fullmatch(line).groups()
        pairs = {label: _plain(quoted) for label, quoted in LABEL.findall(labels or "")}
        found[series(name, pairs)] = float(value)
    return found


def families(text):
    """Type, help and unit of every family."""
    found = {}
    for line in text.splitlines():
        match = re.fullmatch(r"# (HELP|TYPE|UNIT) (\S+) (.*)", line)
        if match:
            what, name, said = match.groups()
            found.setdefault(name, {"type": "", "help": "", "unit": ""})[what.lower()] = _plain(said)
    return found


def _plain(escaped):
    return re.sub(r'\\[\\"n]', lambda match: ESCAPED[match[0]], escaped)
