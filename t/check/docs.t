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

# "file number" of what the sources cite.
cited() {
    grep -rnoiE '\bdecisions? [0-9]+[a-e]?((,| and| to) [0-9]+[a-e]?)*' common manager node t conf docs |
        perl -ne '($file, $line, $words) = split /:/, $_, 3; print "$file:$line $_\n" for $words =~ /(\d+[a-e]?)/g'
}

pages() {
    printf '%s\n' docs/decisions/*.md | grep -v '/README\.md$'
}

# Sections of a text, and texts, that are not here.
elsewhere() {
    grep -rnE '§|\b(contract|field|fast|replay|servers|style)\.md' README.md common manager node conf docs t |
        grep -v '^t/check/docs\.t:' || true
}

made docs/failover.md | rule "docs/failover.md has the tables of docs/tables -i docs/failover.md"
links | while read -r file target; do
    [[ -e $(dirname "$file")/$target ]] || echo "$file: $target"
done | rule "links lead to files"
paths | while read -r file path; do
    [[ -e $path ]] || echo "$file: $path"
done | rule "files that are named exist"
pages | xargs wc -l | awk '$2 != "total" && $1 > 30 {print $2 ": " $1}' |
    rule "no decision is over 30 lines"
pages | while read -r file; do
    for title in Context Choice Rejected Consequence; do
        grep -q "^## $title\$" "$file" || echo "$file: no $title"
    done
done | rule "every decision has context, choice, rejected, consequence"
cited | while read -r place number; do
    grep -q "^| $number |" docs/decisions/README.md || echo "$place: there is no decision $number"
done | rule "decisions that are cited are in docs/decisions/README.md"
elsewhere | rule "no text outside of the tree is cited"
pages | while read -r file; do
    grep -qF "(${file##*/})" docs/decisions/README.md || echo "$file is not linked in docs/decisions/README.md"
done | rule "docs/decisions/README.md links every page"
for file in docs/*.md docs/decisions/README.md; do
    grep -qF "($file)" README.md || echo "$file is not linked in README.md"
done | rule "README.md links every document"
rules_done
