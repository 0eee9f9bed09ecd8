#!/usr/bin/env bash
# All faults of the network, each once (t/campaign). SERVER, MODE, LAB, B in the environment.
set -eu
cd "$(dirname "$0")/../.."
exec t/campaign --tap --class B --server "${SERVER:-mariadb}" --mode "${MODE:-gtid}" --lab "${LAB:-faults-network}"
