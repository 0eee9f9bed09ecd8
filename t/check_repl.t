#!/usr/bin/env bash
# masterha_check_repl and masterha_check_ssh on real servers: the healthy group, and every refusal with its sentence, its exit
# code, and nothing changed on any server.
# Functions are called by name, through that.
# shellcheck disable=SC2317
set -eu
cd "$(dirname "$0")/.."
# shellcheck source=t/lib.sh
. t/lib.sh
lab_begin check "$@"

# Patterns.
says() {
  grep -qE -- "$1" "$out"
}

check() {
  run on_manager "$B/masterha_check_repl" --conf="${1:-$conf}"
}

ends_with() {
  [ "$(tail -n 1 "$out")" = "$1" ] && [ -z "$(tail -n 2 "$out" | head -n 1)" ]
}

# What a check must leave as it was.
state() {
  local host
  for host in db1 db2 db3; do
    sql "$host" "SELECT @@server_id, @@read_only, @@relay_log_purge" || echo "$host down"
    sql "$host" "SELECT IS_USED_LOCK('MHA_Master_High_Availability_Failover')" || true
    sql "$host" "SHOW DATABASES" || true
  done
}

# refuses NAME SENTENCE [CONF]: exit code 1, MHA's last line, the sentence, and nothing changed.
refuses() {
  local before after
  before=$(state)
  check "${3:-$conf}"
  after=$(state)
  that "$1: exit code 1" ends 1
  that "$1: MHA's last line" ends_with "MySQL Replication Health is NOT OK!"
  that "$1: says it" says "$2"
  that "$1: nothing is changed" is "$before" "$after"
}

# variant SED-PROGRAM: a copy of the configuration, seen by the manager's host.
variant() {
  sed "$1" "$conf" >"$dir/variant.cnf"
  echo "$dir/variant.cnf"
}

lab_raise "$server" "$mode"

before=$(state)
check
that "a healthy group: exit code 0" ends 0
that "a healthy group: MHA's last line" ends_with "MySQL Replication Health is OK."
that "a healthy group: who would be promoted" says "db2 would become the master"
that "a healthy group: nothing is changed" is "$before" "$(state)"
run on_manager "$B/masterha_check_ssh" --conf="$conf"
that "SSH: exit code 0" ends 0
that "SSH: MHA's line" says "All SSH connection tests passed successfully."

refuses "an unknown key" 'candidate_mster.*candidate_master' "$(variant 's/^hostname=db2/&\ncandidate_mster=1/')"
refuses "a missing file" 'nowhere.cnf' "$dir/nowhere.cnf"
refuses "a wrong password" 'lives but refuses us.*check user' "$(variant 's/^password=.*/password=wrong/')"
refuses "a host that does not resolve" 'nosuchhost' "$(variant 's/^hostname=db3/hostname=nosuchhost.invalid/')"

run on_manager "$B/kagemusha" check --no_such_option --conf="$conf"
that "an unknown option of our own verb" ends 1

ssh-keygen -q -t ed25519 -N '' -f "$dir/key"
known=$(on_manager cat /var/tmp/app1/known_hosts)
address=$(on_manager getent hosts db3 | cut -d ' ' -f 1)
on_manager sh -c "{ echo '$address $(cut -d ' ' -f 1,2 "$dir/key.pub")'; echo 'db3 $(cut -d ' ' -f 1,2 "$dir/key.pub")'; } > /var/tmp/app1/known_hosts"
run on_manager "$B/masterha_check_ssh" --conf="$conf"
that "a changed host key: not passed" test "$code" -ne 0
that "a changed host key: the fix" says 'ssh-keygen -R'
printf '%s\n' "$known" | on_manager sh -c 'cat > /var/tmp/app1/known_hosts'

stop='STOP SLAVE' start='START SLAVE'
if [ "$server" = mysql9 ]; then
  stop='STOP REPLICA' start='START REPLICA'
fi
sql db3 "$stop"
refuses "stopped threads" 'db3.*IO thread does not run'
sql db3 "$start"
t/lab/ctl --lab "$lab" wait-repl

refuses "a server that replicates from another group" 'not in the configuration' \
  "$(variant '/^\[server1\]/,/^$/d')"

t/lab/ctl --lab "$lab" stop db3
refuses "a host whose server is down" 'db3.*dead'
check "$(variant 's/^hostname=db3/&\nignore_fail=1/')"
that "ignore_fail alone does not pass a start" ends 1
run on_manager "$B/masterha_check_repl" --ignore_fail_on_start --conf="$dir/variant.cnf"
that "with --ignore_fail_on_start it does" ends 0
t/lab/ctl --lab "$lab" stop db2
refuses "no replica" 'no server that answers is a replica'

tests_done
