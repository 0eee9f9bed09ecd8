#!/usr/bin/env bash
# MHA's surface on five servers of one host: one unprivileged user, ports 10000 to 10004, SSH to
# 127.0.0.1, no scripts for an address. Exit codes and lines as MHA's.
# Functions are called by name, through that and within.
# shellcheck disable=SC2317,SC2154
set -eu

cd "$(dirname "$0")/.."
# shellcheck source=t/lib.sh
. t/lib.sh
lab_begin onehost mysql56 "${2:-${MODE:-position}}"
log=$dir/manager.log
code=0 manager=''

# shellcheck source=t/onehost.sh
. t/onehost.sh

run() {
    code=0
    oh "$@" --conf="$OH_ROOT/mha.cnf" --global_conf=/dev/null >"$out" 2>&1 </dev/null || code=$?
}

begin() {
    oh masterha_manager --conf="$OH_ROOT/mha.cnf" --global_conf=/dev/null "$@" >"$log" 2>&1 </dev/null &
    manager=$!
    within 60 grep -q "until MySQL doesn't respond" "$log" || cp "$log" "$out"
}

finish() {
    code=0
    wait "$manager" || code=$?
    manager=''
    cp "$log" "$out"
}

flag() {
    oh test -e "$OH_ROOT/work/mha.$1"
}

insert() {
    oh_sql "$1" "INSERT INTO test1.t VALUES ($2, REPEAT('x', 40));"
}

checks() {
    oh_conf
    oh_fresh 10000
    run masterha_check_ssh
    that "masterha_check_ssh: exit code 0" ends 0
    that "... MHA's line" says "All SSH connection tests passed successfully."
    run masterha_check_repl
    that "masterha_check_repl: exit code 0" ends 0
    that "... MHA's last line" test "$(tail -n 2 "$out")" = $'\nMySQL Replication Health is OK.'
    oh_sql 10003 'STOP SLAVE SQL_THREAD;'
    run masterha_check_repl
    that "a stopped SQL thread: exit code 1" ends 1
    that "... MHA's last line" test "$(tail -n 2 "$out")" = $'\nMySQL Replication Health is NOT OK!'
    oh_sql 10003 'START SLAVE;'
    oh_conf "2 hostname=127.0.0.1" "5 port=10000"
    run masterha_check_repl
    that "two servers of one port: exit code 1" ends 1
    oh_conf "5 hostname=no-such-host.invalid"
    run masterha_check_repl
    that "a host that does not resolve: exit code 1" ends 1
}

plain_failover() {
    oh_conf
    begin
    that "the manager watches" grep -qF "127.0.0.1(127.0.0.1:10000)" "$log"
    run masterha_check_status
    that "check_status: exit code 0" ends 0
    that "... MHA's line" says "is running(0:PING_OK), master:127.0.0.1"
    oh_kill 10000
    finish
    that "master killed: exit code 0" ends 0
    that "the first replica is the master" within 30 oh_shape 10001 10002:10001 10003:10001 10004:10001
    that ".failover.complete" flag failover.complete
    that "no status file is left" not flag master_status.health
    run masterha_check_status
    that "check_status: exit code 2" ends 2
    that "... MHA's line" says "mha is stopped(2:NOT_RUNNING)."
    insert 10001 2
    that "writes reach all replicas" within 30 oh_level 2 10001 10002 10003 10004
    oh_start 10000
    that "the old master may be started again" within 60 oh_answers 10000
    that "... and stays" test "$(sleep 1; oh_sql 10000 'SELECT 1')" = 1
}

# All as new, and nothing that binds the next failover.
anew() {
    oh rm -rf "$OH_ROOT/work"
    oh_fresh "$@" || echo "# the servers are not level"
}

switch_dead() {
    run masterha_master_switch --master_state=dead --interactive=0 --dead_master_host=127.0.0.1 \
        --dead_master_ip=127.0.0.1 --dead_master_port=10000 "$@"
}

