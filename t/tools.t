#!/usr/bin/env bash
# MHA's programs for database hosts on real servers: save_binary_logs, filter_mysqlbinlog,
# purge_relay_logs, with MHA's options, output and exit codes.
# Usage: t/tools.t [SERVER], or SERVER, B in the environment.
# shellcheck disable=SC2317 # functions are called by name
set -eu

cd "$(dirname "$0")/.."
# shellcheck source=t/tool.sh
. t/tool.sh
tool_begin tools "$@"

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

begin() {
    server_start "$server" m 91
    server_start "$server" r 92 --relay-log-purge=0
    if [[ $server == mysql9 ]]; then
        m "CREATE USER r@'127.0.0.1' IDENTIFIED BY 'r'; GRANT REPLICATION SLAVE ON *.* TO r@'127.0.0.1'"
        r "CREATE USER p@'127.0.0.1' IDENTIFIED BY 'pw'; GRANT ALL ON *.* TO p@'127.0.0.1'"
    else
        m "GRANT ALL ON *.* TO r@'127.0.0.1' IDENTIFIED BY 'r'"
        r "GRANT ALL ON *.* TO p@'127.0.0.1' IDENTIFIED BY 'pw'"
    fi
    m "CREATE DATABASE app; CREATE TABLE app.t (id INT PRIMARY KEY, v TEXT)"
    r "CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.0.1', SOURCE_PORT=$(<"$dir/$server-m.port"), \
        SOURCE_USER='r', SOURCE_PASSWORD='r', SOURCE_LOG_FILE='mbin.000001', SOURCE_LOG_POS=4\
        $([[ $server != mysql9 ]] || echo ', SOURCE_AUTO_POSITION=0, GET_SOURCE_PUBLIC_KEY=1')"
    r "START REPLICA"
}

save() {
    "$B/save_binary_logs" "--binlog_dir=/nowhere,$dir/$server-m" "$@"
}

transactions() {
    "$B/kagemusha-node" binlog --events "$1" | grep -cE ' (closes|whole) '
}

saved_is_all() {
    local want
    want=$(cat "$dir/$server-m"/mbin.0* | wc -c)
    "$B/kagemusha-node" binlog --events "$dir/saved" >/dev/null &&
        [[ $(transactions "$dir/saved") == "$(for f in "$dir/$server-m"/mbin.0*; do transactions "$f"; done |
            awk '{n += $1} END {print n}')" ]] && (($(wc -c <"$dir/saved") <= want))
}

mysqlbinlog_reads() {
    mariadb-binlog --no-defaults "$dir/saved" >"$dir/text" && grep -q 'End of log file' "$dir/text"
}

filtered() {
    "$B/filter_mysqlbinlog" <"$dir/text" >"$dir/filtered" &&
        ! grep -q '^ROLLBACK' "$dir/filtered" && grep -q '^ROLLBACK' "$dir/text" &&
        [[ $(grep -c 'says ROLLBACK' "$dir/filtered") == "$(grep -c 'says ROLLBACK' "$dir/text")" ]] &&
        (($(grep -c 'says ROLLBACK' "$dir/filtered") > 0))
}

purge() {
    "$B/purge_relay_logs" --user=p --password=pw "--port=$(<"$dir/$server-r.port")" "$@"
}

relay_logs() {
    find "$dir/$server-r" -maxdepth 1 -name 'relay.[0-9]*' | sort
}

# What the SQL thread has not left behind is still there.
keeps_unapplied() {
    local current
    current=$(status Relay_Log_File)
    purge --workdir=/var/tmp
    [[ -e $dir/$server-r/$current ]] && (($(relay_logs | wc -l) >= 4))
}

# MySQL 9 keeps those behind the checkpoint of its workers.
drops_applied() {
    purge --workdir=/var/tmp
    relay_logs
    [[ ! -e $dir/$server-r/relay.000001 ]] && (($(relay_logs | wc -l) <= 4))
}

begin
m "SET binlog_format=STATEMENT; INSERT INTO app.t VALUES (1, 'says ROLLBACK'); FLUSH LOGS;
    INSERT INTO app.t VALUES (2, 'two'); FLUSH LOGS; INSERT INTO app.t VALUES (3, 'three')"
end=$(masters_end)

that "save_binary_logs tells MHA's version" 0 "save_binary_logs version 0.58." "$B/save_binary_logs" --version
that "an unknown option is an error" 1 "nonsense" save --nonsense=1
that "test finds the logs" 0 "Binlog found at $dir/$server-m, up to mbin.000003" \
    save --command=test --binlog_prefix=mbin --start_pos=4 "--output_file=$dir/made/test"
that "and leaves nothing" 2 "No such file" ls "$dir/made/test"
that "test without logs" 1 "Failed to save binary log:" \
    save --command=test --binlog_prefix=nobin --start_pos=4 "--output_file=$dir/made/test"
that "save writes all events" 0 "Concat succeeded" \
    save --command=save --start_file=mbin.000001 --start_pos=4 "--output_file=$dir/saved"
that "of all files" 0 "" saved_is_all
if [[ $server == mariadb ]] && command -v mariadb-binlog >/dev/null; then
    that "mysqlbinlog reads it" 0 "" mysqlbinlog_reads
    that "filter_mysqlbinlog takes out what is no event's" 0 "" filtered
fi
that "nothing behind the end" 10 "Event not exists." \
    save --command=save "--start_file=${end%:*}" "--start_pos=${end#*:}" "--output_file=$dir/none"
that "a place amid an event is an error" 1 "Failed to save binary log:" \
    save --command=save "--start_file=${end%:*}" "--start_pos=$((${end#*:} - 3))" "--output_file=$dir/none"
that "a place that is none" 1 "--start_pos must be a position" \
    save --command=save "--start_file=${end%:*}" --start_pos=-4 "--output_file=$dir/none"
that "one beyond 2 GiB is taken, and is not there" 1 "pos 5000000000" \
    save --command=save "--start_file=${end%:*}" --start_pos=5000000000 "--output_file=$dir/none"
that "a manager that is too old" 1 "0.54" save --command=test --manager_version=0.53 \
    --binlog_prefix=mbin --start_pos=4 "--output_file=$dir/made/test"

within 60 has_applied
r "STOP REPLICA SQL_THREAD"
for i in 4 5 6; do
    m "INSERT INTO app.t VALUES ($i, 'more')"
    within 60 has_received
    r "FLUSH LOCAL RELAY LOGS"
done
that "purge_relay_logs drops nothing that is not applied" 0 \
    "All relay log purging operations succeeded." keeps_unapplied
r "START REPLICA SQL_THREAD"
within 60 has_applied
that "and drops what is" 0 "All relay log purging operations succeeded." drops_applied
that "relay_log_purge is 0 as before" 0 0 r "SELECT @@GLOBAL.relay_log_purge"
that "hard links are made on request, and removed" 0 "Linked $dir/purge-" purge --use_hardlink=1 "--workdir=$dir"
that "all of them" 2 "" ls "$dir"/purge-*
r "SET GLOBAL relay_log_purge=1"
that "where the server purges by itself there is nothing to do" 0 " relay_log_purge is enabled. Exit." purge
that "unless it shall not any more" 0 "succeeded." purge --disable_relay_log_purge
that "the server of another host is refused" 1 "not this host" purge --host=192.0.2.1
that "one that is no replica too" 1 "is not a replica" "$B/purge_relay_logs" --user=root "--socket=$dir/$server-m.sock"
that "a wrong password is an error" 1 "purge_relay_logs:" purge --password=no
tests_done
