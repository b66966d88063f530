#!/usr/bin/env bash
# Installs Chromium for the console's tests where there is none, or says in one line what to do.
set -euo pipefail

for program in ${CHROMIUM:-chromium chromium-browser google-chrome}; do
    if command -v "$program" >/dev/null; then
        exit 0
    fi
done
if [ -z "${CHROMIUM:-}" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "==> Installing Debian's chromium, which the console is tested in"
    export DEBIAN_FRONTEND=noninteractive
    install=(apt-get install --yes --no-install-recommends -qq chromium)
    "${install[@]}" >/dev/null 2>&1 || { apt-get update -qq && "${install[@]}" >/dev/null; }
    exit 0
fi
echo "The console's tests need Chromium (found none): install it, such as Debian's package \
chromium, or name a program with CHROMIUM=." >&2
exit 1
