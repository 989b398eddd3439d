#!/bin/sh
# Two people chat on the plain page, in a real browser; with operator/main.js an operator looks at the pages of the server. Installs what is missing: the driver by npm, and the browser by
# apt-get where that is possible. HIGHWATER_BIN names the server's binary (default: target/debug/highwater).
set -eu
cd "$(dirname "$0")"

CHROMIUM=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)}
if [ -z "$CHROMIUM" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "installing chromium" >&2
    apt-get update -qq >&2
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >&2
    CHROMIUM=$(command -v chromium)
fi
if [ -z "$CHROMIUM" ]; then
    echo "the browser test needs chromium: install it, or name one in CHROMIUM" >&2
    exit 1
fi
export CHROMIUM

# The driver alone; it brings no browser of its own.
if ! cmp -s package-lock.json node_modules/.installed; then
    PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm ci --no-audit --no-fund --loglevel=error >&2
    cp package-lock.json node_modules/.installed
fi
exec node "${1:-main.js}"
