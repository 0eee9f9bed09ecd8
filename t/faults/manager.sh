# shellcheck shell=bash
# Faults of the manager: how each is brought about and healed. Sourced by t/campaign; t/faults/catalogue.sh names them.
# shellcheck disable=SC2154  # variables of t/campaign

manager_signal() {
    # shellcheck disable=SC2016
    on_manager sh -c 'kill -'"$1"' $(pidof kagemusha)'
}

fault_manager_killed_before() {
    manager_signal KILL
    ctl kill db1
    await_end
}

fault_manager_killed_during() {
    ctl kill db1
    sleep "0.$(random 40)"
    manager_signal KILL || true
    await_end
}

fault_manager_stopped_during() {
    ctl kill db1
    sleep "0.$(random 30)"
    manager_signal STOP || true
    sleep 4
    manager_signal CONT || true
    await_end
}

fault_manager_stopped_idle() {
    manager_signal STOP
    sleep 6
    manager_signal CONT
    said 'stood-still'
    await_ping
}

fault_two_managers() {
    on_manager timeout 20 kagemusha manage --conf="$conf" --manager_log=/var/tmp/app1/second.log || true
    ctl kill db1
    await_end
}

fault_monitor_session_killed() {
    local id
    id=$(ctl sql db1 "SELECT IS_USED_LOCK('MHA_Master_High_Availability_Monitor')")
    ctl sql db1 "KILL $id"
    hold
    await_ping
}

fault_conf_broken() {
    echo 'this is no configuration [' >>"$conf"
    ctl kill db1
    await_end
    sed -i '$d' "$conf"
}

fault_hook_hangs() {
    ctl kill db1
    said 'failover-failed'
}

fault_hook_dies() {
    ctl kill db1
    said 'failover-failed'
}

fault_hook_floods() {
    ctl kill db1
    await_end
}

fault_journal_unwritable() {
    ctl kill db1
    said 'no journal, so nothing is begun'
}

fault_agents_killed() {
    local h
    for h in db1 db2 db3; do
        # shellcheck disable=SC2016
        ctl exec "$h" sh -c 'kill -KILL $(pidof kagemusha-node)' || true
    done
    ctl kill db1
    await_end
}

fault_no_agent() {
    ctl kill db1
    await_end
}
