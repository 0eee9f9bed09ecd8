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

# status_of HOST FIELD [STATEMENT]
status_of() {
    ctl exec "$1" "$LAB_SERVER_DIR/bin/mysql" --defaults-file="$LAB_DIR/admin.cnf" -E \
        -e "${3:-SHOW $slave STATUS}" 2>/dev/null | sed -n "s/^ *$2: //p" | head -n 1
}

level_with() {
    [[ $(rows "$1") == "$(rows "$2")" ]]
}

# The replica that is not the new master.
other() {
    [[ $new == db2 ]] && echo db3 || echo db2
}

has_received_all() {
    local word="SHOW MASTER STATUS"
    [[ $server != mysql9 ]] || word="SHOW BINARY LOG STATUS"
    [[ $(status_of "$1" '\(Read_Master_Log_Pos\|Read_Source_Log_Pos\)') == "$(status_of db1 Position "$word")" ]]
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

# shellcheck source=t/recovery/content.sh
. t/recovery/content.sh
# shellcheck source=t/recovery/sources.sh
. t/recovery/sources.sh
# shellcheck source=t/recovery/broken.sh
. t/recovery/broken.sh

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
