#!/usr/bin/env bash
# The binary log reader and extracts against real servers: what a server says of its own logs, and what
# we read in them; relay logs of a replica that was interrupted; a server killed amid its work.
# Usage: t/binlog.t [NAME...], names as t/servers/get knows them (default: $SERVER, or all);
# B=build directory.
# shellcheck disable=SC2317 # functions are called by name
set -eu

cd "$(dirname "$0")/.."
# shellcheck source=t/lib.sh
. t/lib.sh
B=${B:-build}
node=$B/kagemusha-node driver=${BINLOG_DRIVER:-$B/t/binlog/driver}
node=${BINLOG_NODE:-$node}
[[ -x $node && -x $driver ]] || { echo "Bail out! $node or $driver is not built"; exit 1; }
dir=$(mktemp -d "${TMPDIR:-/tmp}/binlog.XXXXXX")
# shellcheck source=t/binlog/servers.sh
. t/binlog/servers.sh
trap 'servers_end; rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM HUP

logs_of() {
    find "$dir/$1" -maxdepth 1 -name "$2.[0-9]*" ! -name '*.idx' | sort
}

# work NAME: all that brings events of every kind about; large rows and every byte value besides.
work() {
    local name=$1
    seq 1 60000 >"$dir/load.txt"
    server_sql "$name" m --force <t/binlog/every.sql 2>/dev/null || true
    {
        sed "s|@LOAD@|$dir/load.txt|" t/binlog/rest.sql
        echo "INSERT INTO t (v,b) VALUES (6,REPEAT('z',22000000));"
        printf 'INSERT INTO t (v,b) VALUES (7,0x%s);\n' "$(printf '%02x' {0..255})"
        case $name in
        mariadb*)
            echo "SET GLOBAL log_bin_compress=1; INSERT INTO t (v,b) VALUES (8,REPEAT('q',9000));"
            echo "SET SESSION binlog_format=STATEMENT;"
            echo "INSERT INTO t (v,b) VALUES (8,'$(printf 'x%.0s' {1..900})');"
            echo "SET SESSION binlog_format=ROW; SET GLOBAL log_bin_compress=0;"
            echo "SET SESSION gtid_domain_id=7; INSERT INTO t (v) VALUES (9);"
            ;;
        mysql9)
            echo "SET SESSION binlog_transaction_compression=ON;"
            echo "INSERT INTO t (v,b) VALUES (8,REPEAT('q',9000));"
            echo "SET SESSION binlog_transaction_compression=OFF, SESSION binlog_rows_query_log_events=1;"
            echo "SET gtid_next='AUTOMATIC:nightly'; INSERT INTO t (v) VALUES (9);"
            ;;
        mysql56) echo "SET SESSION binlog_rows_query_log_events=1; DELETE FROM t WHERE v=7;" ;;
        esac
    } | server_sql "$name" m --force 2>/dev/null || true
    printf '%s\n' "SET GLOBAL binlog_checksum=NONE;" "INSERT INTO w.t (v) VALUES (10);" \
        "SET GLOBAL binlog_checksum=CRC32;" "INSERT INTO w.t (v) VALUES (13);" |
        server_sql "$name" m
}

# Places and types as the server tells them. Of a compressed transaction it also shows what is inside.
servers_events() {
    echo "SHOW BINLOG EVENTS IN '${2##*/}'" | server_sql "$1" m 2>/dev/null |
        awk -F'\t' '!seen[$2]++ {print $2}' | sort -n
}

our_events() {
    "$node" binlog --events "$1" | awk '$2 ~ /^[0-9]+$/ && $1 ~ /^[0-9]+$/ {print $1}' | sort -n
}

# MariaDB writes checkpoints into its last log when it comes to it, also between the two looks.
same_places() {
    local i
    for ((i = 0; i < 20; i++)); do
        our_events "$2" >"$dir/ours"
        servers_events "$1" "$2" >"$dir/theirs"
        ! cmp -s "$dir/ours" "$dir/theirs" || return 0
        sleep 0.2
    done
    echo "# ${2##*/}: the server tells of other places"
    diff "$dir/ours" "$dir/theirs" | head -n 5 | sed 's/^/# /'
    return 1
}

