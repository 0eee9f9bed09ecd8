#!/usr/bin/env bash
# A replica with a second channel from a server outside of the group, another whose channel has a name: both
# are switched and failed over, and the channel that is not the group's stays as it is.
# Usage: t/channels.t [SERVER], or SERVER, LAB, B in the environment. GTIDs.
# Functions are called by name, through that and within.
# shellcheck disable=SC2317,SC2154
set -eu

cd "$(dirname "$0")/.."
# shellcheck source=t/lib.sh
. t/lib.sh
lab_begin channels "${1:-}" gtid

# status HOST STATEMENT: key: value lines, which ctl sql has no names in.
status() {
    ctl exec "$1" "$LAB_SERVER_DIR/bin/mysql" --defaults-file="$PWD/$dir/admin.cnf" -E -e "$2" 2>/dev/null
}

switch() {
    run on_manager masterha_master_switch --conf="$PWD/$conf" --master_state=alive --interactive=0 \
        --orig_master_is_new_slave "$@"
}

# change HOST NAME MASTER: a named channel, and its start.
change() {
    local pw=${LAB_REPL_PASSWORD//\\/\\\\}
    pw=${pw//\'/\\\'}
    case $server in
    mysql9)
        sql "$1" "CHANGE REPLICATION SOURCE TO SOURCE_HOST='$3', SOURCE_PORT=3306, SOURCE_USER='$LAB_REPL_USER',
            SOURCE_PASSWORD='$pw', SOURCE_CONNECT_RETRY=1, SOURCE_RETRY_COUNT=1000000, GET_SOURCE_PUBLIC_KEY=1,
            SOURCE_AUTO_POSITION=1 FOR CHANNEL '$2'; START REPLICA FOR CHANNEL '$2'"
        ;;
    *)
        sql "$1" "CHANGE MASTER '$2' TO MASTER_HOST='$3', MASTER_PORT=3306, MASTER_USER='$LAB_REPL_USER',
            MASTER_PASSWORD='$pw', MASTER_CONNECT_RETRY=1, MASTER_USE_GTID=slave_pos; START SLAVE '$2'"
        ;;
    esac
}

# forget HOST: the unnamed channel is no more.
forget() {
    case $server in
    mysql9) sql "$1" "STOP REPLICA FOR CHANNEL ''; RESET REPLICA ALL FOR CHANNEL ''" ;;
    *) sql "$1" "STOP SLAVE; RESET SLAVE ALL" ;;
    esac
}

stop_legacy() {
    case $server in
    mysql9) sql db2 "STOP REPLICA FOR CHANNEL 'legacy'" ;;
    *) sql db2 "STOP SLAVE 'legacy'" ;;
    esac
}

start_legacy() {
    case $server in
    mysql9) sql db2 "START REPLICA FOR CHANNEL 'legacy'" ;;
    *) sql db2 "START SLAVE 'legacy'" ;;
    esac
}

# channel HOST NAME: its status, without what counts for all channels together or goes on by itself, and on
# MySQL the threads, which would be others after a restart.
channel() {
    case $server in
    mysql9)
        status "$1" "SHOW REPLICA STATUS FOR CHANNEL '$2'" | grep -v 'Executed_Gtid_Set\|^[0-9a-f-]*:[0-9]\|^\*'
        sql "$1" "SELECT r.THREAD_ID, a.THREAD_ID FROM performance_schema.replication_connection_status r
            JOIN performance_schema.replication_applier_status_by_coordinator a USING (CHANNEL_NAME)
            WHERE CHANNEL_NAME = '$2'"
        ;;
    *)
        status "$1" "SHOW SLAVE '$2' STATUS" |
            grep -v 'Gtid_Slave_Pos\|Gtid_IO_Pos\|received_heartbeats\|Slave_SQL_Running_State\|^\*'
        ;;
    esac
}

# still BEFORE: db2's second channel is there, and what it was.
still() {
    [[ $1 == *_Host:* ]] && is "$(channel db2 legacy)" "$1"
}

# settled HOST NAME: its status, when nothing moves in it any more.
settled() {
    local now was=
    for _ in {1..60}; do
        now=$(channel "$1" "$2")
        [[ $now != "$was" ]] || break
        was=$now
        sleep 0.5
    done
    echo "$now"
}

# follows HOST NAME MASTER: both threads of that channel run, toward that server.
follows() {
    local text want=$3
    case $server in
    mysql9) text=$(status "$1" "SHOW REPLICA STATUS FOR CHANNEL '$2'" | sed 's/Source_/Master_/; s/Replica_/Slave_/') ;;
    *) text=$(status "$1" "SHOW SLAVE '$2' STATUS") ;;
    esac
    is "$(sed -n 's/^ *\(Master_Host\|Slave_IO_Running\|Slave_SQL_Running\): //p' <<<"$text" | tr '\n' ' ')" \
        "$(address "$want") Yes Yes "
}

address() {
    [[ $by_name == 1 ]] && echo "$1" || echo "$LAB_PREFIX.1${1#db}"
}

channels() {
    case $server in
    mysql9) sql "$1" "SELECT COUNT(*) FROM performance_schema.replication_connection_configuration" ;;
    *) status "$1" "SHOW ALL SLAVES STATUS" | grep -c Connection_name ;;
    esac
}

# The row that db4 wrote last has come everywhere where it should.
legacy_reaches() {
    local h
    legacy=$((legacy + 1))
    sql db4 "INSERT INTO legacy.t VALUES ($legacy)"
    for h; do
        within 60 legacy_is_on "$h" || return 1
    done
}

