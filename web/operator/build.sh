#!/bin/sh
# Builds the operator's pages into dist/, from where cargo embeds them; does nothing if nothing has changed since.
set -eu
cd "$(dirname "$0")"

changed() {
    [ ! -e dist/index.html ] || [ -n "$(find src index.html package-lock.json vite.config.ts svelte.config.js tsconfig.json -newer dist/index.html | head -n 1)" ]
}

changed || exit 0
if ! cmp -s package-lock.json node_modules/.installed; then
    npm ci --no-audit --no-fund --loglevel=error >&2
    cp package-lock.json node_modules/.installed
fi
npm run --silent build -- --logLevel warn