second_failover() {
    oh_kill 10001
    code=0
    run masterha_master_switch --master_state=dead --interactive=0 --dead_master_host=127.0.0.1 \
        --dead_master_ip=127.0.0.1 --dead_master_port=10001 --ignore_fail
    that "a second failover within 480 minutes: exit code 1" ends 1
    that "... says why" says "failover.complete"
    run masterha_master_switch --master_state=dead --interactive=0 --dead_master_host=127.0.0.1 \
        --dead_master_ip=127.0.0.1 --dead_master_port=10001 --ignore_last_failover
    that "the old master, started and no replica, is a second master: exit code 1" ends 1
    oh_kill 10000
    oh_conf '1 ignore_fail=1'
    run masterha_master_switch --master_state=dead --interactive=0 --dead_master_host=127.0.0.1 \
        --dead_master_ip=127.0.0.1 --dead_master_port=10001 --ignore_last_failover
    that "--ignore_last_failover, one server dead and ignored: exit code 10" ends 10
    that "the next in order is the master" within 30 oh_shape 10002 10003:10002 10004:10002
}

by_hand() {
    anew 10000
    oh_conf '3 candidate_master=1' '2 no_master=1'
    switch_dead
    that "the master lives: master_switch --master_state=dead refuses, exit code 1" ends 1
    that "nothing was changed" oh_shape 10000 10001:10000 10002:10000
    oh_kill 10000
    switch_dead --ignore_last_failover
    that "by hand, candidate_master: exit code 0" ends 0
    that "the candidate is the master" within 30 oh_shape 10002 10001:10002 10003:10002 10004:10002
    that "MHA's sentence" says "Master failover to 127.0.0.1(127.0.0.1:10002) completed successfully."
    anew 10000
    oh_conf '2 no_master=1' '3 no_master=1'
    oh_kill 10000
    switch_dead --new_master_host=127.0.0.1 --new_master_port=10001
    that "a forced master with no_master: exit code 1" ends 1
    switch_dead --new_master_host=127.0.0.1 --new_master_port=10004 --remove_dead_master_conf --ignore_last_failover
    that "a forced master: exit code 0" ends 0
    that "it is the master" within 30 oh_shape 10004 10001:10004 10002:10004 10003:10004
    that "--remove_dead_master_conf: its section is gone" not oh grep -q '^\[server1\]' "$OH_ROOT/mha.cnf"
    that "... the others are there" oh grep -q '^\[server2\]' "$OH_ROOT/mha.cnf"
    oh_conf '2 no_master=1' '3 no_master=1' '4 no_master=1' '5 no_master=1'
    anew 10000
    run masterha_check_repl
    that "no replica may become the master: exit code 1" ends 1
    oh_kill 10000
    switch_dead
    that "... the failover too" ends 1
    that "no flag of an error before Phase 2" not flag failover.error
}

# Replicas at unlike places: 10001 has 2 rows, 10004 3, 10002 4, 10003 6; rows 7 and 8 are with the master alone.
unlevel() {
    local row
    anew 10000
    for row in 2 3 4 5 6 7 8; do
        insert 10000 "$row"
        case $row in
        2) stays 10001 "$row" ;;
        3) stays 10004 "$row" ;;
        4) stays 10002 "$row" ;;
        6) stays 10003 "$row" ;;
        esac
    done
    oh_kill 10000
}

# Receives no more, once it has so many rows.
stays() {
    within 30 oh_level "$2" "$1"
    oh_sql "$1" 'STOP SLAVE IO_THREAD'
}

