#!/bin/sh
# Says in one line what is missing when there is no Node.js 20 or newer with npm.

if ! version=$(node --version 2>/dev/null); then
    echo "Node.js 20 or newer is needed (found none): install it from https://nodejs.org or your system's packages." >&2
    exit 1
fi
major=${version#v}
major=${major%%.*}
if ! [ "$major" -ge 20 ] 2>/dev/null; then
    echo "Node.js 20 or newer is needed (found $version): install a newer one." >&2
    exit 1
fi
if ! npm --version >/dev/null 2>&1; then
    echo "npm is needed (found Node.js $version without it): install npm." >&2
    exit 1
fi
