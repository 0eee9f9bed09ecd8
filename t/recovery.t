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
B=$(readlink -f "${B:-build}")
server=${1:-${SERVER:-mariadb}} mode=${2:-${MODE:-gtid}}
lab=${LAB:-recovery-t}
dir=build/lab/$lab
out=$(mktemp)
count=0 failed=0 shape=
slave=SLAVE
[[ $server != mysql9 ]] || slave=REPLICA
every="tail one_row third settings"

if ((EUID != 0)); then
    echo "1..0 # SKIP the lab needs root"
    exit 0
fi

clean() {
    local p
    for p in $(jobs -p); do
        kill -TERM "$p" 2>/dev/null || true
    done
    t/lab/down --lab "$lab" >/dev/null 2>&1 || true
    rm -f "$out"
}
trap clean EXIT
trap 'exit 1' INT TERM HUP

# that NAME COMMAND...: one TAP line; on failure the last of what the program said.
that() {
    local name=$1 rc=0
    shift
    "$@" || rc=1
    count=$((count + 1))
    if ((rc == 0)); then
        echo "ok $count - $shape: $name"
        return
    fi
    echo "not ok $count - $shape: $name"
    failed=1
    grep -v '^  ' "$out" | tail -n 15 | sed 's/^/# /'
}

within() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        ((SECONDS <= end)) || return 1
        sleep 0.1
    done
}

not() {
    ! "$@"
}

is() {
    [[ $1 == "$2" ]] || {
        printf '#   got:  %s\n#   want: %s\n' "$1" "$2"
        return 1
    }
}

ctl() {
    t/lab/ctl --lab "$lab" "$@"
}

sql() {
    ctl sql "$@" 2>/dev/null
}

says() {
    grep -qF -- "$1" "$out"
}

# raise [OPTION...]: three hosts. "position" is what no GTID can help with: MySQL 9.7 has them on by
# default.
raise() {
    local rc=0 more=()
    if [[ $server/$mode == mysql9/position ]]; then
        more=(--set gtid_mode=OFF --set enforce_gtid_consistency=OFF)
    fi
    t/lab/up "$server" "$mode" --lab "$lab" --path "$B" "${more[@]}" "$@" >"$out" 2>&1 || rc=$?
    if ((rc == 77)); then
        echo "1..0 # SKIP $(tail -n 1 "$out")"
        exit 0
    fi
    ((rc == 0)) || { sed 's/^/# /' "$out"; echo "Bail out! the lab did not rise"; exit 1; }
    # shellcheck disable=SC1091
    . "$dir/env"
    conf=$dir/app1.cnf
    work=$dir/hosts/manager/fs/var-tmp/app1
    rm -rf "$work"
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
    mysql9/gtid) echo tail settings ;;
    mysql9/position) echo tail third ;;
    mariadb/gtid) echo tail third ;;
    mariadb/position) echo tail one_row settings ;;
    mysql56/gtid) echo tail one_row ;;
    mysql56/position) echo tail third ;;
    *) echo "$every" ;;
    esac
}

shapes=${SHAPES:-$(choice)}
[[ $shapes != all ]] || shapes=$every
for shape in ${shapes//,/ }; do
    "${shape}_shape"
done
echo "1..$count"
exit "$failed"
