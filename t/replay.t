#!/usr/bin/env bash
# The replay server against real servers, without a manager: what a master's log files hold reaches a
# server that never saw the master. t/replay/serve.c stands between the two programs of the node.
# Usage: t/replay.t [SERVER [MODE]], or SERVER, MODE, B in the environment.
# shellcheck disable=SC2317
set -eu

cd "$(dirname "$0")/.."
# shellcheck source=t/lib.sh
. t/lib.sh
B=$(readlink -f "${B:-build}")
server=${1:-${SERVER:-mariadb}} mode=${2:-${MODE:-gtid}}
bin=$PWD/build/servers/$server/bin
dir=$(mktemp -d "${TMPDIR:-/var/tmp}/replay.XXXXXX")
out=$dir/out node=$B/kagemusha-node
declare -A pid port
serving=

clean() {
    local p
    [[ -z $serving ]] || kill -TERM "$serving" 2>/dev/null || true
    for p in "${pid[@]}"; do
        kill -9 "$p" 2>/dev/null || true
    done
    wait 2>/dev/null || true
    rm -rf "$dir"
}
trap clean EXIT
trap 'exit 1' INT TERM HUP

free_port() {
    local p
    while :; do
        p=$((RANDOM % 20000 + 12000))
        (exec 3<>"/dev/tcp/127.0.0.1/$p") 2>/dev/null || break
    done
    echo "$p"
}

# start NAME ID: on the data it has, or on a copy of the template.
start() {
    local data=$dir/$1
    local options=("--datadir=$data" "--socket=$data.sock" "--pid-file=$data.pid"
        --bind-address=127.0.0.1 "--tmpdir=$dir" --user=root "--server-id=$2" --log-bin=mysql-bin
        --relay-log=relay-bin --log-slave-updates --skip-name-resolve --innodb-buffer-pool-size=64M
        --max-connections=40 --sync-binlog=0 --innodb-flush-log-at-trx-commit=2
        --loose-innodb-use-native-aio=0 --max-allowed-packet=64M --slave-net-timeout=8
        "--log-error=$data.log")
    case $server in
    mysql9) options+=(--skip-replica-start --mysqlx=OFF --innodb-redo-log-capacity=64M) ;;
    mysql56)
        options+=(--skip-slave-start --performance-schema=OFF --master-info-repository=TABLE
            --relay-log-info-repository=TABLE --innodb-log-file-size=128M)
        ;;
    *) options+=(--skip-slave-start --innodb-log-file-size=64M --gtid-strict-mode=ON) ;;
    esac
    if [[ $mode == gtid && $server == mysql* ]]; then
        options+=(--gtid-mode=ON --enforce-gtid-consistency=ON)
    fi
    [[ -d $data ]] || cp -a "build/servers/$server/template" "$data"
    [[ -n ${port[$1]-} ]] || port[$1]=$(free_port)
    "$bin/mysqld" --no-defaults "${options[@]}" "--port=${port[$1]}" >"$data.out" 2>&1 7>&- &
    pid[$1]=$!
    within 60 answers "$1"
}

answers() {
    sql "$1" 'SELECT 1' >/dev/null 2>&1
}

kill9() {
    kill -9 "${pid[$1]}"
    wait "${pid[$1]}" 2>/dev/null || true
    unset "pid[$1]"
}

sql() {
    local name=$1
    shift
    "$bin/mysql" --no-defaults -uroot --socket="$dir/$name.sock" --batch --skip-column-names -e "$@"
}

feed() {
    "$bin/mysql" --no-defaults -uroot --socket="$dir/$1.sock" --batch --max-allowed-packet=64M
}

# A fresh server that has seen nothing, under the name.
fresh() {
    [[ -z ${pid[$1]-} ]] || kill9 "$1"
    rm -rf "${dir:?}/$1"
    start "$1" "$2"
    sql "$1" "RESET $([[ $server == mysql9 ]] && echo 'BINARY LOGS AND GTIDS' || echo MASTER)"
}

# The members of a request for all that the master's log holds.
everything() {
    if [[ $mode == gtid ]]; then
        echo '"have":""'
    else
        echo '"after_file":"mysql-bin.000001","after_pos":4'
    fi
}

uuid_of() {
    [[ $server == mysql* ]] || return 0
    sql "$1" 'SELECT @@server_uuid'
}

# serve EXTRACT-MEMBERS [REPLAY-MEMBERS]: sets replay_port, replay_password; $dir/serve has the rest.
serve() {
    local extract ask
    [[ -z $serving ]] || stop_serving
    extract="{\"dirs\":\"$dir/m\",\"prefix\":\"mysql-bin\",$1}"
    ask="{\"server_id\":1,\"uuid\":\"$master_uuid\",\"gtid_mode\":\"$gtid_mode\",\"dir\":\"$dir\",\"replica_server_id\":2"
    ask+=",\"sha2\":$([[ $server == mysql9 ]] && echo true || echo false),${2:-$(everything)}}"
    rm -f "$dir/ask"
    mkfifo "$dir/ask"
    "$B/t/replay/serve" "$node" "$extract" "$ask" <"$dir/ask" >"$dir/serve" 2>&1 &
    serving=$!
    exec 7>"$dir/ask"
    within 60 grep -qE '^(port|refused|failed)' "$dir/serve"
    read -r replay_port replay_password < <(awk '$1 == "port" {print $2, $4}' "$dir/serve")
    [[ -n $replay_port ]]
}

stop_serving() {
    exec 7>&-
    wait "$serving" 2>/dev/null || true
    serving=
}

