#!/bin/sh
# Makes the environment that the Makefile asks for: VENV, from the file LOCK, by the Python named PYTHON or the first that
# suits. Called by make; what is missing on the machine is named before anything is built.
set -eu

SUPPORTED='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))'

say() { printf '%s\n' "$*"; }
fail() {
    printf '\n%s\n' "$*" >&2
    exit 1
}

# A name may be on the path and yet fail, as the shims of version managers do: only running it tells.
find_python() {
    without_venv=''
    for candidate in ${PYTHON:-python3.13 python3.12 python3.11 python3 python}; do
        "$candidate" -c "$SUPPORTED" >/dev/null 2>&1 || continue
        if "$candidate" -c 'import ensurepip, venv' >/dev/null 2>&1; then
            say "$candidate"
            return
        fi
        without_venv="$candidate"
    done
    if [ -n "$without_venv" ]; then
        fail "$without_venv cannot make environments: it lacks venv or ensurepip." \
            "On Debian and Ubuntu: apt-get install $("$without_venv" -c 'import sys; print("python3.%d-venv" % sys.version_info[1])')"
    fi
    fail "No Python 3.11, 3.12 or 3.13 runs here${PYTHON:+ under the name $PYTHON}. Install one, or name it: make up PYTHON=/path/to/python3"
}

# An environment that uv made has no pip, and uv takes it away again.
have_pip() {
    "$VENV/bin/python" -m pip --version >/dev/null 2>&1 || "$VENV/bin/python" -m ensurepip >/dev/null
}

make_environment() {
    if "$VENV/bin/python" -c "$SUPPORTED" >/dev/null 2>&1; then
        have_pip
        return
    fi
    python=$(find_python)
    say "making $VENV with $("$python" --version)"
    "$python" -m venv --clear "$VENV"
}

# uv reads an index from variables of its own; it is given the one that pip would use.
find_index() {
    "$VENV/bin/python" -m pip config get global.index-url 2>/dev/null || say "${PIP_INDEX_URL:-}"
}

with_uv() {
    "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check "uv==$UV_VERSION" || return 1
    if [ -z "${UV_DEFAULT_INDEX:-}${UV_INDEX_URL:-}" ]; then
        index=$(find_index)
        [ -z "$index" ] || export UV_DEFAULT_INDEX="$index"
    fi
    "$VENV/bin/python" -m uv pip sync --python "$VENV/bin/python" --require-hashes --compile-bytecode "$@" "$LOCK"
}

with_pip() {
    "$VENV/bin/python" -m pip install --disable-pip-version-check --require-hashes --no-deps "$@" -r "$LOCK"
}

# Wheels first, so that no compiler is needed where there is a wheel for everything.
install_lock() {
    log="$VENV/install.log"
    say "installing what $LOCK names"
    if with_uv --no-build >"$log" 2>&1; then return; fi
    if ! grep -Eiq 'no usable wheels|no wheels|source distribution|building' "$log"; then
        say "uv did not manage ($(tail -n 1 "$log" | cut -c 1-160)); trying pip"
        if with_pip --only-binary :all: >>"$log" 2>&1; then return; fi
        if ! grep -Eiq 'no matching distribution|could not find a version' "$log"; then
            tail -n 20 "$log" >&2
            fail "The packages could not be fetched: see above and $log. Is the package index reachable from here?"
        fi
    fi
    if ! command -v cc >/dev/null 2>&1; then
        grep -Ei 'wheel|matching distribution' "$log" | tail -n 5 >&2
        fail "A package has no wheel for this machine and must be built, but there is no C compiler (cc)." \
            "Install one (Debian, Ubuntu: apt-get install build-essential; macOS: xcode-select --install), or use Python 3.11 on x86_64 or arm64."
    fi
    say "a package has no wheel for this machine: building it with $(command -v cc), which takes some minutes"
    with_uv >>"$log" 2>&1 || with_pip >>"$log" 2>&1 || {
        tail -n 40 "$log" >&2
        fail "A package could not be built: see above and $log."
    }
}

install_project() {
    have_pip
    "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index -e .
}

make_environment
install_lock
install_project
say "installed into $VENV"
