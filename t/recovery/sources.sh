# shellcheck shell=bash
# Shapes of t/recovery.t: who can still be read.
# shellcheck disable=SC2154,SC2034 # variables are shared with t/recovery.t
# shellcheck disable=SC2317 # functions are called by name

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

agent_keeps() {
    ctl exec "$1" sh -c 'grep -q "\"live\":true" /var/tmp/kagemusha-*/vault-*'
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
    [[ $server != mariadb* ]] || program=$(command -v mariadb-binlog || true)
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
