#!/usr/bin/env bash
# Calls that the style refuses. Comments and strings do not count.
set -eu
. t/check/lib.sh

need perl
# calls NAMES FILE...: lines of code that call one of the names (a regular expression).
calls() {
    local names=$1 file
    shift
    for file; do
        code "$file" | grep -nE "(^|[^_[:alnum:].>])($names)[[:blank:]]*\(" | sed "s|^|$file:|" || true
    done
}

mapfile -t all < <(c_sources)
mapfile -t product < <(c_sources | grep -v '^t/' | grep -v '/main\.c$')
calls 'strcpy|strcat|sprintf|vsprintf|strtok|atoi|atol|gets|system|popen' "${all[@]}" |
    rule "no strcpy, strcat, sprintf, strtok, atoi, gets, system, popen"
calls 'exit|quick_exit' "${product[@]}" | rule "no exit outside main"
calls 'alloca|longjmp|setjmp' "${product[@]}" | rule "no alloca, no longjmp"
rules_done
