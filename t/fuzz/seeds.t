#!/usr/bin/env bash
# What reads foreign bytes, over the seeds of real servers, cut short and changed: `make fuzz` without
# a fuzzer.
set -eu

cd "$(dirname "$0")/../.."
B=${B:-build}
count=0 failed=0
for target in t/fuzz/*.c; do
    name=$(basename "$target" .c)
    [[ $name != seeds ]] || continue
    count=$((count + 1))
    if out=$("$B/t/fuzz/seeds-$name" t/fuzz/seeds/* t/fuzz/replica/* 2>&1); then
        echo "ok $count - $name: $out"
    else
        failed=1
        echo "not ok $count - $name"
        tail -n 20 <<<"$out" | sed 's/^/# /'
    fi
done
echo "1..$count"
exit "$failed"
