#!/bin/sh
# Sees to it that the browser tests have a Chromium: finds one, else installs one, else says how to.
set -eu
cd "$(dirname "$0")/.."
. tools/say.sh

found() {
    .venv/bin/python -m tests.chromium >/dev/null 2>&1
}

# apt-get as root or through a sudo that asks for nothing; elsewhere Playwright's own download.
install_one() {
    if command -v apt-get >/dev/null 2>&1; then
        if [ "$(id -u)" -eq 0 ]; then
            with_apt env
        elif sudo -n true 2>/dev/null; then
            with_apt sudo -n env
        else
            return 1
        fi
    else
        .venv/bin/python -m playwright install chromium
    fi
}

with_apt() {
    "$@" DEBIAN_FRONTEND=noninteractive apt-get update -qq &&
        "$@" DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null
}

how() {
    if command -v apt-get >/dev/null 2>&1; then
        echo "sudo apt install chromium"
    else
        echo ".venv/bin/python -m playwright install chromium"
    fi
}

if found; then
    exit 0
fi
say chromium-installing
install_one >&2 || fail chromium "$(how)"
found || fail chromium "$(how)"