same_events() {
    local log
    while read -r log; do
        same_places "$1" "$log" || return 1
    done < <(logs_of "$1-m" mbin)
}

all_clean() {
    local log
    while read -r log; do
        "$node" binlog --events "$log" >"$dir/events" || { tail -n 1 "$dir/events"; return 1; }
    done < <(logs_of "$1" "$2")
}

# What the server says it has written.
servers_gtids() {
    case $1 in
    mysql9) echo "SELECT REPLACE(@@GLOBAL.gtid_executed, CHAR(10), '')" ;;
    *) echo "SELECT @@GLOBAL.gtid_binlog_pos" ;;
    esac | server_sql "$1" m --raw | tr -d '\n'
}

# after NAME KIND PLACE
after() {
    local role=m prefix=mbin logs
    [[ $2 != relay-logs ]] || role=s prefix=relay
    mapfile -t logs < <(logs_of "$1-$role" "$prefix")
    "$driver" "$2" "$3" "${logs[@]}"
}

follow() {
    local name=$1 port
    port=$(<"$dir/$name-m.port")
    if [[ $name == mysql9 ]]; then
        echo "CREATE USER r@'127.0.0.1' IDENTIFIED BY 'r'; GRANT REPLICATION SLAVE ON *.* TO r@'127.0.0.1'" |
            server_sql "$name" m
        echo "CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.0.1', SOURCE_PORT=$port, SOURCE_USER='r', \
            SOURCE_PASSWORD='r', SOURCE_LOG_FILE='mbin.000001', SOURCE_LOG_POS=4, \
            SOURCE_AUTO_POSITION=0, GET_SOURCE_PUBLIC_KEY=1, SOURCE_CONNECT_RETRY=1"
    else
        echo "GRANT ALL ON *.* TO r@'127.0.0.1' IDENTIFIED BY 'r'" | server_sql "$name" m
        echo "CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT=$port, MASTER_USER='r', \
            MASTER_PASSWORD='r', MASTER_LOG_FILE='mbin.000001', MASTER_LOG_POS=4, MASTER_CONNECT_RETRY=1"
    fi | server_sql "$name" s
}

replica_words() {
    [[ $1 == mysql9 ]] && echo "REPLICA" || echo "SLAVE"
}

# The replica has received all: its read position is the master's.
has_received() {
    local name=$1 want have word
    word=$(replica_words "$name")
    case $name in
    mysql9) want=$(echo "SHOW BINARY LOG STATUS" | server_sql "$name" m) ;;
    *) want=$(echo "SHOW MASTER STATUS" | server_sql "$name" m) ;;
    esac
    want=$(awk -F'\t' '{print $1 ":" $2}' <<<"$want")
    have=$(echo "SHOW $word STATUS" | server_sql "$name" s --column-names --vertical |
        awk '$1 ~ /^(Master|Source)_Log_File:$/ {f = $2} $1 ~ /^Read_(Master|Source)_Log_Pos:$/ {print f ":" $2}')
    [[ -n $have && $have == "$want" ]]
}

# IO thread stopped and started, relay logs rotated, amid a stream of transactions.
interrupt() {
    local name=$1 word i
    word=$(replica_words "$name")
    echo "START $word IO_THREAD" | server_sql "$name" s
    for i in 1 2 3 4 5 6; do
        echo "INSERT INTO w.t (v,b) VALUES ($i, REPEAT('r',400000)); INSERT INTO w.t (v) VALUES (1),(2);" |
            server_sql "$name" m
        echo "STOP $word IO_THREAD; FLUSH LOCAL RELAY LOGS; START $word IO_THREAD" | server_sql "$name" s
        [[ $i != 3 ]] || echo "FLUSH LOCAL BINARY LOGS" | server_sql "$name" m
    done
    for ((i = 0; i < 600; i++)); do
        has_received "$name" && return 0
        sleep 0.1
    done
    echo "SHOW $word STATUS" | server_sql "$name" s --column-names --vertical |
        sed -n 's/^ *\([A-Za-z]*_IO_[A-Z].*\|Read_.*\)/# \1/p'
    return 1
}

