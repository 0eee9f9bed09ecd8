#!/usr/bin/env bash
# Scans inside kagemusha manage, on a group of real servers: metrics of the master's columns, a column that
# becomes critical, a replica with less room, the same series on the new master after a failover, groups that
# come and go by SIGHUP.
# SERVER and MODE say which server; B is the build directory.
# shellcheck disable=SC2317  # functions that are called by name
set -eu

cd "$(dirname "$0")/.."
# shellcheck source=t/lib.sh
. t/lib.sh
lab_begin scan-manage

show() {
    tail -n 25 "$log" 2>/dev/null
}

# One GET over bash's own sockets.
page() {
    # shellcheck disable=SC2016  # for the shell over there
    t/lab/exec manager --lab "$lab" bash -c 'exec 3<>/dev/tcp/127.0.0.1/9273
        printf "GET /metrics HTTP/1.0\r\nAccept: %s\r\n\r\n" "$1" >&3; cat <&3' - "${1:-text/plain}" 2>/dev/null
}

shows() {
    page | grep -Eq -- "$1"
}

logged() {
    grep -Eq -- "$1" "$log"
}

lab_raise "$server" "$mode"
log=$dir/scan.log
sed -i '/^\[server default\]/a scan_interval=1\nscan_full_interval=60\nping_interval=1' "$dir/app1.cnf"
t/lab/ctl --lab "$lab" sql db1 "CREATE DATABASE shop; CREATE TABLE shop.orders (id INT AUTO_INCREMENT PRIMARY KEY);
    INSERT INTO shop.orders VALUES (1200000000);
    CREATE TABLE shop.wide (id BIGINT AUTO_INCREMENT PRIMARY KEY); INSERT INTO shop.wide VALUES (2000000000)"
t/lab/ctl --lab "$lab" wait-repl 60 >/dev/null
# Somebody forgot a replica: what the master counts on has less room there.
t/lab/ctl --lab "$lab" sql db2 "SET SESSION sql_log_bin = 0; ALTER TABLE shop.wide MODIFY id INT AUTO_INCREMENT"
by_hand() {
    t/lab/exec manager --lab "$lab" kagemusha scan --conf="$PWD/$dir/app1.cnf" --headroom >"$dir/scan.out" 2>&1
}
that "a scan by hand: exit code 0" by_hand
warned() {
    t/lab/exec manager --lab "$lab" masterha_check_repl --conf="$PWD/$dir/app1.cnf" 2>&1 | grep -q "db2.*less AUTO_INCREMENT room"
}
that "with --headroom masterha_check_repl warns of the replica" warned
t/lab/exec manager --lab "$lab" rm /var/tmp/app1/app1.headroom.json
mkdir "$dir/groups"
cp "$dir/app1.cnf" "$dir/groups/"
t/lab/exec manager --lab "$lab" kagemusha manage --conf="$PWD/$dir/groups" --metrics_listen=9273 >"$log" 2>&1 &
manager=$!
series='schema="shop",table="orders",column="id",column_type="int_signed"'
that "the master's columns are on /metrics" within 60 shows "^kagemusha_autoinc_next_value\{.*server=\"[^\"]*:3306\",$series\} 1200000001$"
that "and that it was read in full" shows '^kagemusha_autoinc_scan_ok\{group="app1",.*\} 1$'
that "a replica with less room is told" within 60 logged 'autoinc-narrower: db2:3306 .*shop.wide.id ends at 2147483647 there, 93.1 % used'
that "masterha_check_repl warns of it" warned
# The next full scan may come in between: then it is made old once more.
note_of() { # note_of SECONDS: since 1970
    t/lab/exec manager --lab "$lab" sed -i "s/\"at_s\":[0-9]*/\"at_s\":$1/" /var/tmp/app1/app1.headroom.json
}
aged() {
    note_of 1500000000
    t/lab/exec manager --lab "$lab" masterha_check_repl --conf="$PWD/$dir/app1.cnf" >"$dir/check.out" 2>&1 || true
    grep -q "db2.*AUTO_INCREMENT room is too old to count, [0-9.]* days ago: shop.wide.id" "$dir/check.out" &&
        ! grep -q "db2.*less AUTO_INCREMENT room" "$dir/check.out"
}
that "a note that no scan has renewed for years is told to be old, and does not count" within 60 aged
note_of "$(date +%s)"
page application/openmetrics-text | sed '1,/^\r$/d' >"$dir/page"
that "one page with the group's own metrics, ended once" test "$(grep -c '^# EOF' "$dir/page") $(tail -n 1 "$dir/page")" = "1 # EOF"
first=$(page | sed -n "s/^kagemusha_autoinc_next_value{.*server=\"\([^\"]*\)\",$series.*/\1/p")
t/lab/ctl --lab "$lab" sql db1 "INSERT INTO shop.orders VALUES (2000000000)"
that "a column that becomes critical is logged" within 60 logged 'autoinc-critical: shop.orders.id of app1: 93.1 % used'
that "and shown" within 30 shows "^kagemusha_autoinc_level\{.*$series\} 2$"
t/lab/ctl --lab "$lab" kill db1
new_master() {
    local server
    server=$(page | sed -n "s/^kagemusha_autoinc_next_value{.*server=\"\([^\"]*\)\",$series.*/\1/p")
    [[ -n $server && $server != "$first" && $server == db3:* ]]
}
that "after a failover the new master is scanned: the replica that has the room" within 120 new_master
that "under the same group" shows "^kagemusha_autoinc_next_value\{group=\"app1\",.*$series\} 200000000[01]$"
# The same servers under another name: its watch is refused, since they have a manager, its scan is not.
sed 's|^manager_workdir=.*|manager_workdir=/var/tmp/app2|' "$dir/app1.cnf" >"$dir/groups/app2.cnf"
kill -HUP "$manager"
that "a group that SIGHUP brings is scanned" within 60 shows "^kagemusha_autoinc_next_value\{group=\"app2\",.*$series\}"
that "beside the one of before" shows "^kagemusha_autoinc_next_value\{group=\"app1\",.*$series\}"
rm "$dir/groups/app2.cnf"
kill -HUP "$manager"
no_more() {
    ! shows 'group="app2"'
}
that "one that is gone is not shown any more" within 60 no_more
that "the other one is" shows "^kagemusha_autoinc_next_value\{group=\"app1\",.*$series\}"
kill -TERM "$manager"
rc=0
wait "$manager" || rc=$?
that "it ends when told to" test "$rc" -lt 128
tests_done
