#!/usr/bin/env bash
# Nothing that can still be read is lost: failovers on real servers whose logs are not level. Every
# shape ends with the writers' ledger against the new master, a checksum of all tables over all hosts,
# and what the report says of losses.
# Usage: t/recovery.t [SERVER [MODE]], or SERVER, MODE, LAB, B in the environment.
# SHAPES names the shapes to run ("all" for every one of them); the default is the choice below.
# Functions are called by name, through that, within and the list of shapes.
# shellcheck disable=SC2317,SC2119,SC2120
set -eu

cd "$(dirname "$0")/.."
# shellcheck source=t/lib.sh
. t/lib.sh
lab_begin recovery "$@"
slave=SLAVE
[[ $server != mysql9 ]] || slave=REPLICA
every="tail one_row third purged gaps settings content huge cut_trx no_binlog conflict replay_killed manager_killed base_dies torn
    semisync vault server ledger"

show() {
    cp "$out" "$dir/failed.$count"
    grep -E '(warning|error)\]|^lost' "$out" | tail -n 12 | cut -c1-300
}

# raise [OPTION...]: three hosts. "position" is what no GTID can help with: MySQL 9.7 has them on by
# default.
raise() {
    local more=()
    if [[ $server/$mode == mysql9/position ]]; then
        more=(--set gtid_mode=OFF --set enforce_gtid_consistency=OFF)
    fi
    lab_raise "$server" "$mode" "${more[@]}" "$@"
    sed -i '/^\[server default\]/a journal_dir=/var/tmp/app1/journal' "$conf"
}

# option 'sed script': changes the manager's configuration.
option() {
    sed -i "$1" "$conf"
}

stop_io() {
    local h
    for h; do
        sql "$h" "STOP $slave IO_THREAD"
    done
}

start_io() {
    sql "$1" "START $slave IO_THREAD"
}

rows() {
    sql "$1" 'SELECT COUNT(*) FROM app.ledger'
}