legacy_is_on() {
    is "$(sql "$1" "SELECT COUNT(*) FROM legacy.t WHERE n = $legacy" || true)" 1
}

writable() {
    is "$(sql "$1" 'SELECT @@GLOBAL.read_only')" 0
}

acked() {
    cat "$dir"/ledger/*.ledger 2>/dev/null | wc -l
}

acked_more_than() {
    (($(acked) > $1))
}

writes_go_on() {
    within 60 acked_more_than $(($(acked) + 20))
}

# Each row that was acknowledged is on the server.
has_all_rows() {
    local n
    n=$(sql "$1" 'SELECT COUNT(*) FROM app.ledger WHERE writer = 1' || echo 0)
    ((n >= $(acked))) || { echo "# $n of $(acked)"; return 1; }
}

raise() {
    lab_raise "$server" gtid --hosts 4
    # db4 is somebody else's.
    sed -i '/^\[server4\]/,$d' "$conf"
    sed -i '/^\[server2\]/a candidate_master=1' "$conf"
    [[ $server != mysql9 ]] || sed -i '/^\[server default\]/a repl_ssl=0\nrepl_get_public_key=1' "$conf"
}

channels_are_made() {
    forget db4
    case $server in
    mysql9) sql db4 'RESET BINARY LOGS AND GTIDS; SET GLOBAL super_read_only = 0, GLOBAL read_only = 0' ;;
    *) sql db4 'RESET MASTER; SET GLOBAL gtid_domain_id = 4, GLOBAL read_only = 0' ;;
    esac
    sql db4 'CREATE DATABASE legacy; CREATE TABLE legacy.t (n INT PRIMARY KEY)'
    change db2 legacy "$(address db4)"
    forget db3
    change db3 group "$(address db1)"
    within 60 follows db2 legacy db4
    within 60 follows db3 group db1
}

switched() {
    local before
    before=$(settled db2 legacy)
    switch
    that "a switch to the server with a second channel: exit code 0" ends 0
    that "... it takes writes" writes_go_on
    that "... db2 is the master" writable db2
    that "... its second channel is what it was" still "$before"
    that "... and its only one" is "$(channels db2)" 1
    that "... db3 follows by the channel that it had" within 60 follows db3 group db2
    that "... and by no other" is "$(channels db3)" 1
    that "... db1 follows" within 60 follows db1 '' db2
    that "... what comes by the second channel reaches all" legacy_reaches db2 db3 db1
}

switched_back() {
    local before
    switch --new_master_host=db1
    that "a master whose second channel runs: refused" says "also replicates by channel 'legacy' from"
    that "... exit code 1" ends 1
    that "... nothing changed" writable db2
    stop_legacy
    before=$(settled db2 legacy)
    switch --new_master_host=db1
    that "with that channel stopped: exit code 0" ends 0
    that "... it stays stopped where it was" still "$before"
    that "... db2 follows db1" within 60 follows db2 '' db1
    start_legacy
    that "... and goes on when it is started" legacy_reaches db2
}

failed_over() {
    local before manager
    on_manager masterha_manager --conf="$PWD/$conf" --ignore_last_failover >"$out" 2>&1 &
    manager=$!
    within 60 says "until MySQL doesn't respond" || true
    before=$(settled db2 legacy)
    ctl kill db1
    code=0
    wait "$manager" || code=$?
    that "a failover to the server with a second channel: exit code 0" ends 0
    that "... it takes writes" writes_go_on
    that "... db2 is the master" writable db2
    that "... its second channel is what it was" still "$before"
    that "... and its only one" is "$(channels db2)" 1
    that "... db3 follows by the channel that it had" within 60 follows db3 group db2
    that "... what comes by the second channel reaches it" legacy_reaches db2 db3
}

stop_io_of_group() {
    case $server in
    mysql9) sql db3 "STOP REPLICA IO_THREAD FOR CHANNEL 'group'" ;;
    *) sql db3 "STOP SLAVE 'group' IO_THREAD" ;;
    esac
}

# What only the dead master's disk holds comes by the channel that has a name.
rescued() {
    stop_io_of_group
    that "a tail that nobody received" writes_go_on
    ctl kill db2
    run on_manager masterha_master_switch --conf="$PWD/$conf" --master_state=dead --dead_master_host=db2 \
        --interactive=0 --ignore_last_failover
    that "a failover to the server whose channel has a name: exit code 0" ends 0
    that "... it was given the tail" says "rescue: give db3"
    that "... it takes writes" writes_go_on
    that "... it has no channel any more" is "$(channels db3)" 0
}

raise
# The lab's replicas name their master as the configuration does, or by its address.
by_name=0
[[ $(sql db2 "$([[ $server == mysql9 ]] && echo 'SHOW REPLICA STATUS' || echo 'SHOW SLAVE STATUS')") != *$'\t'db1$'\t'* ]] || by_name=1
legacy=0
channels_are_made || { echo "Bail out! the channels do not run"; exit 1; }
that "the second channel brings rows" legacy_reaches db2
t/lab/ctl --lab "$lab" writer --pause-ms 4 >"$dir/writer.out" 2>&1 &
writer=$!
that "writes go on" writes_go_on
run on_manager masterha_check_repl --conf="$PWD/$conf"
that "the check: exit code 0" ends 0
that "... what the second channel brought is not errant" not says "errant transactions"
switched
switched_back
failed_over
rescued
kill -TERM "$writer" 2>/dev/null || true
wait "$writer" 2>/dev/null || true
that "every acknowledged row is on db3" within 60 has_all_rows db3
tests_done
