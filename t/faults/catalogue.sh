# shellcheck shell=bash
# The faults of the campaign, by name. Sourced by t/campaign, whose functions do the work.
# A row: name, what must come of it, options of the lab (- for none), which faults of the catalogue it stands for.
#   none      no failover is begun; the group goes on as soon as the fault is healed
#   failover  one failover, and the group goes on
#   either    one of the two
#   refused   there is no master afterwards, and the manager says why
# fault_NAME brings it about, and heals it, up to where the oracle may look. Names have underscores there.
# shellcheck disable=SC2034,SC2154  # read and set by t/campaign

faults='
kill-mysqld                  failover  -                   FA1
kill-mysqld-idle             failover  -                   FA1
kill-supervised              failover  --supervise         FA2,FA16
kill-supervised-ride         none      --supervise         FA2
clean-restart                none      -                   FA3
clean-stop                   failover  -                   FA3
sigstop-mysqld               failover  -                   FA4,FE8
freeze-host                  failover  --net-timeout=0     FA5
freeze-host-unfenceable      none      -                   FA5,FB8
poweroff-host                failover  --net-timeout=0     FA6
reboot-after-failover        failover  -                   FE8
cable-of-master              failover  --net-timeout=0     FB2,FB8
cable-of-master-unfenceable  none      -                   FB2
disk-full                    none      --small-disk=96m    FA7
disk-stalled                 none      --small-disk=96m    FA9
too-many-connections         none      -                   FA10
password-rotated             none      -                   FA11
host-blocked                 none      -                   FA12
read-lock-held               none      -                   FA13
saturated                    none      -                   FA14
semisync-blocked             none      --semisync          FA17
read-only-by-hand            none      -                   FA18
manager-master-cut           none      -                   FB1
master-replicas-cut          none      -                   FB3
one-replica-cut              none      -                   FB4
manager-cut-off              none      -                   FB5,FB13
oneway-to-master             none      -                   FB7
oneway-from-master           none      -                   FB7
packet-loss                  none      -                   FB9
flapping-manager-link        none      -                   FB10
flapping-master-cable        none      -                   FB10,FB11
hosts-file-lost              failover  -                   FB12
ssh-to-master-blocked        none      -                   FB14
sshd-of-master-dead          none      -                   FB14
port-to-master-blocked       none      -                   FB14,FB1
vip-on-a-replica-too         failover  -                   FB19
vip-hook-lies                failover  -                   FB20,FD12
applier-behind               failover  -                   FC1
receiver-behind              failover  -                   FC2
applier-stopped              failover  -                   FC4
replica-restarted            failover  -                   FC5
no-master-is-latest          failover  -                   FC3
errant-on-replica            failover  -                   FC10
replica-dies-too             either    -                   FC15
candidate-dies-too           either    -                   FC16,FC17
replica-down-dispensable     failover  -                   FC15
replica-down                 refused   -                   FC15,F5
manager-killed-before        failover  -                   FD1
manager-killed-during        failover  -                   FD2,FD3,FD4
manager-stopped-during       failover  -                   FD6
manager-stopped-idle         none      -                   FD6,FD7
two-managers                 failover  -                   FD8,FB6
monitor-session-killed       none      -                   FD9
conf-broken                  failover  -                   FD10
hook-hangs                   refused   -                   FD11
hook-dies                    refused   -                   FD11
hook-floods                  failover  -                   FD11
journal-unwritable           refused   -                   FD5
agents-killed                failover  -                   FD15
no-agent                     failover  -                   FD14
'

# --- A. the master's process and host ---------------------------------------------------------------
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