acked() {
    cat "$dir"/ledger/*.ledger 2>/dev/null | wc -l
}

acked_more_than() {
    (($(acked) > $1))
}

# write_rows N: a writer from the client until N more rows are acknowledged.
write_rows() {
    local w
    t/lab/ctl --lab "$lab" writer >"$dir/writer.out" 2>&1 &
    w=$!
    within 60 acked_more_than $(($(acked) + $1)) || true
    kill -TERM "$w" 2>/dev/null || true
    wait "$w" 2>/dev/null || true
}

level() {
    [[ $(rows "$1") == "$(rows db1)" ]]
}

# one_more: an acknowledged row outside of the ledger.
one_more() {
    sql db1 "INSERT INTO app.sample VALUES (9, $1)"
}

has_sample() {
    [[ $(sql "$1" 'SELECT COUNT(*) FROM app.sample') == "$2" ]]
}

# fail_over [OPTION...]: the exit code is in $code, the output in $out, the new master in $new.
fail_over() {
    code=0
    t/lab/exec manager --lab "$lab" masterha_master_switch --conf="$PWD/$conf" --master_state=dead \
        --dead_master_host=db1 --interactive=0 "$@" >"$out" 2>&1 || code=$?
    new=$(ctl vip-where)
}

report() {
    find "$work/journal" -name report.json -exec cat {} + | grep -o "\"$1\":[^,}]*" | head -n 1 |
        cut -d: -f2- | tr -d '"'
}

# Every acknowledged row is on the new master, all tables are equal on all hosts that are left.
nothing_lost() {
    t/lab/compare --lab "$lab" --wait 60 >"$dir/compare.out" 2>&1 || {
        sed 's/^/#   /' "$dir/compare.out"
        return 1
    }
}

# all_well: the end of every shape in which nothing may be lost.
all_well() {
    that "exit code 0" is "$code" 0
    that "no acknowledged row is lost, all tables are equal" nothing_lost
    that "the report says: none" is "$(report state)" none
    that "the journal has it in figures" grep -q '"rec":"loss"' -r "$work/journal"
}

# --- The shapes -----------------------------------------------------------------------------------

# The last transactions are only on the dead master's own disk.
tail_shape() {
    raise
    write_rows 50
    within 60 level db2
    stop_io db2 db3
    write_rows 200
    ctl kill db1
    that "the replicas lack rows" test "$(rows db2)" -lt "$(acked)"
    fail_over
    that "it was rescued from the dead master" says "[info] rescue: give $new"
    all_well
}

# One replica lacks one transaction.
one_row_shape() {
    raise
    write_rows 20
    within 60 level db3
    stop_io db3
    one_more 1
    within 60 has_sample db2 1
    ctl kill db1
    fail_over
    all_well
    that "the row is everywhere" has_sample db3 1
}

# The dead master's binlogs are gone, and only a host that must not become the master has received
# all.
third_shape() {
    raise
    option '/^hostname=db3/a no_master=1'
    write_rows 20
    within 60 level db2
    stop_io db2
    write_rows 100
    within 60 level db3
    ctl kill db1
    rm -f "$dir"/hosts/db1/fs/var-lib-mysql/mysql-bin.*
    fail_over
    that "exit code 0" is "$code" 0
    that "db2 is the master" is "$new" db2
    that "no acknowledged row is lost, all tables are equal" nothing_lost
    that "the report says that the dead master's log was not read" is "$(report state)" unknown
    that "... and why" says "the binlog of db1 was not read ("
}

applied_all() {
    [[ $(status_of "$1" '\(Exec_Master_Log_Pos\|Exec_Source_Log_Pos\)') == "$(status_of "$1" '\(Read_Master_Log_Pos\|Read_Source_Log_Pos\)')" ]]
}

no_relay_events() {
    sql "$1" "STOP $slave; START $slave"
    (($(find "$dir/hosts/$1/fs/var-lib-mysql" -name 'relay-bin.0*' -size +3k | wc -l) == 0))
}

# The dead master's binlogs are gone, and the host that received most has no relay log left: it is the
# new master, and the other is brought level by GTID, or left out and named.
purged_shape() {
    raise
    write_rows 20
    within 60 level db2
    stop_io db2
    write_rows 50
    within 60 level db3
    within 60 applied_all db3
    sql db3 "SET GLOBAL relay_log_purge=1"
    within 60 no_relay_events db3
    ctl kill db1
    rm -f "$dir"/hosts/db1/fs/var-lib-mysql/mysql-bin.*
    fail_over
    that "db3 is the master" is "$new" db3
    that "it lost nothing" grep -qx 'lost 0' <(t/lab/compare --lab "$lab" --wait 1 2>/dev/null)
    that "the report says that the dead master's log was not read" is "$(report state)" unknown
    if [[ $mode == gtid ]]; then
        that "exit code 0" is "$code" 0
        that "all tables are equal" nothing_lost
    else
        that "exit code 10" is "$code" 10
        that "the report names db2" grep -q "^ *db2(.*: ERROR, left out" "$out"
        that "db2 shows the rows that it lacks" test "$(rows db2)" -lt "$(rows db3)"
    fi
}

other_rows() {
    [[ $(sql "$1" 'SELECT COUNT(*) FROM app2.t') == "$2" ]]
}

# A replica with several workers was killed when later transactions were applied and earlier ones not,
# and stands since: they are applied before anything else is done with it.
gaps_shape() {
    [[ $server == mysql9 ]] || return 0
    local i
    raise --set replica_parallel_workers=2 --set replica_preserve_commit_order=OFF --set relay_log_recovery=0
    write_rows 20
    sql db1 "CREATE DATABASE app2; CREATE TABLE app2.t (id INT PRIMARY KEY)"
    within 60 other_rows db2 0
    hold_applier db2
    for i in 1 2 3 4 5; do
        sql db1 "INSERT INTO app.ledger VALUES (9, $i, 1, 'x')"
        sql db1 "INSERT INTO app2.t VALUES ($i)"
    done
    that "db2 has applied later ones" within 60 has_gaps db2
    within 60 has_received_all db2
    ctl kill db2
    wait "$holder" 2>/dev/null || true
    echo skip_replica_start=1 >>"$dir/hosts/db2/etc/mysql/my.cnf"
    ctl start db2
    that "... and stands so" has_gaps db2
    stop_io db3
    sql db1 "INSERT INTO app2.t VALUES (6)"
    ctl kill db1
    fail_over
    all_well
    that "db2 has all of it" other_rows db2 6
}

# has_gaps HOST: rows of app2.t are there whose forerunners in app.ledger are not.
has_gaps() {
    (($(sql "$1" 'SELECT COUNT(*) FROM app2.t') > $(sql "$1" 'SELECT COUNT(*) FROM app.ledger WHERE writer = 9')))
}

# status_of HOST FIELD [STATEMENT]
status_of() {
    ctl exec "$1" "$LAB_SERVER_DIR/bin/mysql" --defaults-file="$LAB_DIR/admin.cnf" -E \
        -e "${3:-SHOW $slave STATUS}" 2>/dev/null | sed -n "s/^ *$2: //p" | head -n 1
}

# What a catch-up changes for itself is as before afterwards.
settings_shape() {
    local p=MASTER_
    raise
    write_rows 20
    [[ $server != mysql9 ]] || p=SOURCE_
    sql db3 "STOP $slave"
    sql db3 "CHANGE $([[ $server == mysql9 ]] && echo 'REPLICATION SOURCE' || echo MASTER) TO
        ${p}HEARTBEAT_PERIOD=7.5, ${p}CONNECT_RETRY=11$([[ $server == mariadb* ]] || echo ", ${p}RETRY_COUNT=77")"
    sql db3 "START $slave"
    within 60 level db3
    stop_io db2 db3
    write_rows 100
    ctl kill db1
    option '/^hostname=db3/a candidate_master=1'
    option '/^\[server default\]/a skip_reset_slave=1'
    fail_over
    that "db3 is the master" is "$new" db3
    that "connect retry" is "$(status_of db3 Connect_Retry)" 11
    that "it names the old master again" grep -q "^db3 .*replicates=db1" <(ctl status)
    that "heartbeat period" is "$(heartbeat db3)" 7.500
    all_well
}

# Every kind of content in one tail, over twenty files: blobs, formats, loaded files, compression,
# and check sums that change on the way.
content_shape() {
    local big=$((40 << 20)) i load=/var/lib/mysql/load.txt
    # The redo log of a 5.6 wants to be ten times as large as a blob.
    [[ $server != mysql56 ]] || big=$((4 << 20))
    raise --set max_allowed_packet=128M --set 'secure_file_priv='
    sql db1 "CREATE TABLE app.content (id INT AUTO_INCREMENT PRIMARY KEY, v LONGBLOB, s VARCHAR(64)
        CHARACTER SET utf8mb4) ENGINE=InnoDB"
    write_rows 20
    within 60 level db2
    within 60 level db3
    stop_io db2 db3
    case $server in
    mysql9) compress="SET SESSION binlog_transaction_compression=ON" ;;
    mariadb*) sql db1 "SET GLOBAL log_bin_compress=ON" && compress="DO 0" ;;
    *) compress="DO 0" ;;
    esac
    sql db1 "$compress; INSERT INTO app.content (v, s) VALUES (REPEAT('compress me ', 5000), 'c')"
    sql db1 "INSERT INTO app.content (v, s) VALUES (UNHEX('$(printf '%02x' {0..255})'), 'every byte')"
    sql db1 "SET SESSION binlog_format=STATEMENT; SET @v = 'it''s \\\\ \\n';
        INSERT INTO app.content (v, s) VALUES (@v, RAND()); INSERT INTO app.content (v) VALUES (LAST_INSERT_ID())"
    sql db1 "SET SESSION binlog_format=MIXED; CREATE TEMPORARY TABLE app.t (a INT); INSERT INTO app.t VALUES (7);
        INSERT INTO app.content (s) SELECT a FROM app.t; INSERT INTO app.content (s) VALUES (UUID())" || true
    sql db1 "INSERT INTO app.content (v, s) VALUES (REPEAT('x', $big), 'big')"
    printf 'a line\\\nof two\tand a \\0 byte\n' >"$dir/hosts/db1/fs/var-lib-mysql/load.txt"
    chmod 644 "$dir/hosts/db1/fs/var-lib-mysql/load.txt"
    sql db1 "LOAD DATA INFILE '$load' INTO TABLE app.content (v, s)"
    sql db1 "SET SESSION binlog_format=STATEMENT; LOAD DATA INFILE '$load' INTO TABLE app.content (v, s)" || true
    for ((i = 0; i < 20; i++)); do
        sql db1 "SET GLOBAL binlog_checksum=$( ((i % 2)) && echo CRC32 || echo NONE)"
        sql db1 "INSERT INTO app.content (s) VALUES ($i); FLUSH LOCAL BINARY LOGS"
        sql db1 "ALTER TABLE app.content COMMENT='$i'"
    done
    write_rows 50
    content=$(checksum_of db1)
    ctl kill db1
    fail_over
    all_well
    that "the new master has the content" is "$(checksum_of "$new")" "$content"
    that "the other too" is "$(checksum_of "$(other)")" "$content"
}

checksum_of() {
    sql "$1" "CHECKSUM TABLE app.content EXTENDED; SELECT COUNT(*) FROM app.content"
}

# The replica that is not the new master.
other() {
    [[ $new == db2 ]] && echo db3 || echo db2
}

# One transaction of 100,000 rows that a replica has not received, another not even in part.
huge_shape() {
    raise
    sql db1 "CREATE TABLE app.content (id INT AUTO_INCREMENT PRIMARY KEY, v VARBINARY(64)) ENGINE=InnoDB;
        INSERT INTO app.content (v) VALUES ('x')"
    write_rows 20
    within 60 level db3
    within 60 level db2
    stop_io db3
    sql db1 "BEGIN; $(printf 'INSERT INTO app.content (v) SELECT UUID() FROM app.content;%.0s' {1..17}) COMMIT"
    content=$(checksum_of db1)
    ctl kill db1
    fail_over
    all_well
    that "the new master has the rows" is "$(checksum_of "$new")" "$content"
    that "the other too" is "$(checksum_of "$(other)")" "$content"
    that "over 100,000 of them" test "$(sql "$new" 'SELECT COUNT(*) FROM app.content')" -gt 100000
}

# The IO threads stopped in the middle of a transaction: it is completed.
cut_trx_shape() {
    local h
    raise --set max_allowed_packet=64M
    sql db1 "CREATE TABLE app.content (id INT AUTO_INCREMENT PRIMARY KEY, v LONGBLOB) ENGINE=InnoDB"
    write_rows 20
    within 60 level db3
    within 60 level db2
    sql db1 "FLUSH LOCAL BINARY LOGS"
    within 60 level db3
    ctl exec db1 tc qdisc add dev eth0 root tbf rate 16mbit burst 64k latency 400ms
    sql db1 "BEGIN; $(printf "INSERT INTO app.content (v) VALUES (REPEAT(UUID(), 20000));%.0s" {1..20}) COMMIT"
    sleep 2
    for h in db2 db3; do
        stop_io "$h"
    done
    ctl exec db1 tc qdisc del dev eth0 root
    content=$(checksum_of db1)
    ctl kill db1
    that "it was received in part" within 1 in_part db2
    fail_over
    all_well
    that "the transaction is whole" is "$(checksum_of "$new")" "$content"
    that "there too" is "$(checksum_of "$(other)")" "$content"
}

# The IO thread has read further than the SQL thread could apply.
in_part() {
    local source=Master
    [[ $server != mysql9 ]] || source=Source
    (($(status_of "$1" "Read_${source}_Log_Pos") > $(status_of "$1" "Exec_${source}_Log_Pos")))
}

# The directory of the dead master's binlogs is gone, and with it what only it had: the failover goes
# on, and says so.
no_binlog_shape() {
    raise
    write_rows 50
    within 60 level db2
    within 60 level db3
    stop_io db2 db3
    write_rows 50
    ctl kill db1
    rm -rf "$dir"/hosts/db1/fs/var-lib-mysql/*
    fail_over
    that "exit code 0" is "$code" 0
    that "the report says: unknown" is "$(report state)" unknown
    that "... and behind which coordinate" says "is only there"
    that "it is a warning on the log" says "[warning] loss: unknown: the binlog of db1 was not read"
    that "the other follows" grep -q "^$(other) .*replicates=$new:Yes/Yes" <(ctl status)
}

# A row that one replica has already: it alone stays behind, as it is.
conflict_shape() {
    raise
    option '/^hostname=db3/a no_master=1'
    write_rows 20
    within 60 level db3
    stop_io db2 db3
    sql db3 "SET SESSION sql_log_bin=0; INSERT INTO app.sample VALUES (9, 1)"
    write_rows 20
    one_more 1
    write_rows 20
    ctl kill db1
    fail_over
    that "exit code 10" is "$code" 10
    that "db2 is the master" is "$new" db2
    that "it lost nothing" grep -qx 'lost 0' <(t/lab/compare --lab "$lab" --wait 1 2>/dev/null)
    that "the report says: none" is "$(report state)" none
    that "db3 shows its error" test "$(status_of db3 Last_SQL_Errno)" -gt 0
    that "the report names db3" says "ERROR, left out"
    sql db3 "STOP $slave; SET SESSION sql_log_bin=0; DELETE FROM app.sample"
    sql db3 "START $slave"
    [[ $mode == gtid ]] || return 0
    that "with the row away it goes on" within 60 level_with db3 db2
}

agent_keeps() {
    ctl exec "$1" sh -c 'grep -q "\"live\":true" /var/tmp/kagemusha-*/vault-*'
}

