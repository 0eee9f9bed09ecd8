# shellcheck shell=bash
# What faults are made of: the lab, the manager and who starts it again, the writer, waiting. Sourced by t/campaign.
# shellcheck disable=SC2154,SC2034,SC2120,SC2119  # variables of t/campaign and its other parts

raised_skip=0 began_us=0 keeper='' writer='' sampler='' switch='' writers=0

ctl() {
    t/lab/ctl --lab "$lab" "$@"
}

on_manager() {
    t/lab/exec manager --lab "$lab" "$@"
}

address() {
    echo "$LAB_PREFIX.1${1#db}"
}

# random N: 0 to N-1, from the round's own seed.
random() {
    printf '%02d' $((RANDOM % $1))
}

within() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        ((SECONDS <= end)) || return 1
        sleep 0.1
    done
}

end_of() {
    [[ -z $1 ]] || { kill "$1" 2>/dev/null; wait "$1" 2>/dev/null; }
}

# --- the lab ---------------------------------------------------------------------------------------
lab_down() {
    end_manager
    end_of "$writer"
    end_of "$sampler"
    end_of "$switch"
    writer='' sampler='' switch=''
    t/lab/down --lab "$lab" >/dev/null 2>&1
}

raise() {
    local rc=0 words=()
    [[ $1 == - ]] || words=("${1%%=*}")
    [[ $1 != *=* ]] || words+=("${1#*=}")
    # The data directory of MySQL is larger before anything is in it.
    [[ ${words[0]-} != --small-disk || $server == mariadb* ]] || words[1]=480m
    lab_down
    t/lab/up "$server" "$mode" --lab "$lab" --path "$B" "${words[@]}" >"$out/up.log" 2>&1 || rc=$?
    ((rc != 77)) || raised_skip=1
    ((rc == 0)) || return 1
    # shellcheck disable=SC1090,SC1091
    . "$dir/env"
    cp "$conf" "$dir/plain.cnf"
    sed -i '/^\[server default\]/a replica_check_interval=1' "$dir/plain.cnf"
    t/lab/ctl --lab "$lab" power-switch >/dev/null 2>&1 &
    switch=$!
    : >"$log"
    raised=$1 used=0
}

# A group that is whole, with the configuration of this fault, watched and written to.
ready() {
    local script=()
    if ((used == 1)) || [[ $raised != "$1" ]]; then
        raise "$1" || return 1
    fi
    mapfile -t script < <(conf_for "$name")
    cp "$dir/plain.cnf" "$dir/next.cnf"
    local line
    for line in "${script[@]}"; do
        sed -i "$line" "$dir/next.cnf"
    done
    printf '#!/bin/sh\n%s\nexit 0\n' "$(hook_for "$name")" >"$dir/hook"
    chmod 755 "$dir/hook"
    if [[ -z $keeper ]] || ! cmp -s "$dir/next.cnf" "$conf"; then
        end_manager
        cp "$dir/next.cnf" "$conf"
        keep_manager
    fi
    mark=$(wc -l <"$log")
    began_us=$(awk '{printf "%.0f", $1 * 1000000}' /proc/uptime)
    within 60 is_watching || { wrong+=("the manager does not watch"); return 1; }
    sampler_start
    start_writer
}

# --- the manager, as a service manager keeps it -----------------------------------------------------
keep_manager() {
    rm -f "$dir/manager.stop"
    (
        while [[ ! -e $dir/manager.stop && -d $dir ]]; do
            # No function here: the signal must reach the command itself.
            t/lab/exec manager --lab "$lab" kagemusha manage --conf="$conf" --debug >>"$log" 2>&1 8>&- &
            child=$!
            trap 'kill -TERM $child 2>/dev/null' TERM
            wait "$child"
            wait "$child" 2>/dev/null
            sleep 1
        done
    ) &
    keeper=$!
}

end_manager() {
    [[ -n $keeper ]] || return 0
    : >"$dir/manager.stop" 2>/dev/null
    end_of "$keeper"
    keeper=''
    within 30 no_manager || wrong+=("the manager does not end")
}

no_manager() {
    [[ ! -d $dir ]] || ! on_manager pidof kagemusha >/dev/null 2>&1
}

is_watching() {
    on_manager masterha_check_status --conf="$conf" 2>/dev/null | grep -q '(0:PING_OK)'
}

since() {
    tail -n "+$((mark + 1))" "$log"
}

has() {
    since | grep -Eq -- "$1"
}

# said PATTERN [SECONDS]: the manager's log has it, sooner or later; else the round is broken.
said() {
    within "${2:-60}" has "$1" || wrong+=("the manager never said: $1")
}

note() {
    has "$1"
}

# --- what faults wait for ---------------------------------------------------------------------------
await_end() {
    within 90 has 'failover-end:|failover-partial:|failover-failed:' || wrong+=("no failover came to its end")
}

await_end_or_refusal() {
    within 60 has 'failover-end:|failover-partial:|failover-failed:|monitor-error|NO MASTER|ignore_fail=1' || true
}

# Long enough for a manager that would act.
hold() {
    sleep "${1:-6}"
}

await_ping() {
    within 60 is_watching || wrong+=("the manager does not watch again")
    sleep 1
}

# --- the client -------------------------------------------------------------------------------------
acked() {
    cat "$dir"/ledger/*.ledger 2>/dev/null | wc -l
}

acked_more_than() {
    (($(acked) > $1))
}

start_writer() {
    local before
    before=$(acked)
    writers=$((writers + 1))
    t/lab/ctl --lab "$lab" writer --id "$writers" --pause-ms 2 >/dev/null 2>&1 &
    writer=$!
    [[ ${1-} == blind ]] || within 30 acked_more_than $((before + 20)) || wrong+=("the writer did not begin")
}

stop_writer() {
    end_of "$writer"
    writer=''
}

sampler_start() {
    [[ -z $sampler ]] || return 0
    t/lab/ctl --lab "$lab" sampler >/dev/null 2>&1 &
    sampler=$!
}

# --- statements -------------------------------------------------------------------------------------
replica() {
    local word=SLAVE
    [[ $server != mysql9 ]] || word=REPLICA
    ctl sql "$1" "${2^^} $word ${3}_THREAD"
}

semisync_timeout() {
    [[ $server == mysql9 ]] && echo rpl_semi_sync_source_timeout || echo rpl_semi_sync_master_timeout
}

# The manager's sessions on a host.
drop_statements() {
    ctl sql "$1" "SELECT CONCAT('KILL ', id, ';') FROM information_schema.processlist WHERE host LIKE '$LAB_PREFIX.20:%' OR host LIKE 'manager:%'" 2>/dev/null
}

on_one_session() {
    local host=$1
    shift
    ctl sql "$host" "$(printf '%s;\n' "$@")" >/dev/null
}

drop_sessions() {
    ctl sql "$1" "$(drop_statements "$1")" >/dev/null 2>&1 || true
}

set_password() {
    local account quoted=${2//\'/\'\'}
    for account in $1; do
        if [[ $server == mysql9 ]]; then
            echo "ALTER USER $account IDENTIFIED BY '${quoted//\\/\\\\}';"
        else
            echo "SET PASSWORD FOR $account = PASSWORD('${quoted//\\/\\\\}');"
        fi
    done
}
