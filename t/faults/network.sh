# shellcheck shell=bash
# Faults of the network: how each is brought about and healed. Sourced by t/campaign; t/faults/catalogue.sh names them.
# shellcheck disable=SC2154  # variables of t/campaign

fault_manager_master_cut() {
    ctl cutlink manager db1
    said 'cut off from us only|saturated'
    hold
    ctl heallink manager db1
    await_ping
}

fault_master_replicas_cut() {
    ctl cutlink db1 db2
    ctl cutlink db1 db3
    said 'verdict: cut off from its replicas'
    ctl heallink db1 db2
    ctl heallink db1 db3
    await_ping
}

fault_one_replica_cut() {
    ctl cutlink db1 db2
    hold
    ctl heallink db1 db2
    await_ping
}

fault_manager_cut_off() {
    ctl cut manager
    said 'everything silent at once|nobody answers'
    hold
    ctl heal manager
    await_ping
    ! has 'verdict: (host silent|silent|hung|crashed)' || wrong+=("the master looked dead when the network came back")
}

fault_oneway_to_master() {
    ctl cutlink manager db1 oneway
    hold
    ctl heallink manager db1
    await_ping
}

fault_oneway_from_master() {
    ctl cutlink db1 manager oneway
    hold
    ctl heallink db1 manager
    await_ping
}

fault_packet_loss() {
    on_manager iptables -w 5 -t raw -A PREROUTING -m statistic --mode random --probability 0.3 -j DROP
    hold 12
    on_manager iptables -w 5 -t raw -D PREROUTING -m statistic --mode random --probability 0.3 -j DROP
    await_ping
}

fault_flapping_manager_link() {
    for _ in 1 2 3; do
        ctl cutlink manager db1
        sleep 5
        ctl heallink manager db1
        sleep 2
    done
    await_ping
}

fault_flapping_master_cable() {
    for _ in 1 2 3 4; do
        ctl cut db1
        sleep 1.2
        ctl heal db1
        sleep 2.5
    done
    await_ping
}

fault_hosts_file_lost() {
    on_manager sh -c 'cp /etc/hosts /var/tmp/hosts.kept; : >/etc/hosts'
    ctl kill db1
    await_end
    on_manager sh -c 'cat /var/tmp/hosts.kept >/etc/hosts'
}

block_port() {
    on_manager iptables -w 5 "$1" OUTPUT -p tcp -d "$(address db1)" --dport "$2" -j DROP
}

fault_ssh_to_master_blocked() {
    block_port -A 22
    hold
    block_port -D 22
    await_ping
}

fault_sshd_of_master_dead() {
    # shellcheck disable=SC2016
    ctl exec db1 sh -c 'kill -KILL $(pidof sshd sshd-session kagemusha-node)' || true
    hold
    ctl exec db1 /usr/sbin/sshd
    await_ping
}

fault_port_to_master_blocked() {
    block_port -A 3306
    said 'saturated|cut off from us only'
    hold
    block_port -D 3306
    await_ping
}

fault_vip_on_a_replica_too() {
    ctl exec db3 ip addr add "$LAB_VIP/32" dev eth0
    ctl kill db1
    await_end
    ctl exec db3 ip addr del "$LAB_VIP/32" dev eth0 || true
    ctl vip-to "$(the_master)"
}

fault_vip_hook_lies() {
    ctl kill db1
    await_end
    ctl vip-to "$(the_master)"
}

# Login and agent stand still, the server does not.
fault_sshd_of_master_hangs() {
    # shellcheck disable=SC2016
    ctl exec db1 sh -c 'kill -STOP $(pidof sshd sshd-session kagemusha-node)'
    hold 8
    # shellcheck disable=SC2016
    ctl exec db1 sh -c 'kill -CONT $(pidof sshd sshd-session kagemusha-node)'
    await_ping
}

restart_sshd() {
    # shellcheck disable=SC2016
    ctl exec "$1" sh -c 'kill -KILL $(pidof sshd sshd-session kagemusha-node)' || true
    ctl exec "$1" /usr/sbin/sshd
}

fault_host_key_changed() {
    local key=/etc/ssh/ssh_host_ed25519_key
    ctl exec db1 sh -c "cp -p $key /var/tmp/host.key && rm $key && ssh-keygen -q -t ed25519 -N '' -f $key"
    restart_sshd db1
    said 'agent-(lost|missing): .*'
    hold
    ctl exec db1 cp -p /var/tmp/host.key "$key"
    restart_sshd db1
    await_ping
}

# Small packets pass, full ones do not: a login works, and the copy of a log stands still.
fault_bulk_from_master_lost() {
    on_manager iptables -w 5 -t raw -A PREROUTING -s "$(address db1)" -m length --length 1000: -j DROP
    ctl kill db1
    await_end
    on_manager iptables -w 5 -t raw -D PREROUTING -s "$(address db1)" -m length --length 1000: -j DROP
}
