#!/usr/bin/env bash
# The vault on real servers: what a replica has received is there after a restart with
# relay_log_recovery, a RESET and a CHANGE, and can be replayed, although the master is dead.
# Usage: t/vault.t [SERVER [MODE]], or SERVER, MODE, B in the environment.
# shellcheck disable=SC2317 # functions are called by name
set -eu

cd "$(dirname "$0")/.."
# shellcheck source=t/lib.sh
. t/lib.sh
B=$(readlink -f "${B:-build}")
server=${1:-${SERVER:-mariadb}} mode=${2:-${MODE:-position}}
node=$B/kagemusha-node
dir=$(mktemp -d "${TMPDIR:-/var/tmp}/vault.XXXXXX")
out=$dir/out
# shellcheck source=t/binlog/servers.sh
. t/binlog/servers.sh
agent=0 serving=

clean() {
    [[ -z $serving ]] || kill "$serving" 2>/dev/null || true
    ((agent == 0)) || kill "$agent" 2>/dev/null || true
    servers_end
    rm -rf "$dir" "/dev/shm/vault-test-$$"
}
trap clean EXIT
trap 'exit 1' INT TERM HUP

has() {
    [[ $1 == *"$2"* ]] || {
        printf 'got:  %s\nlacks: %s\n' "$1" "$2"
        return 1
    }
}

# The agent, as a manager has it: lines in, lines out.
agent_start() {
    rm -f "$dir/in"
    mkfifo "$dir/in"
    "$node" agent --silence-ms=600000 <"$dir/in" >"$dir/lines" 2>/dev/null &
    agent=$!
    exec 8>"$dir/in"
}

agent_end() {
    exec 8>&-
    kill "$agent" 2>/dev/null || true
    wait "$agent" 2>/dev/null || true
    agent=0
}

# ask OP MEMBERS: prints the reply. Asked in subshells, which could not count for each other: the time
# tells requests apart.
ask() {
    local id=${EPOCHREALTIME/[.,]/}
    echo "{\"id\":$id,\"op\":\"$1\",$2}" >&8
    within 60 grep -q "\"id\":${id}[,}]" "$dir/lines"
    grep "\"id\":${id}[,}]" "$dir/lines"
}

words() {
    if [[ $server == mysql9 ]]; then
        echo "$1"
    else
        sed 's/REPLICATION SOURCE/MASTER/g; s/REPLICA/SLAVE/g; s/SOURCE/MASTER/g' <<<"$1"
    fi
}

m() {
    echo "$1" | server_sql "$server" m
}

r() {
    words "$1" | server_sql "$server" r
}

status() {
    words "SHOW REPLICA STATUS" | server_sql "$server" r --column-names --vertical |
        awk -F': ' -v key="$1" '{gsub(/^ +/, "", $1); gsub(/Source/, "Master", $1)} $1 == key {print $2; exit}'
}

options() {
    if [[ $mode == gtid && $server == mysql56 ]]; then
        echo "--gtid-mode=ON --enforce-gtid-consistency=ON"
    fi
}

# shellcheck disable=SC2046 # options are words
begin() {
    server_start "$server" m 81 $(options)
    server_start "$server" r 82 $(options)
    if [[ $server == mysql9 ]]; then
        m "CREATE USER r@'127.0.0.1' IDENTIFIED BY 'r'; GRANT REPLICATION SLAVE ON *.* TO r@'127.0.0.1'"
    else
        m "GRANT ALL ON *.* TO r@'127.0.0.1' IDENTIFIED BY 'r'"
    fi
    m "CREATE DATABASE app; CREATE TABLE app.t (id INT PRIMARY KEY, v VARCHAR(200))"
    r "CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.0.1', SOURCE_PORT=$(<"$dir/$server-m.port"), \
        SOURCE_USER='r', SOURCE_PASSWORD='r', SOURCE_CONNECT_RETRY=1$(from "mbin.000001" 4)$(tls 1)"
    r "START REPLICA"
}

tls() {
    [[ $server != mysql9 ]] || echo ", GET_SOURCE_PUBLIC_KEY=$1"
}

