# shellcheck shell=bash
# Hosts: namespaces with a pid 1, a cable to the bridge, an address. Sourced after state.sh.
# Hosts know each other by name through /etc/hosts; nothing of the machine's network is touched.

host_number() {
    case $1 in
    db[1-5]) echo $((10 + ${1#db})) ;;
    manager) echo 20 ;;
    client) echo 30 ;;
    *) die "not a host: $1" ;;
    esac
}

host_address() {
    echo "$LAB_PREFIX.$(host_number "$1")"
}

host_mac() {
    printf '02:4b:00:%02x:00:%02x\n' "${LAB_PREFIX##*.}" "$(host_number "$1")"
}

# detached COMMAND...: a process of this lab that outlives the command, without our descriptors.
detached() {
    env -i PATH="$PATH" LAB_TOKEN="$LAB_TOKEN" LAB_DIR="$LAB_DIR" LAB_TOP="$LAB_TOP" \
        LAB_TOOLS="$LAB_TOOLS" setsid "$@" </dev/null 9>&- &
}

bridge_boot() {
    detached unshare --net --pid --mount --fork --propagation private \
        "$LAB_TOP/t/lab/boot" bridge >"$LAB_DIR/bridge.log" 2>&1
    until_true 10 recorded_pid "$LAB_DIR/bridge.pid" >/dev/null || die "the bridge did not start"
    in_bridge ip -batch - <<-IP
	link set lo up
	link add br0 type bridge
	link set br0 up
	IP
}

# What lies on the host's own disk: made once, kept over power off and on.
host_make() {
    local d=$LAB_DIR/hosts/$1
    mkdir -p "$d"/etc/ssh "$d"/etc/mysql "$d"/fs/{var-lib-mysql,var-lib-kagemusha,var-tmp,run,root,var-log}
    mkdir -p "$d"/fs/run/{sshd,mysqld,lock} "$d/fs/root/.ssh" "$d/fs/var-log/mysql"
    chmod 755 "$d/fs" "$d"/fs/*
    chmod 1777 "$d/fs/var-tmp"
    chmod 700 "$d/fs/root/.ssh"
    cp "$LAB_DIR"/etc/{passwd,group,shadow,hosts} "$d/etc/"
    echo "$1" >"$d/etc/hostname"
    ssh-keygen -q -t ed25519 -N '' -C "$1" -f "$d/etc/ssh/ssh_host_ed25519_key"
    case $1 in
    manager) cp "$LAB_DIR/etc/id_ed25519" "$LAB_DIR/etc/id_ed25519.pub" "$d/fs/root/.ssh/" ;;
    db*) cp "$LAB_DIR/etc/id_ed25519.pub" "$d/fs/root/.ssh/authorized_keys" ;;
    esac
    chown "$LAB_MYSQL_UID" "$d"/fs/run/mysqld "$d"/fs/var-log/mysql
    cat >"$d/etc/ssh/sshd_config" <<-SSHD
	Port 22
	ListenAddress 0.0.0.0
	ListenAddress ::
	HostKey /etc/ssh/ssh_host_ed25519_key
	PidFile /run/sshd.pid
	PermitRootLogin prohibit-password
	PasswordAuthentication no
	UsePAM no
	UseDNS no
	PrintMotd no
	PrintLastLog no
	MaxStartups 200
	MaxSessions 100
	SetEnv PATH=$LAB_PATH
	Subsystem sftp internal-sftp
	SSHD
}

# What all hosts share: accounts (with a mysql user, which the machine may lack), names, one key.
hosts_common() {
    local e=$LAB_DIR/etc h
    mkdir -p "$e"
    LAB_MYSQL_UID=$(id -u mysql 2>/dev/null || echo 27306)
    { grep -v '^mysql:' /etc/passwd || true; } >"$e/passwd"
    echo "mysql:x:$LAB_MYSQL_UID:$LAB_MYSQL_UID::/nonexistent:/bin/false" >>"$e/passwd"
    { grep -v '^mysql:' /etc/group || true; } >"$e/group"
    echo "mysql:x:$LAB_MYSQL_UID:" >>"$e/group"
    # sshd refuses a locked root even with a key; the machine's root may be locked.
    sed 's/:.*/:*:19000:0:99999:7:::/' "$e/passwd" >"$e/shadow"
    chmod 600 "$e/shadow"
    {
        echo "127.0.0.1 localhost"
        for h in $LAB_HOSTS; do
            echo "$(host_address "$h") $h"
        done
        echo "$LAB_VIP vip"
    } >"$e/hosts"
    ssh-keygen -q -t ed25519 -N '' -C "lab $LAB" -f "$e/id_ed25519"
}

# host_boot HOST: returns when pid 1 is recorded; host_ready tells when it is up.
host_boot() {
    local d=$LAB_DIR/hosts/$1
    rm -f "$d/pid" "$d/ready"
    detached unshare --net --mount --pid --uts --ipc --cgroup --fork --propagation private \
        "$LAB_TOP/t/lab/boot" "$1" "$(host_address "$1")/24" >>"$d/boot.log" 2>&1
}

host_booted() {
    until_true 10 host_is_on "$1" || die "host $1 did not start: $(tail -n 1 "$LAB_DIR/hosts/$1/boot.log")"
}

host_plug() {
    local pid
    pid=$(host_pid "$1")
    in_bridge ip -batch - <<-IP
	link add $1 type veth peer name eth0 address $(host_mac "$1") netns $pid
	link set $1 master br0 up
	IP
}

host_ready() {
    until_true 10 test -e "$LAB_DIR/hosts/$1/ready" ||
        die "host $1 did not come up: $(tail -n 1 "$LAB_DIR/hosts/$1/boot.log")"
}
