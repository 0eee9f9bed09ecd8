#!/usr/bin/env bash
# cppcheck over the sources, with a function unused in one file left to the compilers.
set -eu
. t/check/lib.sh

need cppcheck
# A const pointer where the interface's type has none is the interface's business.
cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr -I. \
    -D_GNU_SOURCE -D'KAGEMUSHA_VERSION="0"' --suppress=missingIncludeSystem -j 2 \
    --template='{file}:{line}: {id}: {message}' common manager node t 2>&1 |
    rule "cppcheck finds nothing"
rules_done
