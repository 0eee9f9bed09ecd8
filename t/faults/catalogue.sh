# shellcheck shell=bash
# The faults of the campaign, by name. Sourced by t/campaign, whose functions do the work.
# A row: name, what must come of it, options of the lab (- for none), which faults of the catalogue it stands for,
# and on which server `make test` shows it (`make test-all` shows all on
# every server of t/matrix); - for what does not hold yet.
#   none      no failover is begun; the group goes on as soon as the fault is healed
#   failover  one failover, and the group goes on
#   either    one of the two
#   refused   there is no master afterwards, and the manager says why
# fault_NAME (beside this file, by class) brings it about, and heals it, up to where the oracle may look. Names have
# underscores there.
# shellcheck disable=SC2034,SC2154  # read and set by t/campaign

faults='
kill-mysqld                  failover  -                   FA1          mariadb
kill-mysqld-idle             failover  -                   FA1          mysql9
kill-supervised              failover  --supervise         FA2,FA16     mysql9
kill-supervised-ride         none      --supervise         FA2          mysql9
clean-restart                none      -                   FA3          mariadb
clean-stop                   failover  -                   FA3          mariadb
sigstop-mysqld               failover  -                   FA4,FE8      both
freeze-host                  failover  --net-timeout=0     FA5          mysql9
freeze-host-unfenceable      none      -                   FA5,FB8      mysql9
poweroff-host                failover  --net-timeout=0     FA6          mysql9
reboot-after-failover        failover  -                   FA6,FE8      -
cable-of-master              failover  --net-timeout=0     FB2,FB8      both
cable-of-master-unfenceable  none      -                   FB2          mariadb
disk-full                    none      --small-disk=96m    FA7          mariadb
disk-stalled                 none      --small-disk=96m    FA9          both
too-many-connections         none      -                   FA10         mariadb
password-rotated             none      -                   FA11         mariadb
host-blocked                 none      --set=skip_name_resolve=0 FA12         mariadb
read-lock-held               none      -                   FA13         mariadb
saturated                    none      -                   FA14         mariadb
semisync-blocked             none      --semisync          FA17         mariadb
read-only-by-hand            none      -                   FA18         mariadb
manager-master-cut           none      -                   FB1          mariadb
master-replicas-cut          none      -                   FB3          mariadb
one-replica-cut              none      -                   FB4          mysql9
manager-cut-off              none      -                   FB5,FB13     mariadb
oneway-to-master             none      -                   FB7          mysql9
oneway-from-master           none      -                   FB7          mysql9
packet-loss                  none      -                   FB9          mysql9
flapping-manager-link        none      -                   FB10         mysql9
flapping-master-cable        none      -                   FB10,FB11    mariadb
hosts-file-lost              failover  -                   FB12         mariadb
ssh-to-master-blocked        none      -                   FB14         mariadb
sshd-of-master-dead          none      -                   FB14         mysql9
sshd-of-master-hangs         none      -                   FB16         mysql9
host-key-changed             none      -                   FB15         mariadb
port-to-master-blocked       none      -                   FB14,FB1     mysql9
bulk-from-master-lost        failover  -                   FB17         mysql9
vip-on-a-replica-too         failover  -                   FB19         mysql9
vip-hook-lies                failover  -                   FB20,FD12    mariadb
applier-behind               failover  -                   FC1          mysql9
receiver-behind              failover  -                   FC2          mysql9
applier-stopped              failover  -                   FC4          mysql9
replica-restarted            failover  -                   FC5          mysql9
no-master-is-latest          failover  -                   FC3          mysql9
errant-on-replica            failover  -                   FC10         mysql9
errant-on-candidate          failover  -                   FC9          mysql9
conflict-on-replica          failover  -                   FC14         mariadb
delayed-candidate            failover  -                   FC20         mariadb
large-transaction            failover  -                   FC21,FC7     mariadb
replica-dies-too             either    -                   FC15         mysql9
candidate-dies-too           either    -                   FC16,FC17    mysql9
replica-down-dispensable     failover  -                   FC15         mysql9
replica-down                 refused   -                   FC15,F5      mysql9
manager-killed-before        failover  -                   FD1          mariadb
manager-killed-during        failover  -                   FD2,FD3,FD4  mariadb
manager-stopped-during       failover  -                   FD6          mariadb
manager-stopped-idle         none      -                   FD6,FD7      mariadb
two-managers                 failover  -                   FD8,FB6      mariadb
monitor-session-killed       none      -                   FD9          mariadb
conf-broken                  failover  -                   FD10         mariadb
hook-hangs                   refused   -                   FD11         mariadb
hook-dies                    refused   -                   FD11         mariadb
hook-floods                  failover  -                   FD11         mariadb
journal-unwritable           refused   -                   FD5          mariadb
agents-killed                failover  -                   FD15         mariadb
no-agent                     failover  -                   FD14         mariadb
'

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
    replica-down-dispensable | replica-dies-too | candidate-dies-too | conflict-on-replica) echo '/^hostname=db[23]/a ignore_fail=1' ;;
    receiver-behind) echo '/^hostname=db2/a candidate_master=1' ;;
    no-master-is-latest) echo '/^hostname=db3/a no_master=1' ;;
    vip-hook-lies) echo "/^writer_vip/d; /^\\[server default\\]/a $hook" ;;
    hook-*) echo "/^\\[server default\\]/a hook_timeout=2" && echo "/^\\[server default\\]/a $hook" ;;
    journal-unwritable) echo '/^\[server default\]/a journal_dir=/dev/null/below' ;;
    esac
}

# fits NAME: it can be brought about on this server in this mode, and means something there.
fits() {
    case $1-$server-$mode in
    no-agent-*-position) return 1 ;;        # by position no watch begins without agents
    semisync-blocked-mysql56-*) return 1 ;; # the package has no plugin
    host-blocked-mysql*) return 1 ;;        # nothing that we send makes it refuse a host
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