rescued() {
    oh_conf
    unlevel
    switch_dead
    that "replicas at unlike places: exit code 0" ends 0
    that "the one that has most is the master" within 30 oh_shape 10003 10001:10003 10002:10003 10004:10003
    that "every row is everywhere, also what only the dead master had" within 30 oh_level 8 10001 10002 10003 10004
    unlevel
    switch_dead --skip_save_master_binlog --ignore_last_failover
    that "--skip_save_master_binlog: exit code 0" ends 0
    that "all have what the latest had, and no more" within 30 oh_level 6 10001 10002 10003 10004
    that "what may be lost is told" says "that was skipped on request"
    unlevel
    switch_dead --skip_change_master --ignore_last_failover
    that "--skip_change_master: exit code 0" ends 0
    that "every row is everywhere" within 30 oh_level 8 10001 10002 10003 10004
    # By GTID the option is without effect, as MHA's.
    [[ $mode == gtid ]] || that "the others still name the old master" test "$(oh_master 10001)" = '10000 No Yes'
    oh_conf '2 candidate_master=1' check_repl_delay=0
    unlevel
    oh_sql 10002 'STOP SLAVE SQL_THREAD'
    switch_dead --ignore_last_failover
    that "the candidate is the furthest behind: exit code 0" ends 0
    that "it is the master" within 30 oh_shape 10001 10002:10001 10003:10001 10004:10001
    that "every row is everywhere, with the candidate too" within 30 oh_level 8 10001 10002 10003 10004
    unlevel
    switch_dead --skip_save_master_binlog --new_master_host=127.0.0.1 --new_master_port=10001 --ignore_last_failover
    that "the furthest behind is forced, only relay logs can help: exit code 0" ends 0
    that "the one whose relay logs helped follows too" within 30 oh_shape 10001 10002:10001 10003:10001 10004:10001
    that "all have what any of them had" within 30 oh_level 6 10001 10002 10003 10004
}

# place PORT: what its SQL thread has executed, and what its IO thread has received, of the master's log.
place() {
    oh "$LAB_SERVER_DIR/bin/mysql" --no-defaults -u root -S "$OH_ROOT/$1/sock" -e 'SHOW SLAVE STATUS\G' | awk -F': ' '{gsub(/ /, "", $1); v[$1] = $2}
        END {print v["Relay_Master_Log_File"], v["Exec_Master_Log_Pos"], v["Master_Log_File"], v["Read_Master_Log_Pos"]}'
}

# What MHA's own manager has its node's programs do, over ssh: the replica that has most serves the one that has least.
mhas_manager() {
    local file pos latest latest_pos
    [[ $mode == position ]] || return 0
    unlevel
    read -r file pos _ <<<"$(place 10001)"
    read -r _ _ latest latest_pos <<<"$(place 10003)"
    code=0
    oh_ssh apply_diff_relay_logs --command=generate_and_send "--scp_user=$OH_USER" --scp_host=127.0.0.1 --scp_port=22 \
        "--latest_mlf=$latest" "--latest_rmlp=$latest_pos" "--target_mlf=$file" "--target_rmlp=$pos" --server_id=103 \
        "--diff_file_readtolatest=/var/tmp/home/sent/diff" --workdir=/var/tmp/home --timestamp=20261126 \
        --handle_raw_binlog=1 --disable_log_bin=0 --manager_version=0.58 "--relay_log_info=$OH_ROOT/10003/data/relay-log.info" \
        "--relay_dir=$OH_ROOT/10003/data" >"$out" 2>&1 || code=$?
    that "the difference is generated and sent: exit code 0" ends 0
    that "... by scp" says "scp /var/tmp/home/sent/diff to $OH_USER@127.0.0.1(22) succeeded."
    oh_ssh save_binary_logs --command=save "--start_file=$latest" "--start_pos=$latest_pos" \
        "--binlog_dir=$OH_ROOT/10000/binlogs" --output_file=/var/tmp/home/saved --handle_raw_binlog=1 --disable_log_bin=0 \
        --manager_version=0.58 >"$out" 2>&1 || code=$?
    that "the dead master's rest is saved: exit code 0" ends 0
    oh_ssh apply_diff_relay_logs --command=apply "--slave_user=$OH_LOGIN" --slave_host=127.0.0.1 --slave_ip=127.0.0.1 \
        --slave_port=10001 --apply_files=/var/tmp/home/sent/diff,/var/tmp/home/saved --workdir=/var/tmp/home \
        --target_version=5.6 --timestamp=20261126 --handle_raw_binlog=1 --disable_log_bin=0 --manager_version=0.58 \
        "--slave_pass=$OH_PASSWORD" >"$out" 2>&1 || code=$?
    that "both are applied: exit code 0" ends 0
    that "every row is there" oh_level 8 10001
    that "it names the old master still" test "$(oh_master 10001)" = '10000 No Yes'
}