# follow NAME [OPTIONS]: CHANGE to the replay server, and start.
follow() {
    local p=MASTER_ words='CHANGE MASTER TO' start='START SLAVE' more=''
    if [[ $server == mysql9 ]]; then
        p=SOURCE_ words='CHANGE REPLICATION SOURCE TO' start='START REPLICA'
        more=", SOURCE_SSL=0, GET_SOURCE_PUBLIC_KEY=0"
    fi
    more+=${2:+, $2}
    if [[ $mode == position ]]; then
        more+=", ${p}LOG_FILE='${3:-mysql-bin.000001}', ${p}LOG_POS=${4:-4}"
        [[ $server == mysql* ]] || more+=", MASTER_USE_GTID=no"
    elif [[ $server == mysql* ]]; then
        more+=", ${p}AUTO_POSITION=1"
    else
        more+=", MASTER_USE_GTID=slave_pos"
    fi
    sql "$1" "$words ${p}HOST='127.0.0.1', ${p}PORT=$replay_port, ${p}USER='any', \
        ${p}PASSWORD='$replay_password', ${p}CONNECT_RETRY=1$more; $start"
}

status_of() {
    sql "$1" "SHOW $([[ $server == mysql9 ]] && echo REPLICA || echo SLAVE) STATUS" --vertical --column-names
}

reported() {
    awk '$1 == "report" {$1 = ""; print}' "$dir/serve" | grep -oE "\"$1\":(\\{[^}]*\\}|\"[^\"]*\"|[^,}]*)" | head -n 1 |
        cut -d : -f 2- | tr -d '"'
}

# The replica has applied what the report of the extract promises.
has_all() {
    local end file pos
    if [[ $mode == position ]]; then
        end=$(reported end | tr -d '{}')
        file=${end#*file:} pos=${end#*pos:}
        status_of "$1" >"$dir/status"
        grep -qE "Relay_(Master|Source)_Log_File: ${file%%,*}$" "$dir/status" &&
            grep -qE "Exec_(Master|Source)_Log_Pos: ${pos%%[^0-9]*}$" "$dir/status"
    elif [[ $server == mysql* ]]; then
        is "$(sql "$1" "SELECT GTID_SUBSET('$(reported set)', @@GLOBAL.gtid_executed)")" 1
    else
        is "$(sql "$1" "SELECT @@GLOBAL.gtid_slave_pos")" "$(reported set)"
    fi
}

reaches_all() {
    within "${2:-60}" has_all "$1" || {
        cat "$dir/serve"
        status_of "$1" | grep -E 'Running|Error|Log_(File|Pos)'
        return 1
    }
}

tables() {
    sql "$1" "SELECT CONCAT(table_schema, '.', table_name) FROM information_schema.tables \
        WHERE table_schema = 'app' AND table_type = 'BASE TABLE' ORDER BY 1"
}

sums() {
    local t
    for t in $(tables "$1"); do
        sql "$1" "CHECKSUM TABLE $t"
    done
}

same() {
    is "$(sums "$1")" "$(sums "$2")"
}

begin_master() {
    fresh m 1
    master_uuid=$(uuid_of m)
    gtid_mode=
    [[ $server != mysql* ]] || gtid_mode=$(sql m 'SELECT @@GLOBAL.gtid_mode')
    sql m "CREATE DATABASE app; CREATE TABLE app.t (id INT AUTO_INCREMENT PRIMARY KEY, v VARCHAR(64), b LONGBLOB)"
}

rows() {
    local i
    echo "USE app;"
    for ((i = 0; i < $1; i++)); do
        echo "INSERT INTO t (v) VALUES ('row $i');"
    done
}

# A whole turn: serve what the master's log holds to a server that has nothing.
whole_turn() {
    sums m >"$dir/want"
    fresh r 2
    serve "$(everything)" || { cat "$dir/serve"; return 1; }
    follow r && reaches_all r && is "$(sums r)" "$(<"$dir/want")"
}

# Events around and beyond what one packet holds (16 MiB less one byte).
large() {
    local n
    echo "USE app;"
    for n in 16776900 16777000 16777100 20000000; do
        echo "INSERT INTO t (v, b) VALUES ('large', REPEAT('y', $n));"
    done
}

heartbeats() {
    case $server in
    mysql9) sql r "SELECT SUM(count_received_heartbeats) FROM performance_schema.replication_connection_status" ;;
    *) sql r "SHOW STATUS LIKE 'Slave_received_heartbeats'" | awk '{print $2}' ;;
    esac
}

has_heard() {
    (($(heartbeats) > 0)) && status_of r | grep -qE '_IO_Running: Yes'
}

# The user of the socket at the other end is asked for, and no password.
by_peer() {
    fresh r 2
    serve "$(everything)" "\"any_password\":true,\"peer_uid\":$1,$(everything)" || { cat "$dir/serve"; return 1; }
    follow r
}

let_in() {
    by_peer "$(id -u)" && reaches_all r && same m r
}

kept_out() {
    by_peer 4242
    within 60 is_refused && is "$(tables r)" ""
}

is_refused() {
    echo >&7
    sleep 0.2
    grep -qE '"refused":[1-9]' "$dir/serve"
}

if [[ ! -x $bin/mysqld ]] && ! t/servers/get "$server" >"$dir/get" 2>&1; then
    echo "1..0 # SKIP $(tail -n 1 "$dir/get")"
    exit 0
fi

begin_master
rows 300 | feed m
heard "small transactions" whole_turn
heard "a replica that waits hears heartbeats" within 60 has_heard
large | feed m
heard "events of more than one packet" whole_turn
heard "without a password, the user of the peer" let_in
heard "another user is kept out" kept_out
tests_done
