#!/usr/bin/env bash
# apply_diff_relay_logs on real servers: what a replica lacks is found in the relay logs of another, written to a file,
# and applied with the rest out of the dead master's binlog. In file+position mode.
# Usage: t/apply.t [SERVER], or SERVER, B in the environment.
# shellcheck disable=SC2317 # functions are called by name
set -eu

cd "$(dirname "$0")/.."
# shellcheck source=t/tool.sh
. t/tool.sh
tool_begin apply "$@"

# on ROLE SQL, in MySQL 9's words
on() {
    if [[ $server == mysql9 ]]; then
        echo "$2"
    else
        sed 's/REPLICATION SOURCE/MASTER/g; s/REPLICA/SLAVE/g; s/SOURCE/MASTER/g' <<<"$2"
    fi | server_sql "$server" "$1" "${@:3}"
}

status() {
    on "$1" "SHOW REPLICA STATUS" --column-names --vertical |
        awk -F': ' -v key="$2" '{gsub(/^ +/, "", $1); gsub(/Source/, "Master", $1); gsub(/Replica/, "Slave", $1)}
            $1 == key {print $2; exit}'
}

received() {
    echo "$(status "$1" Master_Log_File):$(status "$1" Read_Master_Log_Pos)"
}

executed() {
    echo "$(status "$1" Relay_Master_Log_File):$(status "$1" Exec_Master_Log_Pos)"
}

masters_end() {
    local word="SHOW MASTER STATUS"
    [[ $server != mysql9 ]] || word="SHOW BINARY LOG STATUS"
    on m "$word" | awk -F'\t' '{print $1 ":" $2}'
}

# MariaDB notes in a new binlog, some time later, that the one before is not needed any more.
is_settled() {
    local end
    end=$(masters_end)
    [[ $server != mariadb* ]] || on m "SHOW BINLOG EVENTS IN '${end%:*}'" | grep -q "Binlog_checkpoint.*${end%:*}"
}

waits_for_lock() {
    on s "SHOW PROCESSLIST" | grep -qE 'Waiting for table (metadata|level) lock'
}

is_locked() {
    on s "SHOW PROCESSLIST" | grep -qF 'DO SLEEP'
}

has_received() {
    [[ $(received "$1") == "$(masters_end)" ]]
}

is_at_end() {
    [[ $(executed "$1") == "$(masters_end)" ]]
}

rows() {
    on "$1" "SELECT COUNT(*), SUM(CRC32(CONCAT(id, v))) FROM app.t" | tr '\t' ' '
}

same_rows() {
    [[ $(rows m) == "$(rows "$1")" ]]
}

start_role() {
    server_start "$server" "$1" "$2" --relay-log-purge=0 --log-slave-updates=1
    if [[ $server == mysql9 ]]; then
        on "$1" "CREATE USER r@'127.0.0.1' IDENTIFIED BY 'r'; GRANT REPLICATION SLAVE ON *.* TO r@'127.0.0.1';
            CREATE USER p@'127.0.0.1' IDENTIFIED BY 'pw'; GRANT ALL ON *.* TO p@'127.0.0.1'"
    else
        on "$1" "GRANT ALL ON *.* TO r@'127.0.0.1' IDENTIFIED BY 'r';
            GRANT ALL ON *.* TO p@'127.0.0.1' IDENTIFIED BY 'pw'"
    fi
}

port() {
    cat "$dir/$server-$1.port"
}

follow() {
    local end
    end=$(masters_end)
    on "$1" "CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.0.1', SOURCE_PORT=$(port m), SOURCE_USER='r',
        SOURCE_PASSWORD='r', SOURCE_CONNECT_RETRY=1, SOURCE_LOG_FILE='${end%:*}', SOURCE_LOG_POS=${end#*:}$(
        [[ $server != mysql9 ]] || echo ', SOURCE_AUTO_POSITION=0, GET_SOURCE_PUBLIC_KEY=1'
    ); START REPLICA"
}

tool() {
    "$B/apply_diff_relay_logs" "$@"
}