has_received_all() {
    local word="SHOW MASTER STATUS"
    [[ $server != mysql9 ]] || word="SHOW BINARY LOG STATUS"
    [[ $(status_of "$1" '\(Read_Master_Log_Pos\|Read_Source_Log_Pos\)') == "$(status_of db1 Position "$word")" ]]
}

# A replica restarts with relay_log_recovery=1 and throws away what it had received, its master's host cannot be
# reached any more: the only copy left is what the replica's agent kept.
vault_shape() {
    raise --set relay_log_recovery=1
    option '/^\[server default\]/a ping_interval=2'
    write_rows 20
    within 60 level db2
    within 60 level db3
    t/lab/exec manager --lab "$lab" masterha_manager --conf="$PWD/$conf" >"$out" 2>&1 &
    switching=$!
    that "the group is watched" within 60 says ping-ok
    that "the agent of db2 keeps its relay logs" within 60 agent_keeps db2
    stop_io db3
    sql db2 "STOP $slave SQL_THREAD"
    write_rows 100
    within 60 has_received_all db2
    ctl cut db1
    ctl kill db2
    ctl start db2
    that "db2 has thrown them away" test "$(rows db2)" -lt "$(acked)"
    that "db1 is given up" within 60 says master-down
    ctl poweroff db1
    fail_over_end
    that "exit code 0" is "$code" 0
    that "it was read from what the agent kept" says 'what its agent kept of its relay logs: done'
    that "no acknowledged row is lost, all tables are equal" nothing_lost
    that "the report says that the dead master's log was not read" is "$(report state)" unknown
}

