#!/bin/sh
# schemathesis asks a real server everything that its document describes, and much that it does not. It finds nothing.
#
#     sh tests/openapi/run.sh [more arguments of schemathesis]
#
# HIGHWATER_BIN names the server's binary (default: target/debug/highwater), SCHEMATHESIS the tool (default: that of the
# virtual environment that .ci/run makes, or the one in the path). Bounded: about two minutes, loopback alone.
set -eu
cd "$(dirname "$0")/../.."
SERVER=${HIGHWATER_BIN:-target/debug/highwater}
SCHEMATHESIS=${SCHEMATHESIS:-$(command -v target/python/bin/schemathesis || command -v schemathesis || true)}
if [ -z "$SCHEMATHESIS" ]; then
    echo "schemathesis is not installed: python3 -m venv target/python, then target/python/bin/pip install -r tests/requirements.txt" >&2
    exit 1
fi
# The server takes every HIGHWATER_… for a setting of its own.
unset HIGHWATER_BIN
exec python3 tests/openapi/finds_nothing.py "$SERVER" "$SCHEMATHESIS" "$@"
