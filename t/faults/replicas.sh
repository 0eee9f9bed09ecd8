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