from() {
    case $mode-$server in
    position-mysql9) echo ", SOURCE_AUTO_POSITION=0, SOURCE_LOG_FILE='$1', SOURCE_LOG_POS=$2" ;;
    position-*) echo ", SOURCE_LOG_FILE='$1', SOURCE_LOG_POS=$2" ;;
    gtid-mysql*) echo ", SOURCE_AUTO_POSITION=1" ;;
    *) echo ", MASTER_USE_GTID=slave_pos" ;;
    esac
}

# rows FIRST LAST: each a transaction of its own.
rows() {
    local i
    for ((i = $1; i <= $2; i++)); do
        echo "INSERT INTO app.t VALUES ($i, REPEAT('v', 150));"
    done | server_sql "$server" m
}

masters_end() {
    local word="SHOW MASTER STATUS"
    [[ $server != mysql9 ]] || word="SHOW BINARY LOG STATUS"
    m "$word" | awk -F'\t' '{print $1 ":" $2}'
}

has_received() {
    [[ "$(status Master_Log_File):$(status Read_Master_Log_Pos)" == "$(masters_end)" ]]
}

has_applied() {
    [[ "$(status Relay_Master_Log_File):$(status Exec_Master_Log_Pos)" == "$(masters_end)" ]]
}

executed() {
    case $mode-$server in
    gtid-mysql*) r "SELECT REPLACE(@@GLOBAL.gtid_executed, CHAR(10), '')" --raw | sed 's/\\n//g' ;;
    *-mariadb*) r "SELECT @@GLOBAL.gtid_slave_pos" ;;
    esac
}

instance="\"port\":PORT,\"ip\":\"127.0.0.1\""

hold() {
    ask vault_hold "$instance,\"datadir\":\"$dir/$server-r\",\"relay_log\":\"$dir/$server-r/relay\",\"dir\":\"$dir\"${1:+,$1}"
}

# What a manager tells from SHOW REPLICA STATUS.
tell() {
    ask vault_applied "$instance,\"source_id\":$(status Master_Server_Id),\"executed\":\"$(executed)\",\
\"exec_file\":\"$(status Relay_Master_Log_File)\",\"exec_pos\":$(status Exec_Master_Log_Pos),\
\"relay_file\":\"$(status Relay_Log_File)\",\"relay_pos\":$(status Relay_Log_Pos)" >/dev/null
}

state() {
    ask vault_state "$instance"
}

holds_files() {
    tell
    [[ $(state) == *"\"files\":$1,"* ]]
}

links() {
    find "$dir/links" -type f | wc -l
}

live() {
    find "$dir/$server-r" -maxdepth 1 -name 'relay.[0-9]*' | wc -l
}

# The members of a request for what the replica has not applied.
lacks() {
    if [[ $mode == gtid ]]; then
        echo "\"have\":\"$(executed)\""
    else
        echo "\"after_file\":\"$(status Relay_Master_Log_File)\",\"after_pos\":$(status Exec_Master_Log_Pos)"
    fi
}

from_vault() {
    echo "\"kind\":\"vault\",\"dir\":\"$dir\",$instance,\"source_id\":81,$(lacks)"
}

vault_has() {
    local reply
    reply=$(ask tail "$(from_vault)")
    has "$reply" "\"transactions\":$1,"
}

applied_rows() {
    r "SELECT COUNT(*) FROM app.t"
}

# Through the two programs of the node, as a manager does it.
replay() {
    local port password uuid='' gtid_mode=''
    if [[ $server == mysql* ]]; then
        uuid=$(status Master_UUID)
        gtid_mode=$(r "SELECT @@GLOBAL.gtid_mode")
    fi
    rm -f "$dir/ask"
    mkfifo "$dir/ask"
    "$B/t/replay/serve" "$node" "{$(from_vault)}" "{\"server_id\":81,\"uuid\":\"$uuid\",\
\"gtid_mode\":\"$gtid_mode\",\"dir\":\"$dir\",\"replica_server_id\":82,\
\"sha2\":$([[ $server == mysql9 ]] && echo true || echo false),$(lacks)}" <"$dir/ask" >"$dir/serve" 2>&1 &
    serving=$!
    exec 7>"$dir/ask"
    within 60 grep -qE '^(port|refused|failed)' "$dir/serve"
    read -r port password < <(awk '$1 == "port" {print $2, $4}' "$dir/serve")
    [[ -n $port ]] || return 1
    r "CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.0.1', SOURCE_PORT=$port, SOURCE_USER='any', \
        SOURCE_PASSWORD='$password', SOURCE_CONNECT_RETRY=1$(from "$(status Relay_Master_Log_File)" \
        "$(status Exec_Master_Log_Pos)")$(tls 0)$([[ $server != mysql9 ]] || echo ', SOURCE_SSL=0')"
    r "START REPLICA"
}

