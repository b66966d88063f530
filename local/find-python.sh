#!/bin/sh
# Prints the path of a Python 3.13 that works, or says on standard error, in one line, what to do.
# A command named python3.13 may exist and still fail (a pyenv shim whose version is not selected),
# so each candidate is run before it is believed.

is_python_313() {
    "$1" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))' >/dev/null 2>&1
}

real_path() {
    "$1" -c 'import sys; print(sys.executable)'
}

if [ -n "${PYTHON:-}" ]; then
    if is_python_313 "$PYTHON"; then
        real_path "$PYTHON"
        exit 0
    fi
    echo "PYTHON=$PYTHON is not a working Python 3.13: name one that is, or leave PYTHON unset." >&2
    exit 1
fi

for candidate in \
    python3.13 \
    python3 \
    python \
    "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.13*/bin/python3.13 \
    "${UV_PYTHON_INSTALL_DIR:-${XDG_DATA_HOME:-$HOME/.local/share}/uv/python}"/cpython-3.13*/bin/python3.13 \
    /usr/local/bin/python3.13 \
    /opt/homebrew/bin/python3.13 \
    /Library/Frameworks/Python.framework/Versions/3.13/bin/python3.13; do
    if is_python_313 "$candidate"; then
        real_path "$candidate"
        exit 0
    fi
done

found=$(python3 -c 'import platform; print("found Python " + platform.python_version())' 2>/dev/null)
echo "Python 3.13 is needed (${found:-found no Python}): install it, or run make with PYTHON=/path/to/python3.13." >&2
exit 1