# diff_for COMMAND ROLE OPTION...: out of r's relay logs, what the role has not executed.
diff_for() {
    local at
    at=$(executed "$2")
    tool "--command=$1" "--relay_dir=$dir/$server-r" "--current_relay_log=$(status r Relay_Log_File)" \
        "--latest_mlf=$(status r Master_Log_File)" "--latest_rmlp=$(status r Read_Master_Log_Pos)" \
        "--target_mlf=${at%:*}" "--target_rmlp=${at#*:}" --manager_version=0.58 --server_id=92 "${@:3}"
}

# save FROM TO-FILE: out of the master's binlogs.
save() {
    "$B/save_binary_logs" --command=save "--start_file=${1%:*}" "--start_pos=${1#*:}" "--binlog_dir=$dir/$server-m" \
        "--output_file=$2"
}

apply() {
    local IFS=,
    tool --command=apply --slave_user=p --slave_pass=pw "--slave_port=$(port s)" "--workdir=$dir" "--apply_files=$*"
}

# Every setting of the replica that a CHANGE could touch, but for where it stands.
settings() {
    status "$1" Master_Host
    status "$1" Master_Port
    status "$1" Master_User
    status "$1" Connect_Retry
    status "$1" Slave_IO_Running
    status "$1" Slave_SQL_Running
    on "$1" "SELECT @@GLOBAL.relay_log_purge"
}

unchanged() {
    settings s | diff "$dir/settings" -
}

# A border of events inside of the last transaction of a file.
amid() {
    "$B/kagemusha-node" binlog --events "$1" | awk '/ opens / {opens = NR} {at[NR] = $1} END {print at[opens + 4]}'
}

# The rows that only the master has, in one transaction of many events.
many_rows() {
    on m "BEGIN; $(for i in {1..40}; do echo "INSERT INTO app.t VALUES ($1 * 1000 + $i, REPEAT('x', 900));"; done) COMMIT"
}

start_role m 91
start_role r 92
start_role s 93
follow r
follow s
on m "CREATE DATABASE app; CREATE TABLE app.t (id INT PRIMARY KEY, v TEXT); INSERT INTO app.t VALUES (1, 'one')"
within 60 is_at_end s

that "it tells MHA's version" 0 "apply_diff_relay_logs version 0.58." tool --version
that "test passes" 0 "privileges.. done." tool --command=test --slave_user=p --slave_pass=pw "--slave_port=$(port s)" \
    "--relay_dir=$dir/$server-s" "--current_relay_log=$(status s Relay_Log_File)"
that "a wrong password is an error" 1 "apply_diff_relay_logs:" tool --command=test --slave_user=p --slave_pass=no \
    "--slave_port=$(port s)" "--relay_dir=$dir/$server-s" "--current_relay_log=$(status s Relay_Log_File)"
that "the server of another host is refused" 1 "not this host" tool --command=apply --slave_host=192.0.2.1 \
    --apply_files=/nowhere
that "nothing to generate for one that has all" 0 "Target slave has received all relay logs." \
    diff_for generate s "--diff_file_readtolatest=$dir/none"
that "and no file is written" 2 "No such file" ls "$dir/none"

# s stays behind first, over a change of binlogs; then r; the last rows are on the master alone.
on s "STOP REPLICA IO_THREAD"
on m "INSERT INTO app.t VALUES (2, 'two'); FLUSH LOGS; INSERT INTO app.t VALUES (3, 'three')"
many_rows 4
within 60 is_at_end r
on r "STOP REPLICA IO_THREAD"
on m "INSERT INTO app.t VALUES (5, 'five'); FLUSH LOGS"
within 20 is_settled
on m "INSERT INTO app.t VALUES (6, 'six')"
settings s >"$dir/settings"

that "the relay logs reach back far enough" 0 "Target relay log FOUND!" diff_for find s
that "not to the binlog's beginning" 1 "what there is begins at" tool --command=find "--relay_dir=$dir/$server-r" \
    "--current_relay_log=$(status r Relay_Log_File)" --target_mlf=mbin.000001 --target_rmlp=4
