#!/usr/bin/env bash
# docs/events.md lists every event word of the log with its levels, and no other.
set -eu
. t/check/lib.sh
need perl

# "level word" of every log call with a word, and of every kind of step.
# shellcheck disable=SC2016  # perl's own signs
in_sources() {
    {
        find common manager node -name '*.c' -print0 | xargs -0 perl -0777 -ne \
            'print "$1 $2\n" while /\blog_(debug|info|warning|error)\(\s*"([a-z-]+)"/g'
        # A step that went well logs its own word (manager/act/exec_log.c).
        perl -ne 'print "info $1\n" if /^\s*X\(\w+,\s*"([a-z-]+)"/' manager/decide/plan.h
    } | sort -u
}

# Calls whose word is no text at hand, but for that one of the steps.
# shellcheck disable=SC2016
computed() {
    find common manager node -name '*.c' -print0 | xargs -0 perl -0777 -ne \
        'print "$ARGV: $1\n" while /\blog_(?:debug|info|warning|error)\(\s*(?!NULL\b|"[a-z-]+")(\w[^,]*)/g' |
        grep -v '^manager/act/exec_log.c: step_word' || true
}

# Rows "| `word` | level, level | meaning |".
in_document() {
    # shellcheck disable=SC2016  # the sign that opens code
    perl -ne 'if (/^\| `([a-z-]+)` \| ([a-z, ]+) \| .+ \|$/) {
        my ($word, $levels) = ($1, $2); print "$_ $word\n" for split /, /, $levels }' docs/events.md | sort
}

computed | rule "event words are written out"
comm -23 <(in_sources) <(in_document) | rule "docs/events.md has every event word with its levels"
comm -13 <(in_sources) <(in_document) | rule "docs/events.md has no other"
in_document | uniq -d | rule "docs/events.md has each once"
rules_done
