# What the benchmarks on the lab share. Sourced; the benchmark sets `lab` first and prints nothing else on standard output.
# shellcheck shell=bash
B=${B:-build}
# shellcheck disable=SC2154  # set by who sources this
conf=build/lab/$lab/app1.cnf

lab_end() {
  t/lab/down --lab "$lab" >/dev/null 2>&1 || true
}

lab_up() {
  t/lab/up "$@" --lab "$lab" --path "$B" >&2
}

on_manager() {
  t/lab/exec manager --lab "$lab" "$@"
}

# until_true SECONDS COMMAND...
until_true() {
  local left=$(($1 * 20))
  shift
  until "$@"; do
    left=$((left - 1))
    [ "$left" -gt 0 ] || return 1
    sleep 0.05
  done
}

watching() {
  on_manager "$B/masterha_check_status" --conf="$conf" 2>/dev/null | grep -q PING_OK
}

# The manager's pid as its own host counts.
manager_pid() {
  on_manager cut -f 1 /var/tmp/app1/app1.master_status.health
}
