# shellcheck shell=bash
# Faults of the master's process and host: how each is brought about and healed. Sourced by t/campaign; t/faults/catalogue.sh names them.
# shellcheck disable=SC2154  # variables of t/campaign

fault_kill_mysqld() {
    ctl kill db1
    await_end
}

fault_kill_mysqld_idle() {
    stop_writer
    sleep 1
    ctl kill db1
    start_writer blind
    await_end
}

fault_kill_supervised() {
    ctl kill db1
    await_end
}

fault_kill_supervised_ride() {
    note 'planned-stop|coming back' || true
    ctl kill db1
    await_ping
}

fault_clean_restart() {
    ctl stop db1
    said 'stopped cleanly'
    ctl start db1
    await_ping
}

fault_clean_stop() {
    ctl stop db1
    await_end
}

fault_sigstop_mysqld() {
    ctl pause db1
    await_end
    ctl cont db1 2>/dev/null || true
    sleep 1
}

fault_freeze_host() {
    ctl freeze-host db1
    await_end
    ctl thaw-host db1 2>/dev/null || true
    sleep 1
}

fault_freeze_host_unfenceable() {
    ctl freeze-host db1
    said 'fence impossible'
    sleep 2
    ctl thaw-host db1
    await_ping
}

fault_poweroff_host() {
    ctl poweroff db1
    await_end
}

fault_reboot_after_failover() {
    ctl kill db1
    await_end
    ctl poweroff db1
    ctl poweron db1
    ctl start db1 || true
    sleep 2
}

fault_cable_of_master() {
    ctl cut db1
    await_end
    ctl heal db1 2>/dev/null || true
    sleep 1
}

fault_cable_of_master_unfenceable() {
    ctl cut db1
    said 'fence impossible'
    sleep 2
    ctl heal db1
    await_ping
}

is_down() {
    ctl status | grep -q "^$1 .* mysqld=down"
}

is_full_or_down() {
    has 'verdict: disk full' || is_down db1
}

# MySQL waits for space. MariaDB may end itself when InnoDB gets no page: that is a death like others.
fault_disk_full() {
    ctl fill db1
    within 60 is_full_or_down || wrong+=("the manager never said: verdict: disk full")
    hold
    if is_down db1; then
        # shellcheck disable=SC2034  # t/campaign's
        expect=failover
        await_end
        ctl free db1
    else
        ctl free db1
        await_ping
    fi
}

fault_disk_stalled() {
    local mount
    mount=$(ctl exec db1 findmnt -n -o TARGET --target /var/lib/mysql)
    ctl exec db1 fsfreeze --freeze "$mount"
    said 'verdict: storage stalled'
    hold
    ctl exec db1 fsfreeze --unfreeze "$mount"
    await_ping
}

was_refused() {
    has 'Got error on MySQL connect: .* The server is alive' || wrong+=("nobody was refused")
}

sleeping() {
    (($(ctl sql "$1" "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE 'DO SLEEP%'") >= $2))
}

fault_too_many_connections() {
    local drops sleepers=()
    drops=$(drop_statements db1)
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        ctl sql db1 'DO SLEEP(60)' >/dev/null &
        sleepers+=($!)
    done
    within 30 sleeping db1 10
    on_one_session db1 'SET GLOBAL max_connections = 10' "$drops" 'DO SLEEP(6)' 'SET GLOBAL max_connections = 151'
    was_refused
    kill "${sleepers[@]}" 2>/dev/null
    ctl sql db1 "$(ctl sql db1 "SELECT CONCAT('KILL ', id, ';') FROM information_schema.processlist WHERE info LIKE 'DO SLEEP%'")" >/dev/null 2>&1
    wait "${sleepers[@]}" 2>/dev/null
    await_ping
}

fault_password_rotated() {
    local accounts
    accounts=$(ctl sql db1 "SELECT CONCAT(QUOTE(user), '@', QUOTE(host)) FROM mysql.user WHERE user = '$LAB_ADMIN_USER'")
    on_one_session db1 "$(set_password "$accounts" other)" "$(drop_statements db1)" 'DO SLEEP(6)' \
        "$(set_password "$accounts" "$LAB_ADMIN_PASSWORD")"
    was_refused
    await_ping
}

# The server counts failed handshakes only where it looks up names.
fault_host_blocked() {
    ctl sql db1 'SET GLOBAL max_connect_errors = 1'
    for _ in 1 2 3 4; do
        on_manager timeout 2 bash -c "exec 3<>/dev/tcp/$(address db1)/3306; printf '\\1\\0\\0\\1x' >&3; cat <&3 >/dev/null" || true
    done
    drop_sessions db1
    hold
    was_refused
    ctl sql db1 'FLUSH HOSTS' 2>/dev/null || ctl sql db1 'TRUNCATE TABLE performance_schema.host_cache'
    ctl sql db1 'SET GLOBAL max_connect_errors = 100'
    await_ping
}

fault_read_lock_held() {
    ctl sql db1 'FLUSH TABLES WITH READ LOCK; DO SLEEP(7)' >/dev/null
    await_ping
}

fault_saturated() {
    for _ in 1 2 3 4 5 6 7; do
        ctl pause db1
        sleep 0.7
        ctl cont db1
        sleep 0.15
    done
    await_ping
}

fault_semisync_blocked() {
    ctl sql db1 "SET GLOBAL $(semisync_timeout) = 60000"
    ctl cutlink db1 db2
    ctl cutlink db1 db3
    said 'verdict: semi-sync blocked'
    ctl heallink db1 db2
    ctl heallink db1 db3
    await_ping
}

fault_read_only_by_hand() {
    ctl sql db1 'SET GLOBAL read_only = 1'
    said 'verdict: read-only'
    ctl sql db1 'SET GLOBAL read_only = 0'
    await_ping
}