# The master lives: MHA's switch there, and back without a word about the new master.
switched() {
    anew 10000
    oh_conf '2 candidate_master=1'
    run masterha_master_switch --master_state=alive --interactive=0 --new_master_host=127.0.0.1 \
        --new_master_port=10003 --orig_master_is_new_slave
    that "an online switch: exit code 0" ends 0
    that "MHA's sentence" says "Switching master to 127.0.0.1(127.0.0.1:10003) completed successfully."
    that "all follow it, the old master too" within 30 oh_shape 10003 10000:10003 10001:10003 10002:10003 10004:10003
    insert 10003 2
    that "writes reach all replicas" within 30 oh_level 2
    run masterha_master_switch --master_state=alive --interactive=0
    that "again, the candidate: exit code 0" ends 0
    that "the others follow it" within 30 oh_shape 10001 10000:10001 10002:10001 10004:10001
    that "the old master follows nobody, and takes no writes" test "$(oh_master 10003)$(oh_sql 10003 'SELECT @@read_only')" = 1
}

dead_replicas() {
    anew 10000
    oh_kill 10003
    oh_conf
    run masterha_check_repl
    that "a dead replica: check_repl exit code 1" ends 1
    oh_conf '4 ignore_fail=1'
    run masterha_check_repl
    that "ignore_fail alone does not start: exit code 1" ends 1
    run masterha_check_repl --ignore_fail_on_start
    that "with --ignore_fail_on_start: exit code 0" ends 0
    begin --ignore_fail_on_start
    oh_kill 10000
    finish
    that "the manager, one replica ignored: exit code 10" ends 10
    that "MHA's sentence" says "done, but recovery on slave partially failed."
    that "the others follow" within 30 oh_shape 10001 10002:10001 10004:10001
}

tiers() {
    anew 10000 10003:10002
    oh_conf
    run masterha_check_repl
    that "a replica of a replica: exit code 1" ends 1
    oh_conf '4 multi_tier_slave=1'
    run masterha_check_repl
    that "multi_tier_slave=1: exit code 0" ends 0
    begin
    oh_kill 10000
    finish
    that "the manager, three tiers: exit code 0" ends 0
    that "the third tier stays where it is" within 30 oh_shape 10001 10002:10001 10003:10002 10004:10001
    insert 10001 2
    that "writes reach all tiers" within 30 oh_level 2 10001 10002 10003 10004
}

dual_master() {
    anew 10000
    oh_conf
    oh_follow 10000 10001
    oh_sql 10000 'SET GLOBAL read_only=0;'
    oh_sql 10001 'SET GLOBAL read_only=0;'
    run masterha_check_repl
    that "two masters that both take writes: exit code 1" ends 1
    oh_sql 10001 'SET GLOBAL read_only=1;'
    within 20 oh_shape 10000:10001
    run masterha_check_repl
    that "two masters, one read-only: exit code 0" ends 0
    begin
    oh_kill 10000
    finish
    that "the writable one dies: exit code 0" ends 0
    that "the other is the master" within 30 oh_shape 10001 10002:10001 10003:10001 10004:10001
}

lab_raise mysql56 position --hosts 1
oh_raise >"$out" 2>&1 || { sed 's/^/# /' "$out"; echo "Bail out! the servers did not rise"; exit 1; }
[[ -z ${RAISE_ONLY-} ]] || { trap - EXIT; exit 0; }
for part in ${PARTS:-checks plain_failover second_failover by_hand rescued mhas_manager switched dead_replicas tiers dual_master}; do
    $part
done
tests_done
