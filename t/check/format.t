#!/usr/bin/env bash
# The C sources are laid out as clang-format 14 does it; other versions differ in details.
set -eu
. t/check/lib.sh

version=$(clang-format --version 2>/dev/null | grep -o 'version [0-9]*' | cut -d' ' -f2 || true)
if [[ $version == 14 ]]; then
    c_sources | xargs clang-format --dry-run -Werror 2>&1 |
        sed -n 's/^\([^ :]*\):.* error: .*/\1: make format FILES=\1/p' | sort -u |
        rule "C sources are laid out by clang-format"
else
    skip "C sources are laid out by clang-format" "clang-format 14 is needed, here is ${version:-none}"
fi
# shellcheck disable=SC2016  # for awk
# Rows of tables are laid out in columns by clang-format, whatever that makes of their length.
c_sources | xargs awk 'length($0) > 100 && !/^ +(\{|X\(|"|`)/ {print FILENAME ":" FNR ": " length($0) " columns"}' |
    rule "no line of C is over 100 columns"
{ c_sources && shell_sources && ls Makefile t/*/*.mk; } | xargs grep -nE '[[:blank:]]+$' |
    rule "no blanks at the end of a line"
rules_done
