#!/usr/bin/env bash
# Detection on real servers: faults of the campaign that a manager meets most, each once, with a writer, a sampler
# and the campaign's oracle: in position mode, since t/faults/*.t have all faults by GTID.
# Usage: t/detect.t [FAULT...], or SERVER, MODE, LAB, B in the environment.
set -eu

cd "$(dirname "$0")/.."
faults=("$@")
if ((${#faults[@]} == 0)); then
    faults=(kill-mysqld kill-supervised sigstop-mysqld cable-of-master manager-cut-off manager-master-cut
        master-replicas-cut flapping-master-cable read-only-by-hand manager-stopped-idle)
fi
options=()
for fault in "${faults[@]}"; do
    options+=(--fault "$fault")
done
exec t/campaign --tap --server "${SERVER:-mariadb}" --mode "${MODE:-gtid}" --lab "${LAB:-detect-t}" "${options[@]}"
