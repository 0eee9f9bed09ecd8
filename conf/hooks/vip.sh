# shellcheck shell=bash disable=SC2034
# Moving a writer address between two hosts through SSH: added, announced by gratuitous ARP, seen to
# be there; or taken away and seen to be gone. Sourced by master_ip_failover and
# master_ip_online_change, which MHA's arguments reach as --name=value.
#
# The address is part of what the configuration calls:
#   master_ip_failover_script=/usr/share/kagemusha/hooks/master_ip_failover --vip=192.0.2.100/24 --dev=eth0
# Other logins than root need sudo without a password for ip and arping.

vip='' dev='' ssh_options='' command='' new_slave=0
declare -A arg=()

vip_fail() {
    echo "${0##*/}: $*" >&2
    exit 1
}

# Unknown arguments are let pass: a later version may send more.
vip_parse() {
    local word name value
    for word; do
        name=${word%%=*} value=${word#*=}
        name=${name#--}
        case $name in
        vip) vip=$value ;;
        dev) dev=$value ;;
        command) command=$value ;;
        ssh_options) ssh_options=$value ;;
        orig_master_is_new_slave) new_slave=1 ;;
        *) arg[$name]=$value ;;
        esac
    done
    [[ $vip =~ ^[0-9a-fA-F.:]+/[0-9]+$ && $dev =~ ^[a-zA-Z0-9_.:@-]+$ ]] ||
        vip_fail "--vip=ADDRESS/LENGTH --dev=DEVICE must stand in the configuration"
    : "$new_slave"
}

# vip_on ROLE SCRIPT: runs it on the old ("orig") or the new master.
vip_on() {
    local role=$1_master host user
    host=${arg[${role}_ssh_ip]:-${arg[${role}_ip]:-${arg[${role}_host]:-}}}
    user=${arg[${role}_ssh_user]:-${arg[ssh_user]:-root}}
    [[ -n $host ]] || vip_fail "no host for --$role..."
    # The options are several words.
    # shellcheck disable=SC2086
    ssh ${ssh_options:--o StrictHostKeyChecking=accept-new -o PasswordAuthentication=no} -o BatchMode=yes \
        -o ConnectTimeout=5 -p "${arg[${role}_ssh_port]:-22}" "$user@$host" \
        "su=; [ \"\$(id -u)\" = 0 ] || su='sudo -n'; v=$vip; a=\${v%/*}; d=$dev; $2"
}

# The words in quotes are for the shell over there. arping waits for a second after its last packet,
# and clients are waiting meanwhile: its first is out, or it has failed, when we go on.
# shellcheck disable=SC2016
vip_add='$su ip addr show dev $d | grep -qwF "$a" || $su ip addr add $v dev $d || exit 1
    case $a in
    *:*) : ;;
    *) PATH=$PATH:/usr/sbin:/sbin
       command -v arping >/dev/null || exit 2
       $su arping -q -U -c 3 -I $d $a </dev/null >/dev/null 2>&1 & p=$!
       sleep 0.05
       kill -0 $p 2>/dev/null || wait $p || exit 2 ;;
    esac
    $su ip addr show dev $d | grep -qwF "$a"'
# shellcheck disable=SC2016
vip_del='! $su ip addr show dev $d | grep -qwF "$a" || $su ip addr del $v dev $d || exit 1
    ! $su ip addr show dev $d | grep -qwF "$a"'

# The new master has the address; whoever answers for it besides would split the clients.
vip_start() {
    local rc=0
    vip_on new "$vip_add" || rc=$?
    case $rc in
    0) echo "${0##*/}: $vip is on ${arg[new_master_host]}, announced" ;;
    2)
        echo "${0##*/}: $vip is on ${arg[new_master_host]}, but not announced: install iputils-arping there" >&2
        exit 10
        ;;
    *) vip_fail "$vip could not be added on ${arg[new_master_host]}" ;;
    esac
}

vip_stop() {
    vip_on orig "$vip_del" || vip_fail "$vip could not be taken from ${arg[orig_master_host]}"
    echo "${0##*/}: $vip is gone from ${arg[orig_master_host]}"
}
