#!/usr/bin/env bash
# The Makefile has the targets that people are told of, and the table of tests names real ones.
set -eu
. t/check/lib.sh

targets() {
    sed -n 's/^\([a-z][a-z -]*\):\([^=].*\|\)$/\1/p' Makefile t/*/*.mk | tr ' ' '\n' | sort -u
}

known=" $(targets | tr '\n' ' ') "
for target in all dev test test-fast test-all demo bench check format lint install help; do
    [[ $known == *" $target "* ]] || echo "$target"
done | rule "the Makefile has the usual targets"
if [[ -e README.md ]]; then
    # In code only: prose may well make sure of something.
    # shellcheck disable=SC2016  # the sign that opens code
    grep -noE '(`|^ *\$? *)make( [A-Z]+=[^ `]*)* [a-z][a-z-]*' README.md docs/*.md |
        while IFS=: read -r file line command; do
            [[ $known == *" ${command##* } "* ]] || echo "$file:$line: make ${command##* }"
        done | rule "README and docs name targets that exist"
else
    skip "README and docs name targets that exist" "there is no README.md"
fi
sed 's/#.*//' t/matrix | awk 'NF && ($2 !~ /^(-|mariadb|mariadb11|mysql9|mysql56)$/ ||
    $3 !~ /^(-|any|gtid|position)$/ || $4 !~ /^(test|test-all)$/ || NF != 4) {print "t/matrix: " $0}' |
    rule "every row of t/matrix is well formed"
sed 's/#.*//' t/matrix | awk 'NF {print $1}' | sort -u | while read -r file; do
    [[ -x $file ]] || echo "$file: is not there, or not executable"
done | rule "t/matrix names tests that exist"
grep -l 't/lab/up' t/*.t t/*/*.t | while read -r file; do
    [[ $file == t/check/* ]] || grep -q "^$file " t/matrix || echo "$file: needs a server, and has no row"
done | rule "every test that raises a lab is in t/matrix"
rules_done