copy_is_level() {
    [[ $(find "$dir/hosts/db3/fs/var-tmp/copy" -name 'mysql-bin.*' -printf '%f %s\n' | sort | tail -n 1) == \
    "$(find "$dir/hosts/db1/fs/var-lib-mysql" -name 'mysql-bin.0*' -printf '%f %s\n' | sort | tail -n 1)" ]]
}

# copy_binlogs: what streams them to a binlog server; a server without such a program has them copied at the end.
copy_binlogs() {
    local program
    mkdir -p "$dir/hosts/db3/fs/var-tmp/copy"
    program=$(readlink -f "$B/servers/$server")/bin/mysqlbinlog
    [[ $server != mariadb* ]] || program=$(command -v mariadb-binlog)
    if [[ -x $program ]]; then
        ctl exec db3 env MYSQL_PWD="$LAB_REPL_PASSWORD" "$program" --no-defaults --raw \
            --read-from-remote-server --stop-never --host=db1 --user="$LAB_REPL_USER" \
            --result-file=/var/tmp/copy/ mysql-bin.000001 >"$dir/copy.out" 2>&1 &
    else
        cp "$dir"/hosts/db1/fs/var-lib-mysql/mysql-bin.0* "$dir/hosts/db3/fs/var-tmp/copy/"
    fi
}

