#!/bin/sh
# Runs the two commands on a machine that has nothing: a minimal Debian in a folder of its own, with make, git and
# python3. Knows nothing of the program; shows what the builder's machine happens to have.
#   tools/bare-machine.sh [SUITE [FOLDER [ARGS of pytest]]]     as root; needs debootstrap. SUITE: bookworm (Python
#   3.11, the oldest supported) or trixie (3.13, the newest). The folder is made once and used again; remove it by hand.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
suite=${1:-bookworm}
root=${2:-/var/tmp/basira-bare-$suite}
arguments=${3:-}

[ "$(id -u)" -eq 0 ] || { echo "bare-machine: needs root, for chroot" >&2; exit 2; }
command -v debootstrap >/dev/null || { echo "bare-machine: needs debootstrap" >&2; exit 2; }
if [ ! -x "$root/usr/bin/make" ]; then
    debootstrap --variant=minbase --include=make,git,python3,ca-certificates "$suite" "$root" >"/tmp/debootstrap-$$.log"
fi

mounted=
attach() {
    mkdir -p "$root$1"
    mount --rbind "$1" "$root$1"
    mounted="$1 $mounted"
}
detach() {
    for place in $mounted; do umount -R -l "$root$place" || true; done
}
trap detach EXIT INT TERM
attach /proc
attach /dev
# How packages are reached is this machine's business: its settings for apt and pip, and the folders they name.
cp -L /etc/resolv.conf /etc/hosts "$root/etc/" 2>/dev/null || true
cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
cp /etc/apt/apt.conf.d/99* "$root/etc/apt/apt.conf.d/" 2>/dev/null || true
[ ! -f /etc/pip.conf ] || cp /etc/pip.conf "$root/etc/pip.conf"
[ ! -f "$HOME/.config/pip/pip.conf" ] || install -D "$HOME/.config/pip/pip.conf" "$root/root/.config/pip/pip.conf"
for folder in $(cat /etc/pip.conf "$HOME/.config/pip/pip.conf" 2>/dev/null | tr ' =' '\n\n' | sed 's,^file://,,'; echo "${PIP_FIND_LINKS:-}"); do
    case $folder in /etc/*) ;; /*) [ ! -d "$folder" ] || attach "$(dirname "$folder")" ;; esac
done

inside() {
    env -i HOME=/root TERM=dumb LANG=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin PIP_CERT=/etc/ssl/certs/ca-certificates.crt \
        PIP_FIND_LINKS="${PIP_FIND_LINKS:-}" PIP_DEFAULT_TIMEOUT="${PIP_DEFAULT_TIMEOUT:-60}" CI=true \
        chroot "$root" sh -c "$1"
}

rm -rf "$root/basira/.git" "$root/shared"
mkdir -p "$root/basira"
git clone -q --no-hardlinks "$here" "$root/basira-new"
[ ! -d "$root/basira/.venv" ] || mv "$root/basira/.venv" "$root/basira-new/.venv"
rm -rf "$root/basira"
mv "$root/basira-new" "$root/basira"
[ ! -d "$here/../shared" ] || cp -rL "$here/../shared" "$root/shared"
inside 'apt-get update -qq'

echo "== make run, with nothing installed"
if inside 'cd /basira && make run' 2>"$root/tmp/said"; then
    echo "bare-machine: it should have said what is missing" >&2
    exit 1
fi
cat "$root/tmp/said"
named=$(sed -n 's/.*\(apt install [a-z0-9. -]*\).*/\1/p' "$root/tmp/said" | head -n 1)
[ -n "$named" ] || { echo "bare-machine: it named no command" >&2; exit 1; }
echo "== $named, as it says"
inside "DEBIAN_FRONTEND=noninteractive $named -y -qq >/dev/null"

echo "== make run, again"
began=$(date +%s)
inside 'cd /basira && BASIRA_PORT=7931 make run >/tmp/run.log 2>&1 & echo $! >/tmp/run.pid
    for second in $(seq 600); do
        python3 -c "import urllib.request as r; r.urlopen(\"http://127.0.0.1:7931/healthz\", timeout=2)" 2>/dev/null && exit 0
        kill -0 $(cat /tmp/run.pid) 2>/dev/null || break
        sleep 1
    done; cat /tmp/run.log; exit 1'
echo "   answers after $(($(date +%s) - began)) s, the libraries' installation included"
inside 'for p in /proc/[0-9]*; do tr "\0" " " <$p/cmdline 2>/dev/null | grep -q "^.venv/bin/python -m app" && kill ${p#/proc/}; done; true'

echo "== make test $arguments"
inside "cd /basira && make test ARGS='$arguments'"
