#!/bin/sh
# Sees to it that the tests have Firefox and WebKit beside Chromium where apt may bring them. Elsewhere their few tests
# are skipped, and say so.
set -eu
cd "$(dirname "$0")/.."
. tools/say.sh
debian_packages="firefox-esr webkit2gtk-driver xvfb"

is_there() {
    command -v firefox-esr >/dev/null 2>&1 && command -v WebKitWebDriver >/dev/null 2>&1 && command -v Xvfb >/dev/null 2>&1
}

install_them() {
    "$@" DEBIAN_FRONTEND=noninteractive apt-get update -qq &&
        "$@" DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $debian_packages >/dev/null
}

if is_there || ! command -v apt-get >/dev/null 2>&1; then
    exit 0
fi
say browsers-installing
if [ "$(id -u)" -eq 0 ]; then
    install_them env >&2 || say browsers "$(install_command $debian_packages)"
elif sudo -n true 2>/dev/null; then
    install_them sudo -n env >&2 || say browsers "$(install_command $debian_packages)"
else
    say browsers "$(install_command $debian_packages)"
fi