# The dead master's host cannot be reached; a binlog server has what nobody received.
server_shape() {
    raise
    cat >>"$conf" <<-CNF
	[binlog1]
	hostname=db3
	master_binlog_dir=/var/tmp/copy
	[binlog2]
	hostname=db3
	master_binlog_dir=/var/tmp/nothing
	CNF
    write_rows 20
    within 60 level db2
    within 60 level db3
    stop_io db2 db3
    write_rows 100
    copy_binlogs
    that "the copy is level" within 60 copy_is_level
    ctl cut db1
    ctl poweroff db1
    fail_over
    that "exit code 0" is "$code" 0
    that "it was read on the binlog server" grep -q "rescue: give .* binlog1 can be read for: the copy .*: done" "$out"
    that "the other one is told of" says "binlog2(db3) is not read: "
    that "no acknowledged row is lost, all tables are equal" nothing_lost
    that "the report says that the dead master's log was not read" is "$(report state)" unknown
}

level_with() {
    [[ $(rows "$1") == "$(rows "$2")" ]]
}

replay_of() {
    ctl exec "$1" pgrep -f 'kagemusha-node replay' >/dev/null 2>&1
}

# in_background: fail_over, while the shape goes on.
fail_over_begin() {
    t/lab/exec manager --lab "$lab" masterha_master_switch --conf="$PWD/$conf" --master_state=dead \
        --dead_master_host=db1 --interactive=0 "$@" >"$out" 2>&1 &
    switching=$!
}

