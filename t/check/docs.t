#!/usr/bin/env bash
# The documents say what the tree says: tables as made, links and paths that exist, short decisions.
set -eu
. t/check/lib.sh
need perl

made() { # made FILE: what differs between its tables and fresh ones
    docs/tables "$1" | diff "$1" - || true
}

documents() {
    printf '%s\n' README.md docs/*.md docs/decisions/*.md
}

# "file target" of relative links, without the part behind #.
links() {
    local file
    documents | while read -r file; do
        { grep -oE '\]\([^)]+\)' "$file" || true; } | sed 's/^](//; s/)$//; s/#.*//' |
            awk -v file="$file" '$0 != "" && !/^[a-z]+:/ {print file, $0}'
    done
}

# "file path" of sources named in code that begin with a directory of the tree.
paths() {
    local file
    documents | while read -r file; do
        # shellcheck disable=SC2016  # the sign that opens code
        { grep -oE '`(common|node|manager|conf|docs|t)/[A-Za-z0-9_./-]+`' "$file" || true; } | tr -d '`' |
            sed "s|^|$file |"
    done
}

made docs/failover.md | rule "docs/failover.md has the tables of docs/tables -i docs/failover.md"
links | while read -r file target; do
    [[ -e $(dirname "$file")/$target ]] || echo "$file: $target"
done | rule "links lead to files"
paths | while read -r file path; do
    [[ -e $path ]] || echo "$file: $path"
done | rule "files that are named exist"
wc -l docs/decisions/*.md | awk '$2 != "total" && $1 > 30 {print $2 ": " $1}' |
    rule "no decision is over 30 lines"
for file in docs/decisions/*.md; do
    for title in Context Choice Rejected Consequence; do
        grep -q "^## $title\$" "$file" || echo "$file: no $title"
    done
done | rule "every decision has context, choice, rejected, consequence"
for file in docs/*.md docs/decisions/*.md; do
    [[ $file == docs/decisions/* ]] || grep -qF "($file)" README.md || echo "$file is not linked in README.md"
done | rule "README.md links every document"
rules_done
