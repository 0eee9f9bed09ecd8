# shellcheck shell=bash
# Faults of replicas and data: how each is brought about and healed. Sourced by t/campaign; t/faults/catalogue.sh names them.
# shellcheck disable=SC2154  # variables of t/campaign

fault_applier_behind() {
    on_one_session db2 'LOCK TABLES app.ledger READ' 'DO SLEEP(5)' &
    sleep 1.5
    ctl kill db1
    await_end
}

fault_receiver_behind() {
    replica db2 stop IO
    sleep 1
    ctl kill db1
    await_end
}

fault_applier_stopped() {
    replica db2 stop SQL
    sleep 0.5
    ctl kill db1
    await_end
}

fault_replica_restarted() {
    ctl stop db2
    ctl start db2
    ctl kill db1
    await_end
}

fault_no_master_is_latest() {
    replica db2 stop IO
    sleep 0.5
    ctl kill db1
    await_end
}

fault_errant_on_replica() {
    ctl sql db3 "SET SESSION sql_log_bin = 1; CREATE DATABASE errant" || true
    sleep 0.5
    ctl kill db1
    await_end
    ctl sql db3 'SET SESSION sql_log_bin = 0; DROP DATABASE errant' || true
}

# db2 would be chosen, and has what no other server has. In position mode nobody sees it, nor on MariaDB, where the
# master's next numbers in the same domain hide it.
fault_errant_on_candidate() {
    ctl sql db2 "SET SESSION sql_log_bin = 1; CREATE DATABASE errant" || true
    sleep 0.5
    ctl kill db1
    await_end
    [[ $mode == position || $server == mariadb* || $(the_master) == db3 ]] || wrong+=("a server with a transaction of its own was promoted")
    ctl sql db2 'SET SESSION sql_log_bin = 0; DROP DATABASE errant' || true
}

applier_failed() {
    [[ $(ctl status | grep "^$1 ") == *:Yes/No* ]]
}

# A row that the master is about to write is there already: the applier of db3 stops at it.
fault_conflict_on_replica() {
    ctl sql db3 "SET SESSION sql_log_bin = 0; INSERT INTO app.ledger (writer, n, server_id)
        SELECT $writers, MAX(n) + 300, 0 FROM app.ledger WHERE writer = $writers"
    within 30 applier_failed db3 || wrong+=("the applier of db3 did not stop")
    ctl kill db1
    await_end
}

fault_delayed_candidate() {
    local change='CHANGE MASTER TO MASTER_DELAY = 3600'
    [[ $server != mysql9 ]] || change='CHANGE REPLICATION SOURCE TO SOURCE_DELAY = 3600'
    replica db2 stop SQL
    # Only the newest take it while the receiver runs.
    [[ $server == mysql9 ]] || replica db2 stop IO
    ctl sql db2 "$change"
    replica db2 start SQL
    [[ $server == mysql9 ]] || replica db2 start IO
    sleep 1
    ctl kill db1
    await_end
    [[ $(the_master) == db3 ]] || wrong+=("a delayed replica was promoted")
}

# Some 60 MB in one transaction are on their way when the master dies: the replicas have a part of it, or all.
fault_large_transaction() {
    local i values=()
    ctl sql db1 'CREATE TABLE app.large (id INT PRIMARY KEY, b LONGBLOB)'
    for ((i = 0; i < 60; i++)); do
        values+=("INSERT INTO app.large VALUES ($i, REPEAT('$((i % 10))', 1000000))")
    done
    on_one_session db1 BEGIN "${values[@]}" COMMIT 2>/dev/null &
    sleep "1.$(random 90)"
    ctl kill db1
    await_end
}

fault_replica_dies_too() {
    ctl kill db1
    sleep "0.$(random 30)"
    ctl kill db3
    await_end_or_refusal
    ctl start db3
}

fault_candidate_dies_too() {
    ctl kill db1
    sleep "0.$(random 30)"
    ctl kill db2
    await_end_or_refusal
}

fault_replica_down_dispensable() {
    ctl kill db3
    ctl kill db1
    await_end
    ctl start db3
}

fault_replica_down() {
    ctl kill db3
    ctl kill db1
    said 'ignore_fail=1'
}