fail_over_end() {
    code=0
    wait "$switching" || code=$?
    new=$(ctl vip-where)
}

# The replay server is killed while the replica applies: what it had sent is applied, another one gives the rest.
replay_killed_shape() {
    raise
    option '/^hostname=db2/a candidate_master=1'
    write_rows 20
    within 60 level db2
    stop_io db2 db3
    write_rows 300
    ctl kill db1
    hold_applier db2
    fail_over_begin
    that "a replay server runs" within 60 replay_of db2
    that "the log says how far it is" within 60 grep -Eq 'wait: db2.*[0-9]+ (transactions|bytes) left.* bytes sent' "$out"
    ctl exec db2 pkill -KILL -f 'kagemusha-node replay'
    release_applier db2
    fail_over_end
    all_well
}

# The manager is killed while a replica catches up, the new master or another: the next one goes on where that replica
# is, and leaves it the settings that it had.
manager_killed_shape() {
    killed_amid db2
    [[ $mode == gtid ]] || killed_amid db3
}

# killed_amid NEW_MASTER: db2 is what catches up.
killed_amid() {
    local p=MASTER_
    raise
    [[ $server != mysql9 ]] || p=SOURCE_
    option "/^hostname=$1/a candidate_master=1"
    option '/^\[server default\]/a skip_reset_slave=1'
    write_rows 20
    sql db2 "STOP $slave; CHANGE $([[ $server == mysql9 ]] && echo 'REPLICATION SOURCE' || echo MASTER) TO ${p}CONNECT_RETRY=11"
    sql db2 "START $slave"
    within 60 level db2
    stop_io db2 db3
    write_rows 300
    ctl kill db1
    hold_applier db2
    fail_over_begin
    that "a replay server runs" within 60 replay_of db2
    that "db2 waits" within 60 grep -q 'wait: db2.* left' "$out"
    ctl exec manager pkill -KILL -f 'master_state=dead'
    wait "$switching" 2>/dev/null || true
    that "its replay server ends with it" within 60 no_replay_of db2
    fail_over_begin --ignore_last_failover
    sleep 1
    release_applier db2
    fail_over_end
    all_well
    that "$1 is the master" is "$new" "$1"
    that "db2 has its connect retry again" is "$(status_of db2 Connect_Retry)" 11
    that "no note is left" test -z "$(find "$dir"/hosts/db2/fs -name 'catchup*' 2>/dev/null)"
}

no_replay_of() {
    ! replay_of "$1"
}

