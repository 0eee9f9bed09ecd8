#!/usr/bin/env bash
# Every shell program and fragment under shellcheck, and strict about what it does not catch.
set -eu
. t/check/lib.sh

need shellcheck
shell_sources | xargs shellcheck -x -f gcc | rule "shellcheck finds nothing"
shell_sources | while read -r file; do
    # A fragment is sourced and has no first line of its own.
    head -n 1 "$file" | grep -q '^#!' || continue
    grep -qE '^set -[a-z]*e[a-z]*u|^set -[a-z]*u[a-z]*e|^set -u # not -e: ' "$file" || echo "$file: no set -eu"
done | rule "every shell program says set -eu"
rules_done
