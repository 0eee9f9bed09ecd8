#!/usr/bin/env bash
# Detection on real servers: faults of the campaign that a manager meets most, each once, with a writer, a sampler
# and the campaign's oracle.
# Usage: t/detect.t [FAULT...], or SERVER, MODE, LAB, B in the environment. t/faults/*.t have all of them.
set -eu

cd "$(dirname "$0")/.."
faults=("$@")
((${#faults[@]} > 0)) || faults=(manager-master-cut master-replicas-cut manager-cut-off flapping-master-cable
    too-many-connections read-only-by-hand manager-stopped-idle sigstop-mysqld cable-of-master kill-supervised
    kill-mysqld manager-killed-before disk-full)
options=()
for fault in "${faults[@]}"; do
    options+=(--fault "$fault")
done
exec t/campaign --tap --server "${SERVER:-mariadb}" --mode "${MODE:-gtid}" --lab "${LAB:-detect-t}" "${options[@]}"
