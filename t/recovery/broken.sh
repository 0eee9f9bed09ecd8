# shellcheck shell=bash
# Shapes of t/recovery.t: what ends while a replica is given what it lacks.
# shellcheck disable=SC2154,SC2034 # variables are shared with t/recovery.t
# shellcheck disable=SC2317 # functions are called by name

replay_of() {
    ctl exec "$1" pgrep -f 'kagemusha-node replay' >/dev/null 2>&1
}

# held_amid NEW_MASTER: a failover in which db2 is given what it lacks, and cannot apply it yet.
held_amid() {
    option "/^hostname=$1/a candidate_master=1"
    write_rows 20
    within 60 level db2
    stop_io db2 db3
    write_rows 300
    ctl kill db1
    hold_applier db2
    fail_over_begin
    that "a replay server runs" within 60 replay_of db2
}

# The replay server is killed while the replica applies: what it had sent is applied, another one gives the rest.
replay_killed_shape() {
    raise
    held_amid db2
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
    option '/^\[server default\]/a skip_reset_slave=1'
    sql db2 "STOP $slave; CHANGE $([[ $server == mysql9 ]] && echo 'REPLICATION SOURCE' || echo MASTER) TO ${p}CONNECT_RETRY=11"
    sql db2 "START $slave"
    held_amid "$1"
    that "db2 waits" within 60 grep -q 'wait: db2.* left' "$out"
    ctl exec manager pkill -KILL -f 'master_state=dead'
    wait "$switching" 2>/dev/null || true
    that "its replay server ends with it" within 60 no_replay_of db2
    fail_over_begin --ignore_last_failover
    that "the next one has begun" within 60 says journal-open
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
