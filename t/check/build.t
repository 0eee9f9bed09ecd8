#!/usr/bin/env bash
# Both compilers build everything with warnings as errors, each into a directory of its own.
set -eu
. t/check/lib.sh

need gcc clang
for compiler in gcc clang; do
    build "build/$compiler" CC="$compiler" -k all tests lab | grep -E 'error|warning|\*\*\*' |
        rule "$compiler builds the programs, the tests and the lab"
done
rules_done
