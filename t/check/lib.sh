# shellcheck shell=bash
# What the checks share: the lists of sources, and a rule's verdict as a line of TAP.
# Sourced by t/check/*.t, which run at the top of the tree.

# The last command of a pipe runs in this shell, so that rule can count.
shopt -s lastpipe

c_sources() {
    find common manager node t -name '*.[ch]' | sort
}

# Shell programs by their first line or name.
shell_sources() {
    find .ci common conf docs manager node t -type f 2>/dev/null | sort | while read -r file; do
        if [[ $file == *.sh ]] || head -n 1 "$file" | grep -qaE '^#!.*[/ ](ba|da)?sh\b'; then
            echo "$file"
        fi
    done
}

# code FILE: C with comments, strings and characters blanked; lines keep their numbers.
code() {
    perl -0777 -pe 's{(/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\x27(?:\\.|[^\x27\\\n])*\x27)}
        { my $t = $1; my $q = $t =~ /^"/ ? "\"\"" : ""; my $n = ($t =~ tr/\n//); $q . "\n" x $n }gsex' "$1"
}

# build DIRECTORY TARGET... [NAME=VALUE]: one make at a time in a build directory. It knows nothing of
# a make above: that one's job server is not handed down, and the warning of it would count as found.
build() {
    local dir=$1
    shift
    mkdir -p "$dir"
    flock "$dir/.check.lock" env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s B="$dir" WERROR=-Werror "$@" 2>&1
}

# need PROGRAM...: a check without its tool would hold whatever the sources say.
need() {
    local program
    for program; do
        command -v "$program" >/dev/null && continue
        printf '1..1\nnot ok 1 - %s is missing (t/deps check installs it)\n' "$program"
        exit 1
    done
}

rules=0 broken=0

# rule NAME: holds if nothing stands on standard input; what stands there is shown.
rule() {
    local lines
    lines=$(cat)
    rules=$((rules + 1))
    if [[ -z $lines ]]; then
        echo "ok $rules - $1"
    else
        echo "not ok $rules - $1"
        printf '#   %s\n' "${lines//$'\n'/$'\n#   '}"
        broken=1
    fi
}

skip() {
    rules=$((rules + 1))
    echo "ok $rules - $1 # SKIP $2"
}

# A budget that is aimed at: told, never failed.
note() {
    echo "# note: $*"
}

rules_done() {
    echo "1..$rules"
    exit "$broken"
}
