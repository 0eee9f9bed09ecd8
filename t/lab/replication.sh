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
    [[ -n $1 && -n $3 ]] || return 1
    local a=$((10#${1##*.})) b=$((10#${3##*.}))
    ((a > b || (a == b && $2 >= $4)))
}

# replica_level HOST: both threads run, and its master's binlog is applied up to where it stood when
# the wait began. REPLICA_WHY tells what is missing. A server that is nobody's replica is level.
replica_level() {
    local h=$1 status master file pos end io sql
    status=$(server_replica_status "$h" 2>/dev/null) || { REPLICA_WHY="$h does not answer" && return 1; }
    if [[ -z $status ]]; then
        REPLICA_WHY="$h is no replica"
        [[ " $REPLICA_MUST " != *" $h "* ]]
        return
    fi
    io=$(field Slave_IO_Running <<<"$status")
    sql=$(field Slave_SQL_Running <<<"$status")
    if [[ $io != Yes || $sql != Yes ]]; then
        REPLICA_WHY="$h: IO $io, SQL $sql"
        REPLICA_WHY+=" $(field Last_IO_Error <<<"$status") $(field Last_SQL_Error <<<"$status")"
        return 1
    fi
    master=$(host_of "$(field Master_Host <<<"$status")") || { REPLICA_WHY="$h: foreign master" && return 1; }
    if [[ -z ${REPLICA_TARGET[$master]:-} ]]; then
        REPLICA_WHY="$master does not answer"
        REPLICA_TARGET[$master]=$(server_position "$master" 2>/dev/null) || return 1
    fi
    read -r file pos <<<"${REPLICA_TARGET[$master]}"
    end=$(field Exec_Master_Log_Pos <<<"$status")
    REPLICA_WHY="$h: at $(field Relay_Master_Log_File <<<"$status"):$end of $file:$pos"
    not_before "$(field Relay_Master_Log_File <<<"$status")" "$end" "$file" "$pos"
}

# replication_possible: no living replica follows a master that is down, which no wait would mend.
replication_possible() {
    local h master
    for h in $LAB_DB_HOSTS; do
        server_alive "$h" || continue
        master=$(server_replica_status "$h" 2>/dev/null | field Master_Host)
        [[ -n $master ]] || continue
        master=$(host_of "$master") || continue
        server_alive "$master" || {
            echo "lab $LAB: not level: $h follows $master, which is down" >&2
            return 1
        }
    done
}

# replication_wait SECONDS [HOST...]: until every living server that is a replica is level with where
# its master stood when the wait began; the hosts named have to be replicas.
replication_wait() {
    local h seconds=$1 REPLICA_MUST=${*:2} REPLICA_WHY=
    declare -A REPLICA_TARGET=()
    for h in $LAB_DB_HOSTS; do
        server_alive "$h" || continue
        until_true "$seconds" replica_level "$h" || {
            echo "lab $LAB: not level: $REPLICA_WHY" >&2
            return 1
        }
    done
}