# At the end of every fifth transaction of the master: the same transactions follow in both.
relay_is_master() {
    local name=$1 log places=0 place a b first=1,3-4
    # MariaDB's IO thread unpacks what was compressed; elsewhere the bytes are the same too.
    [[ $name == mariadb* ]] || first=1-5
    while read -r log; do
        while read -r place; do
            a=$(after "$name" binlogs "${log##*/}:$place" | cut -d' ' -f"$first")
            b=$(after "$name" relay-logs "${log##*/}:$place" | cut -d' ' -f"$first")
            if [[ $a != "$b" ]]; then
                echo "# after ${log##*/}:$place: $a; in the relay logs: $b"
                return 1
            fi
            places=$((places + 1))
        done < <("$node" binlog --events "$log" | awk '$4 ~ /closes|whole/ && ++n % 5 == 1 {print $2}')
    done < <(logs_of "$name-m" mbin)
    ((places > 10))
}

# kill -9 amid large transactions. What recovery makes of the log is what we said of it.
kill_amid() {
    local name=$1 i writer=() before after_it
    for i in 1 2; do
        (
            echo "SET SESSION binlog_format=ROW;"
            while :; do
                echo "INSERT INTO w.t (v,b) VALUES ($i, REPEAT('k', 5000000));"
            done 2>/dev/null
        ) | server_sql "$name" m >/dev/null 2>&1 &
        writer+=($!)
    done
    sleep "0.$((RANDOM % 5 + 5))"
    server_end "$name" m KILL
    wait "${writer[@]}" 2>/dev/null || true
    local logs
    mapfile -t logs < <(logs_of "$name-m" mbin)
    before=$("$node" binlog --summary "${logs[@]}" || true)
    echo "# ${before:0:700}"
    after_it=$("$driver" binlogs "$(basename "${logs[0]}"):4" "${logs[@]}")
    server_start "$name" m 71 >/dev/null
    if [[ $name == mysql56 ]]; then
        [[ $after_it != refused* ]]
    else
        [[ $(tail -c +2 <<<" $(servers_gtids "$name")") == "$(cut -d' ' -f6 <<<"$after_it")" ]] ||
            { echo "# the server: $(servers_gtids "$name"); we: $after_it"; return 1; }
    fi
}

one_server() {
    local name=$1 first_gtids
    if ! server_start "$name" m 71 || ! server_start "$name" s 72; then
        that "$name: starts" false
        return
    fi
    work "$name"
    follow "$name"
    that "$name: all its logs end clean" all_clean "$name-m" mbin
    that "$name: events lie where the server says" same_events "$name"
    that "$name: a replica, interrupted again and again" interrupt "$name"
    echo "STOP $(replica_words "$name") IO_THREAD" | server_sql "$name" s
    that "$name: its relay logs end clean" all_clean "$name-s" relay
    that "$name: and hold what the master's logs hold" relay_is_master "$name"
    if [[ $name != mysql56 ]]; then
        first_gtids=$(after "$name" binlogs mbin.000001:4 | cut -d' ' -f6)
        that "$name: the GTIDs are the server's" is "$first_gtids" "$(servers_gtids "$name")"
        that "$name: nothing lies outside of them" is "$(after "$name" binlogs "$first_gtids" | cut -d' ' -f1)" 0
    fi
    that "$name: killed amid its work" kill_amid "$name"
    that "$name: and once more" kill_amid "$name"
    servers_end
}

names=("$@")
((${#names[@]} > 0)) || read -ra names <<<"${SERVER:-mariadb mariadb11 mysql9 mysql56}"
for name in "${names[@]}"; do
    rc=0
    t/servers/get "$name" >/dev/null 2>"$dir/get" || rc=$?
    if ((rc == 77)); then
        skip "$name" "$(tail -n 1 "$dir/get")"
    elif ((rc > 0)); then
        that "$name: $(tail -n 1 "$dir/get")" false
    else
        one_server "$name"
    fi
done
tests_done
