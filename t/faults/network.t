#!/usr/bin/env bash
# Faults of the network, each once (t/campaign): in `make test` this server's share, else all of them. SERVER, MODE, LAB,
# B in the environment, RUN_WHAT from t/run.
set -eu
cd "$(dirname "$0")/../.."
share=()
[[ ${RUN_WHAT:-} != test ]] || share=(--share)
exec t/campaign --tap --class B "${share[@]}" --server "${SERVER:-mariadb}" --mode "${MODE:-gtid}" --lab "${LAB:-faults-network}"
