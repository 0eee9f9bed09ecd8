# shellcheck shell=bash
# Who replicates from whom, and whether all have caught up. Sourced after server.sh.

# host_of NAME_OR_ADDRESS: the lab's name for it.
host_of() {
    local h
    for h in $LAB_DB_HOSTS; do
        if [[ $1 == "$h" || $1 == "$(host_address "$h")" ]]; then
            echo "$h"
            return
        fi
    done
    return 1
}

# vip_holders: every host that has the VIP on its interface.
vip_holders() {
    local h
    for h in $LAB_DB_HOSTS; do
        host_is_on "$h" || continue
        on "$h" ip -o -4 addr show dev eth0 | grep -qF " $LAB_VIP/" && echo "$h"
    done
    return 0
}

field() {
    awk -F '\t' -v key="$1" '$1 == key { print $2; exit }'
}

# not_before FILE1 POS1 FILE2 POS2: the first coordinate is at or behind the second.
not_before() {
    local a=$((10#${1##*.})) b=$((10#${3##*.}))
    ((a > b || (a == b && $2 >= $4)))
}

# replica_level HOST: both threads run, and its master's binlog, as it was at the call, is applied.
# REPLICA_WHY tells what is missing.
replica_level() {
    local h=$1 master file pos end
    status=$(server_replica_status "$h" 2>/dev/null) || { REPLICA_WHY="$h does not answer" && return 1; }
    [[ -n $status ]] || return 0
    if [[ $(field Slave_IO_Running <<<"$status") != Yes || $(field Slave_SQL_Running <<<"$status") != Yes ]]; then
        REPLICA_WHY="$h: threads $(field Slave_IO_Running <<<"$status")/$(field Slave_SQL_Running <<<"$status")"
        REPLICA_WHY+=" $(field Last_IO_Error <<<"$status") $(field Last_SQL_Error <<<"$status")"
        return 1
    fi
    master=$(host_of "$(field Master_Host <<<"$status")") || { REPLICA_WHY="$h: foreign master" && return 1; }
    if [[ -z ${TARGET[$master]:-} ]]; then
        TARGET[$master]=$(server_position "$master" 2>/dev/null) || return 1
    fi
    read -r file pos <<<"${TARGET[$master]}"
    end=$(field Exec_Master_Log_Pos <<<"$status")
    not_before "$(field Relay_Master_Log_File <<<"$status")" "$end" "$file" "$pos" && return 0
    REPLICA_WHY="$h: at $(field Relay_Master_Log_File <<<"$status"):$end of $file:$pos"
    return 1
}

# replication_wait SECONDS: until every living server that is a replica is level with where its
# master stood when the wait began.
replication_wait() {
    local h
    declare -A TARGET=()
    for h in $LAB_DB_HOSTS; do
        server_alive "$h" || continue
        until_true "$1" replica_level "$h" || {
            echo "lab $LAB: not level: $REPLICA_WHY" >&2
            return 1
        }
    done
}
