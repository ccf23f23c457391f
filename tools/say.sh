# Sentences for the scripts that run before Python can: sourced from the repository's root, never run.

said=${BASIRA_LANG:-${LC_ALL:-${LC_MESSAGES:-${LANG:-en}}}}
case $said in
    ar*) language=ar ;;
    *) language=en ;;
esac

# say KEY [FIRST [SECOND]]: the sentence `setup-KEY` of the operator's language, its values put in.
say() {
    sentence=$(sed -n "s/^setup-$1 = //p" "locales/$language/setup.ftl")
    printf '%s\n' "$sentence" | first=${2:-} second=${3:-} awk '
        function put(text, name, value,    at) {
            at = index(text, "{ $" name " }")
            return at ? substr(text, 1, at - 1) value substr(text, at + length(name) + 5) : text
        }
        { print put(put($0, "first", ENVIRON["first"]), "second", ENVIRON["second"]) }'
}

fail() {
    say "$@" >&2
    exit 1
}

# install_command DEBIAN-PACKAGE…: what an operator types to get them here.
install_command() {
    if command -v apt-get >/dev/null 2>&1; then
        # A minimal system has no sudo, and root needs none.
        [ "$(id -u)" -eq 0 ] && echo "apt install $*" || echo "sudo apt install $*"
    elif command -v brew >/dev/null 2>&1; then
        echo "brew install python@3.13"
    elif command -v dnf >/dev/null 2>&1; then
        echo "sudo dnf install python3.13"
    else
        echo "https://www.python.org/downloads/"
    fi
}
