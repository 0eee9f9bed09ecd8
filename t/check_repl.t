#!/usr/bin/env bash
# masterha_check_repl and masterha_check_ssh on real servers: the healthy group, and every refusal with its sentence, its exit
# code, and nothing changed on any server.
set -eu
cd "$(dirname "$0")/.."
B=${B:-build} SERVER=${SERVER:-mariadb} MODE=${MODE:-gtid} lab=${LAB:-check}
conf=build/lab/$lab/app1.cnf
work=$(mktemp -d)
count=0 failed=0

# shellcheck disable=SC2317  # called by the trap
end() {
  trap - EXIT
  t/lab/down --lab "$lab" >/dev/null 2>&1 || true
  rm -rf "$work"
}
trap end EXIT

# is NAME COMMAND...: one test, passed when the command succeeds.
is() {
  local name=$1
  shift
  count=$((count + 1))
  if "$@"; then
    echo "ok $count - $name"
  else
    echo "not ok $count - $name"
    failed=$((failed + 1))
    sed 's/^/# /' "$work/out"
  fi
}

on_manager() {
  t/lab/exec manager --lab "$lab" "$@"
}

sql() {
  t/lab/ctl --lab "$lab" sql "$@"
}

# run COMMAND...: its output to $work/out, its exit code to rc.
run() {
  rc=0
  "$@" >"$work/out" 2>&1 || rc=$?
}

check() {
  run on_manager "$B/masterha_check_repl" --conf="${1:-$conf}"
}

exits() {
  [ "$rc" -eq "$1" ]
}

says() {
  grep -qE -- "$1" "$work/out"
}

ends_with() {
  [ "$(tail -n 1 "$work/out")" = "$1" ] && [ -z "$(tail -n 2 "$work/out" | head -n 1)" ]
}

# What a check must leave as it was.
state() {
  local host
  for host in db1 db2 db3; do
    sql "$host" "SELECT @@server_id, @@read_only, @@relay_log_purge" 2>/dev/null || echo "$host down"
    sql "$host" "SELECT IS_USED_LOCK('MHA_Master_High_Availability_Failover')" 2>/dev/null || true
    sql "$host" "SHOW DATABASES" 2>/dev/null || true
  done
}

# refuses NAME SENTENCE [CONF]: exit code 1, MHA's last line, the sentence, and nothing changed.
refuses() {
  local before after
  before=$(state)
  check "${3:-$conf}"
  after=$(state)
  is "$1: exit code 1" exits 1
  is "$1: MHA's last line" ends_with "MySQL Replication Health is NOT OK!"
  is "$1: says it" says "$2"
  is "$1: nothing is changed" [ "$before" = "$after" ]
}

# variant SED-PROGRAM: a copy of the configuration, seen by the manager's host.
variant() {
  sed "$1" "$conf" >"build/lab/$lab/variant.cnf"
  echo "build/lab/$lab/variant.cnf"
}

rc=0
run t/lab/up "$SERVER" "$MODE" --lab "$lab" --path "$B"
case $rc in
0) ;;
77) echo "1..0 # SKIP $(tail -n 1 "$work/out")" && exit 0 ;;
*) cat "$work/out" && exit 1 ;;
esac
: >"$work/out"
# shellcheck source=/dev/null
. "build/lab/$lab/env"

before=$(state)
check
is "a healthy group: exit code 0" exits 0
is "a healthy group: MHA's last line" ends_with "MySQL Replication Health is OK."
is "a healthy group: who would be promoted" says "db2 would become the master"
is "a healthy group: nothing is changed" [ "$before" = "$(state)" ]
run on_manager "$B/masterha_check_ssh" --conf="$conf"
is "SSH: exit code 0" exits 0
is "SSH: MHA's line" says "All SSH connection tests passed successfully."

refuses "an unknown key" 'candidate_mster.*candidate_master' "$(variant 's/^hostname=db2/&\ncandidate_mster=1/')"
refuses "a missing file" 'nowhere.cnf' "build/lab/$lab/nowhere.cnf"
refuses "a wrong password" 'lives but refuses us.*check user' "$(variant 's/^password=.*/password=wrong/')"
refuses "a host that does not resolve" 'nosuchhost' "$(variant 's/^hostname=db3/hostname=nosuchhost.invalid/')"

run on_manager "$B/kagemusha" check --no_such_option --conf="$conf"
is "an unknown option of our own verb" exits 1

ssh-keygen -q -t ed25519 -N '' -f "$work/key"
known=$(on_manager cat /var/tmp/app1/known_hosts)
address=$(on_manager getent hosts db3 | cut -d ' ' -f 1)
on_manager sh -c "{ echo '$address $(cut -d ' ' -f 1,2 "$work/key.pub")'; echo 'db3 $(cut -d ' ' -f 1,2 "$work/key.pub")'; } > /var/tmp/app1/known_hosts"
run on_manager "$B/masterha_check_ssh" --conf="$conf"
is "a changed host key: not passed" [ "$rc" -ne 0 ]
is "a changed host key: the fix" says 'ssh-keygen -R'
printf '%s\n' "$known" | on_manager sh -c 'cat > /var/tmp/app1/known_hosts'

stop='STOP SLAVE' start='START SLAVE'
if [ "$SERVER" = mysql9 ]; then
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
is "ignore_fail alone does not pass a start" exits 1
run on_manager "$B/masterha_check_repl" --ignore_fail_on_start --conf="build/lab/$lab/variant.cnf"
is "with --ignore_fail_on_start it does" exits 0
t/lab/ctl --lab "$lab" stop db2
refuses "no replica" 'no server that answers is a replica'

echo "1..$count"
[ "$failed" -eq 0 ]
