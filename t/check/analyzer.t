#!/usr/bin/env bash
# gcc's own path analysis, as a build with one more option. Unoptimised: what the optimiser drops is
# not analysed, nor is it with FORTIFY, which wants the optimiser.
set -eu
. t/check/lib.sh

need gcc
build build/analyzer CC=gcc OPT='-O0 -g' EXTRA_CFLAGS='-fanalyzer -U_FORTIFY_SOURCE' WARN= -k all |
    grep -E 'error|warning|\*\*\*' |
    rule "gcc -fanalyzer finds nothing"
rules_done