fault_disk_full() {
    ctl fill db1
    said 'verdict: disk full'
    hold
    ctl free db1
    await_ping
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

sleeping() {
    (($(ctl sql "$1" "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE 'DO SLEEP%'") >= $2))
}

fault_too_many_connections() {
    local i drops sleepers=()
    drops=$(drop_statements db1)
    for i in 1 2 3 4 5 6 7 8 9 10; do
        ctl sql db1 'DO SLEEP(60)' >/dev/null &
        sleepers+=($!)
    done
    within 30 sleeping db1 10
    on_one_session db1 'SET GLOBAL max_connections = 10' "$drops" 'DO SLEEP(6)' 'SET GLOBAL max_connections = 151'
    has 'The server is alive|verdict: refusing us' || wrong+=("nobody was refused")
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
    await_ping
}

fault_host_blocked() {
    local i
    ctl sql db1 'SET GLOBAL max_connect_errors = 1'
    for i in 1 2 3 4; do
        on_manager bash -c "exec 3<>/dev/tcp/$(address db1)/3306; exec 3>&-" || true
    done
    drop_sessions db1
    hold
    ctl sql db1 'FLUSH HOSTS' 2>/dev/null || ctl sql db1 'TRUNCATE TABLE performance_schema.host_cache'
    ctl sql db1 'SET GLOBAL max_connect_errors = 100'
    await_ping
}

fault_read_lock_held() {
    ctl sql db1 'FLUSH TABLES WITH READ LOCK; DO SLEEP(7)' >/dev/null
    await_ping
}

fault_saturated() {
    local i
    for i in 1 2 3 4 5 6 7; do
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

# --- B. the network --------------------------------------------------------------------------------
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
    local i
    for i in 1 2 3; do
        ctl cutlink manager db1
        sleep 5
        ctl heallink manager db1
        sleep 2
    done
    await_ping
}

fault_flapping_master_cable() {
    local i
    for i in 1 2 3 4; do
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

# --- C. replicas and data --------------------------------------------------------------------------
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

# --- D. the manager --------------------------------------------------------------------------------
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

# --- What the configuration must say for some ------------------------------------------------------
# conf_for NAME: sed commands on the lab's own configuration, one a line.
conf_for() {
    local hook="master_ip_failover_script=$PWD/$dir/hook"
    case $1 in
    kill-supervised-ride) echo '/^\[server default\]/a on_crash_restart=ride' && echo '/^\[server default\]/a planned_stop_wait=30' ;;
    clean-restart) echo '/^\[server default\]/a planned_stop_wait=30' ;;
    freeze-host | poweroff-host | cable-of-master | no-agent)
        echo "/^\\[server default\\]/a shutdown_script=$PWD/$dir/shutdown_script"
        [[ $1 != no-agent ]] || echo '/^\[server default\]/a node_path=/nowhere/kagemusha-node'
        [[ $1 != no-agent ]] || echo "/^writer_vip/d; /^\\[server default\\]/a $hook"
        ;;
    replica-down-dispensable | replica-dies-too | candidate-dies-too) echo '/^hostname=db[23]/a ignore_fail=1' ;;
    receiver-behind) echo '/^hostname=db2/a candidate_master=1' ;;
    no-master-is-latest) echo '/^hostname=db3/a no_master=1' ;;
    vip-hook-lies) echo "/^writer_vip/d; /^\\[server default\\]/a $hook" ;;
    hook-*) echo "/^\\[server default\\]/a hook_timeout=2" && echo "/^\\[server default\\]/a $hook" ;;
    journal-unwritable) echo '/^\[server default\]/a journal_dir=/dev/null/below' ;;
    esac
}

# The hook script of those that have one.
hook_for() {
    case $1 in
    hook-hangs) echo 'case "$*" in *--command=stop*) sleep 1000 ;; esac' ;;
    hook-dies) echo 'case "$*" in *--command=stop*) kill -KILL $$ ;; esac' ;;
    hook-floods) echo 'yes "a line of a hook that does not know when to stop" | head -c 20000000' ;;
    no-agent) echo "case \"\$*\" in *--command=start*) ssh -o BatchMode=yes -o StrictHostKeyChecking=no -o LogLevel=ERROR root@$(address db2) 'ip addr add $LAB_VIP/24 dev eth0; arping -U -c 1 -I eth0 $LAB_VIP >/dev/null || true' ;; esac" ;;
    esac
}
