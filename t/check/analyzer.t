#!/usr/bin/env bash
# gcc's own path analysis, as a build with one more option.
set -eu
. t/check/lib.sh

need gcc
build build/analyzer CC=gcc OPT='-O1 -g' EXTRA_CFLAGS=-fanalyzer -k all | grep -E 'error|warning|\*\*\*' |
    rule "gcc -fanalyzer finds nothing"
rules_done
