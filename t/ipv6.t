#!/usr/bin/env bash
# A group whose hosts are IPv6 addresses: the check, a switch with the VIP, a failover of what only the dead
# master's disk holds.
# Usage: t/ipv6.t [SERVER], or SERVER, LAB, B in the environment. GTIDs.
# Functions are called by name, through that and within.
# shellcheck disable=SC2317
set -eu

cd "$(dirname "$0")/.."
# shellcheck source=t/lib.sh
. t/lib.sh
lab_begin ipv6 "${1:-}" gtid
slave=SLAVE change='CHANGE MASTER TO MASTER_HOST'
[[ $server != mysql9 ]] || slave=REPLICA change='CHANGE REPLICATION SOURCE TO SOURCE_HOST'

# db1 is fd99::11.
address() {
    echo "fd99::1${1#db}"
}

raise() {
    local h
    lab_raise "$server" "$mode" --set 'bind_address=*'
    for h in db1 db2 db3; do
        ctl exec "$h" ip addr add "$(address "$h")/64" dev eth0 nodad
        sed -i "s/^hostname=$h$/hostname=$(address "$h")/" "$conf"
    done
    on_manager ip addr add fd99::1/64 dev eth0 nodad
    sed -i 's|^writer_vip=.*|writer_vip=fd99::100/64|' "$conf"
    for h in db2 db3; do
        sql "$h" "STOP $slave"
        sql "$h" "$change='$(address db1)'"
        sql "$h" "START $slave"
    done
    ctl exec db1 ip addr add fd99::100/64 dev eth0 nodad
}

follows() {
    ctl status | grep -q "^$1 .*replicates=$(address "$2"):Yes/Yes"
}

# Who has the VIP.
holder() {
    local h
    for h in db1 db2 db3; do
        ! ctl exec "$h" ip -6 addr show dev eth0 | grep -q 'inet6 fd99::100/' || echo "$h"
    done
}

has_rows() {
    is "$(sql "$1" 'SELECT COUNT(*) FROM app.sample')" "$2"
}

raise
that "the replicas follow by IPv6" within 60 follows db2 db1
that "... both of them" within 60 follows db3 db1
run on_manager masterha_check_ssh --conf="$PWD/$conf"
that "masterha_check_ssh: exit code 0" ends 0
run on_manager masterha_check_repl --conf="$PWD/$conf"
that "masterha_check_repl: exit code 0" ends 0
that "... MySQL Replication Health is OK" says "MySQL Replication Health is OK."
run on_manager masterha_master_switch --conf="$PWD/$conf" --master_state=alive --interactive=0 \
    --orig_master_is_new_slave --new_master_host="$(address db2)"
that "a switch: exit code 0" ends 0
that "... db1 and db3 follow" within 60 follows db1 db2
that "... both of them" within 60 follows db3 db2
that "... the VIP has moved" is "$(holder)" db2
sql db2 "INSERT INTO app.sample VALUES (9, 1)"
within 60 has_rows db1 1 && within 60 has_rows db3 1
sql db1 "STOP $slave IO_THREAD"
sql db3 "STOP $slave IO_THREAD"
sql db2 "INSERT INTO app.sample VALUES (9, 2)"
ctl kill db2
run on_manager masterha_master_switch --conf="$PWD/$conf" --master_state=dead --interactive=0 \
    --dead_master_host="$(address db2)"
that "a failover: exit code 0" ends 0
that "... the tail is read over IPv6" says "lost          none"
that "... db3 follows" within 60 follows db3 db1
that "... with all rows" within 60 has_rows db3 2
that "... the VIP has moved" is "$(holder)" db1
tests_done