# The only host with the relay logs dies while they are read: nobody is promoted past what it had.
base_dies_shape() {
    [[ $mode == position ]] || return 0
    raise
    option '/^hostname=db3/a no_master=1'
    write_rows 20
    within 60 level db2
    stop_io db2
    sql db1 "CREATE TABLE app.content (id INT AUTO_INCREMENT PRIMARY KEY, v LONGBLOB) ENGINE=InnoDB"
    sql db1 "$(printf "INSERT INTO app.content (v) VALUES (REPEAT(UUID(), 20000));%.0s" {1..20})"
    within 60 is_there db3
    ctl kill db1
    rm -f "$dir"/hosts/db1/fs/var-lib-mysql/mysql-bin.*
    ctl exec db3 tc qdisc add dev eth0 root tbf rate 16mbit burst 64k latency 400ms
    fail_over_begin
    within 60 says 'wait-applied: '
    sleep 1
    ctl poweroff db3
    fail_over_end
    that "exit code 1" is "$code" 1
    that "nobody was opened" is "$(sql db2 'SELECT @@GLOBAL.read_only')" 1
    that "db2 is the old master's replica again" grep -q "^db2 .*replicates=db1" <(ctl status)
}

is_there() {
    [[ $(sql "$1" 'SELECT COUNT(*) FROM app.content') == 20 ]]
}

# The last event of the dead master's binlog is torn.
torn_shape() {
    local last
    raise
    write_rows 20
    within 60 level db2
    stop_io db2 db3
    write_rows 50
    ctl kill db1
    last=$(find "$dir/hosts/db1/fs/var-lib-mysql" -name 'mysql-bin.0*' | sort | tail -n 1)
    tail -c 300 "$last" >"$dir/torn"
    head -c 150 "$dir/torn" >>"$last"
    fail_over
    all_well
    that "the report names what was never complete" says "that was never complete"
}

# The tail is given up on request. When the old master is seen again, the ledger names what only it
# has.
ledger_shape() {
    [[ $mode == gtid ]] || return 0
    raise
    write_rows 20
    within 60 level db2
    within 60 level db3
    stop_io db2 db3
    one_more 1
    one_more 2
    ctl kill db1
    fail_over --skip_save_master_binlog
    that "exit code 0" is "$code" 0
    that "the report says: unknown" is "$(report state)" unknown
    ctl exec db1 pkill -TERM -f 'kagemusha-node guard' || true
    ctl start db1
    code=0
    t/lab/exec manager --lab "$lab" kagemusha ledger --conf="$PWD/$conf" >"$out" 2>&1 || code=$?
    that "the ledger: something is only there" is "$code" 2
    that "... on db1, two transactions" grep -qE '^db1.*: 2 transactions that db[23] does not have: ' "$out"
    that "... and nothing on the replica" says "nothing that $new does not have"
}

# Semi-synchronous replication that had fallen back, and is on in the replay.
semisync_shape() {
    [[ $server != mysql56 ]] || return 0
    local name=master
    [[ $server != mysql9 ]] || name=source
    raise --semisync --set "rpl_semi_sync_${name}_timeout=300"
    write_rows 20
    within 60 level db2
    stop_io db2 db3
    write_rows 50
    ctl kill db1
    fail_over
    all_well
}

heartbeat() {
    case $server in
    mysql9)
        sql "$1" 'SELECT HEARTBEAT_INTERVAL FROM performance_schema.replication_connection_configuration'
        ;;
    mysql56) sql "$1" "SHOW GLOBAL STATUS LIKE 'Slave_heartbeat_period'" | cut -f 2 ;;
    *) status_of "$1" 'Slave_heartbeat_period' 'SHOW ALL SLAVES STATUS' ;;
    esac
}

# The choice for `make test`: each shape on some server, the first on all.
choice() {
    case $server/$mode in
    mysql9/gtid) echo tail settings vault ledger manager_killed ;;
    mysql9/position) echo tail third vault gaps ;;
    mariadb/gtid) echo tail third conflict server ;;
    mariadb/position) echo tail one_row content manager_killed ;;
    mysql56/gtid) echo tail one_row torn ;;
    mysql56/position) echo tail third purged ;;
    *) echo "$every" ;;
    esac
}

shapes=${SHAPES:-$(choice)}
[[ $shapes != all ]] || shapes=$every
for shape in ${shapes//,/ }; do
    tap_prefix="$shape: "
    "${shape}_shape"
done
tests_done
