#!/bin/sh
# Prints a Python 3.13 that works: its path, or `3.13` where there is none, which uv then downloads.
# With `any`: the path of any Python that has pip, to install uv with.
# A command named python3.13 may exist and still fail (a pyenv shim whose version is not selected),
# so each candidate is run before it is believed.

case ${1:-} in
any)
    check='import sys, pip; sys.exit(sys.version_info < (3, 8))'
    needed="Python with pip is needed to install uv: install Python 3.13 with pip (on Debian and Ubuntu: python3-pip), or uv."
    ;;
*)
    check='import sys; sys.exit(sys.version_info[:2] != (3, 13))'
    needed=""
    ;;
esac

works() {
    "$1" -c "$check" >/dev/null 2>&1
}

if [ -n "${PYTHON:-}" ] && ! works "$PYTHON"; then
    echo "PYTHON=$PYTHON does not work: name a Python 3.13 with pip, or leave PYTHON unset." >&2
    exit 1
fi

for candidate in \
    ${PYTHON:+"$PYTHON"} \
    python3.13 \
    python3 \
    python \
    "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.13*/bin/python3.13 \
    /usr/local/bin/python3.13 \
    /opt/homebrew/bin/python3.13 \
    /Library/Frameworks/Python.framework/Versions/3.13/bin/python3.13; do
    if works "$candidate"; then
        "$candidate" -c 'import sys; print(sys.executable)'
        exit 0
    fi
done

if [ -n "$needed" ]; then
    echo "$needed" >&2
    exit 1
fi
echo "Python 3.13 was not found on this machine: uv downloads one from GitHub." >&2
echo "If it cannot, install Python 3.13, or name one: make setup PYTHON=/path/to/python3.13" >&2
echo 3.13
