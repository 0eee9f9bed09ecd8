#!/usr/bin/env bash
# All faults of the master's process and host, each once (t/campaign). SERVER, MODE, LAB, B in the environment.
set -eu
cd "$(dirname "$0")/../.."
exec t/campaign --tap --class A --server "${SERVER:-mariadb}" --mode "${MODE:-gtid}" --lab "${LAB:-faults-process}"