that "the difference is generated" 0 "Concat succeeded" diff_for generate s "--diff_file_readtolatest=$dir/diff"
that "the master's rest is saved" 0 "Concat succeeded" save "$(received r)" "$dir/saved"
that "files that do not join the replica are refused" 1 "does not join" apply "$dir/saved"
that "... and nothing is changed" 0 "" unchanged
that "both are applied" 0 "Applying log files succeeded." apply "$dir/diff" "$dir/saved"
that "... all rows are there" 0 "" same_rows s
that "... it stands at the master's end" 0 "" is_at_end s
that "... and all settings are as before" 0 "" unchanged
that "a second time is refused" 1 "does not join" apply "$dir/diff" "$dir/saved"

# A transaction that begins in one file and ends in the next, as when an IO thread is cut off.
from=$(executed s)
many_rows 7
save "$from" "$dir/whole" >/dev/null
end=$(masters_end)
border=$(amid "$dir/$server-m/${end%:*}")
save "${end%:*}:$border" "$dir/second" >/dev/null
head -c "$(amid "$dir/whole")" "$dir/whole" >"$dir/first"
that "half of a transaction is left out" 0 "has no end and is left out" apply "$dir/first"
that "... and nothing is changed" 0 "" unchanged
that "both halves are applied" 0 "Applying log files succeeded." apply "$dir/first" "$dir/second"
that "... all rows are there" 0 "" same_rows s

# What the replica has received itself and not executed.
on s "STOP REPLICA; START REPLICA"
within 60 is_at_end s
on s "STOP REPLICA SQL_THREAD"
on m "INSERT INTO app.t VALUES (8, 'eight')"
within 60 has_received s
on s "STOP REPLICA IO_THREAD"
from=$(executed s)
relay_log=$(status s Relay_Log_File) relay_pos=$(status s Relay_Log_Pos)
on m "INSERT INTO app.t VALUES (9, 'nine')"
settings s >"$dir/settings"
"$B/save_binary_logs" --command=save "--start_file=$relay_log" "--start_pos=$relay_pos" \
    "--binlog_dir=$dir/$server-s" "--output_file=$dir/own" >/dev/null
save "$(received s)" "$dir/rest" >/dev/null
head -c -1 "$dir/own" >"$dir/short"
that "files that leave out what it has received are refused" 1 "the replica has received all up to" apply "$dir/short"
that "its own unexecuted rest and the master's" 0 "Applying log files succeeded." apply "$dir/own" "$dir/rest"
that "... all rows are there" 0 "" same_rows s
that "... and all settings are as before" 0 "" unchanged

# What another session holds up: the password is not on the command line meanwhile, and a signal ends it.
from=$(executed s)
on m "INSERT INTO app.t VALUES (11, 'eleven')"
save "$from" "$dir/held" >/dev/null
on s "LOCK TABLES app.t READ; DO SLEEP(8)" &
within 5 is_locked
: >"$out.held"
"$B/apply_diff_relay_logs" --command=apply --slave_user=p --slave_pass=pw "--slave_port=$(port s)" "--workdir=$dir" \
    "--apply_files=$dir/held" >"$out.held" 2>&1 &
held=$!
within 5 grep -q 'up to mbin' "$out.held"
that "the password is blanked" 0 "--slave_pass=xx" tr '\0' ' ' <"/proc/$held/cmdline"
within 5 waits_for_lock
kill -TERM "$held"
rc=0
wait "$held" || rc=$?
that "a signal ends it" 0 "" test "$rc" = 1
that "... with a sentence" 0 "interrupted" cat "$out.held"
wait
that "... and all settings are as before" 0 "" unchanged
on s "START REPLICA"
within 60 is_at_end s
that "... and nothing is lost" 0 "" same_rows s
on s "STOP REPLICA IO_THREAD"
settings s >"$dir/settings"

# A row that the replica has already.
from=$(executed s)
on s "INSERT INTO app.t VALUES (10, 'ten')"
on m "INSERT INTO app.t VALUES (10, 'ten')"
save "$from" "$dir/conflict" >/dev/null
that "a conflict ends with MHA's exit code" 22 "error 1062" apply "$dir/conflict"
that "... and the replica is the dead master's again" 0 "$(port m)" status s Master_Port
on s "DELETE FROM app.t WHERE id = 10; START REPLICA"
that "... which goes on where it stopped" 0 "" within 60 is_at_end s
that "... with all rows" 0 "" same_rows s
tests_done