replayed() {
    if ! replay || ! within 60 all_rows; then
        cat "$dir/serve"
        status Last_SQL_Error
        status Last_IO_Error
        return 1
    fi
}

all_rows() {
    [[ $(applied_rows) == "$last" ]]
}

hold_all() {
    local reply
    reply=$(hold "\"vault_dir\":\"$dir/links\"")
    has "$reply" '"ok":true' && within 60 is_ready
}

is_ready() {
    [[ $(state) == *'"ready":true'* ]]
}

another_file_system() {
    mkdir "/dev/shm/vault-test-$$"
    hold "\"vault_dir\":\"/dev/shm/vault-test-$$\"" >/dev/null
    within 60 grep -q "not on the file system" "$dir/lines"
}

all_linked() {
    (($(links) >= 4))
}

# The file that is being written is never judged.
all_judged() {
    tell
    [[ $(state) =~ \"unapplied\":[01], ]]
}

over_cap() {
    hold "\"vault_dir\":\"$dir/links\",\"cap_bytes\":1" >/dev/null
    within 60 is_over_cap
}

is_over_cap() {
    [[ $(state) == *'"state":"over-cap"'* ]]
}

only_live() {
    (($(links) <= $(live)))
}

forget() {
    ask vault_forget "$instance" >/dev/null
    within 60 only_live
}

# SQL thread stopped, three relay logs with twenty rows each behind it.
receive_only() {
    local i
    r "STOP REPLICA SQL_THREAD"
    for i in 1 2 3; do
        rows $((last + 1)) $((last + 20))
        last=$((last + 20))
        within 60 has_received || return 1
        words "FLUSH LOCAL RELAY LOGS" | server_sql "$server" r
    done
}

dead_master_restarted_replica() {
    server_end "$server" r KILL
    server_end "$server" m KILL
    # shellcheck disable=SC2046 # options are words
    server_start "$server" r 82 --relay-log-recovery=1 $(options)
    r "START REPLICA"
}

if [[ ! -x build/servers/$server/bin/mysqld ]] && ! t/servers/get "$server" >"$dir/get" 2>&1; then
    echo "1..0 # SKIP $(tail -n 1 "$dir/get")"
    exit 0
fi
last=30
begin
instance=${instance/PORT/$(<"$dir/$server-r.port")}
rows 1 "$last"
within 60 has_applied
agent_start
heard "a directory for links inside of the data directory is refused" \
    has "$(hold "\"vault_dir\":\"$dir/$server-r/v/w\"")" 'would become a schema'
heard "and is not made" test ! -e "$dir/$server-r/v"
heard "one on another file system is told of" another_file_system
heard "the vault holds what is there" hold_all
heard "what was applied before is known after a word" within 60 holds_files "$(live)"
heard "a replica receives, and does not apply" receive_only
tell
heard "all its relay logs are held" within 60 all_linked
heard "what it has received can be read" vault_has 60
dead_master_restarted_replica
tell
heard "after a restart with relay_log_recovery too, though the master is dead" \
    vault_has 60
r "STOP REPLICA"
exec_file=$(status Relay_Master_Log_File) exec_pos=$(status Exec_Master_Log_Pos)
r "CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.0.1', SOURCE_PORT=1$(from "$exec_file" "$exec_pos")"
tell
heard "after a CHANGE too" vault_has 60
heard "what is not applied stays, whatever the cap is" over_cap
heard "and can be read" vault_has 60
heard "this is an event" has "$(grep '"event":"vault"' "$dir/lines")" over-cap
agent_end
agent_start
heard "another agent takes over by the links" hold_all
heard "and has all" vault_has 60
heard "the replica gets from there what it had received" replayed
kill "$serving" 2>/dev/null || true
heard "all of it is known to be applied" within 60 all_judged
heard "and let go on demand" forget
tests_done
