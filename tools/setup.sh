#!/bin/sh
# Makes .venv and installs what is pinned, once; a second call returns at once. Knows nothing of the program.
#   tools/setup.sh run     requirements.txt and, without what it asks for, requirements-detector.txt
#   tools/setup.sh test    requirements-test.txt as well
# PYTHON names another interpreter, DISK_GB other than 6 the room that must be free.
set -eu
cd "$(dirname "$0")/.."
purpose=${1:-run}
. tools/say.sh

candidates() {
    if [ -n "${PYTHON:-}" ]; then
        echo "$PYTHON"
    else
        echo python3 python3.13 python3.12 python3.11
    fi
}

find_python() {
    for candidate in $(candidates); do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    fail python "$(install_command python3 python3-venv)"
}

# What is installed is fit as long as nothing of this changes.
fingerprint() {
    cat requirements.txt requirements-detector.txt "$1"
    .venv/bin/python -c 'import sys; print(sys.version)'
    pwd
}

is_current() {
    [ -f ".venv/.installed-$purpose" ] && fingerprint "$wanted" 2>/dev/null | cmp -s - ".venv/.installed-$purpose"
}

# The scripts of an environment begin with the path of its Python: in a folder that was moved they start no more.
was_moved() {
    [ -f .venv/.installed-run ] && [ "$(tail -n 1 .venv/.installed-run)" != "$(pwd)" ]
}

check_disk() {
    free_kb=$(df -Pk . | awk 'NR == 2 { print $4 }')
    needed=${DISK_GB:-6}
    [ "$free_kb" -ge $((needed * 1024 * 1024)) ] || fail disk "$needed" "$((free_kb / 1024 / 1024))"
}

make_environment() {
    python=$(find_python)
    "$python" -c 'import venv, ensurepip' 2>/dev/null || fail venv "$(install_command "$(venv_package "$python")")"
    [ ! -L .venv ] || rm .venv  # a link to the environment of another copy: clearing would empty that one
    "$python" -m venv --clear .venv
}

# Debian names the module after the interpreter when that is not the standard one.
venv_package() {
    case $1 in
        *python3.*) echo "$(basename "$1")-venv" ;;
        *) echo python3-venv ;;
    esac
}

pip_install() {
    .venv/bin/python -m pip install --quiet --no-input --disable-pip-version-check "$@"
}

install_packages() {
    say installing
    log=.venv/install.log
    if ! { pip_install -r "$wanted" && pip_install --no-deps -r requirements-detector.txt; } >"$log" 2>&1; then
        grep -v 'is ignored' "$log" | tail -n 20 >&2
        fail install "$log"
    fi
    fingerprint requirements.txt >.venv/.installed-run
    fingerprint "$wanted" >".venv/.installed-$purpose"
}

case $purpose in
    run) wanted=requirements.txt ;;
    test) wanted=requirements-test.txt ;;
    *) fail usage "$purpose" ;;
esac
if is_current; then
    exit 0
fi
check_disk
if was_moved || ! .venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    make_environment
fi
install_packages
