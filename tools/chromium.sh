#!/bin/sh
# Sees to it that the browser tests have a Chromium that starts: finds one, else installs one, else says how to.
set -eu
cd "$(dirname "$0")/.."
. tools/say.sh

# Playwright's driver is a Node.js of its own, which needs libatomic; a minimal Debian has none.
debian_packages="chromium libatomic1"

# Whether driver and browser start; what they said last is kept for who has to help.
found() {
    last=$(.venv/bin/python -m tests.chromium 2>&1) && return
    last=$(printf '%s\n' "$last" | tail -n 1)
    return 1
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
        "$@" DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $debian_packages >/dev/null
}

how() {
    if command -v apt-get >/dev/null 2>&1; then
        install_command $debian_packages
    else
        echo ".venv/bin/python -m playwright install chromium"
    fi
}

if found; then
    exit 0
fi
say chromium-installing
install_one >&2 || fail chromium "$(how)"
found || fail chromium-start "$last" "$(how)"
