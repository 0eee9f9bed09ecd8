# shellcheck shell=bash disable=SC2154
# Five MySQL servers on one host, ports 10000 to 10004, as one unprivileged user, with SSH to
# 127.0.0.1: what suites written for MHA expect. Sourced; needs $lab, $dir, $server, $mode, $B, $out.

OH_USER=dba OH_ROOT=/var/tmp/sb OH_PORTS='10000 10001 10002 10003 10004'
# The account's name and password that MHA's own users have met.
# shellcheck disable=SC2016
OH_PASSWORD='"'\''!=#&;`=|*?$\"`' OH_LOGIN=mha OH_REPL=rsb OH_REPL_PASSWORD='r#p"l'

oh_root() {
    t/lab/exec db1 --lab "$lab" "$@"
}

# As the user, with a log-in environment.
oh() {
    oh_root setpriv --reuid=$OH_USER --regid=$OH_USER --clear-groups \
        env HOME=/var/tmp/home USER=$OH_USER LOGNAME=$OH_USER "$@"
}

# Over ssh, as MHA's manager does: each word as it is.
oh_ssh() {
    oh ssh -o StrictHostKeyChecking=no -o BatchMode=yes 127.0.0.1 "$(printf '%q ' "$@")"
}

oh_sql() {
    local port=$1
    shift
    printf '%s\n' "$@" |
        oh "$LAB_SERVER_DIR/bin/mysql" --no-defaults -u root -S "$OH_ROOT/$port/sock" -N -B 2>&1
}

oh_quote() {
    local v=${1//\\/\\\\}
    printf "'%s'" "${v//\'/\\\'}"
}

oh_config() {
    local n=$1 d=$OH_ROOT/$1
    cat <<-CNF
	[mysqld]
	server_id=$((n - 9900))
	port=$n
	bind_address=0.0.0.0
	datadir=$d/data
	socket=$d/sock
	pid_file=$d/pid
	log_error=$d/error.log
	log_bin=$d/binlogs/mysql-bin
	relay_log=$d/relay/relay-bin
	log_slave_updates=1
	relay_log_purge=0
	skip_name_resolve=1
	innodb_log_file_size=4M
	innodb_buffer_pool_size=8M
	innodb_flush_log_at_trx_commit=2
	performance_schema=OFF
	slave_net_timeout=10
	report_host=127.0.0.1
	report_port=$n
	skip_slave_start=1
	CNF
    if [[ $mode == gtid ]]; then
        printf '%s\n' gtid_mode=ON enforce_gtid_consistency=ON
    fi
}

oh_make() {
    local n=$1 d
    d=$dir/hosts/db1/fs/var-tmp/sb/$n
    mkdir -p "$d"/{data,binlogs,relay}
    cp -a "$LAB_SERVER_DIR/template/." "$d/data"
    rm -f "$d/data/.ready" "$d/data/"ib_logfile*
    oh_config "$n" >"$d/my.cnf"
}

oh_start() {
    oh "$LAB_SERVER_DIR/bin/mysqld" --defaults-file="$OH_ROOT/$1/my.cnf" >/dev/null 2>&1 &
}

oh_answers() {
    [[ $(oh_sql "$1" 'SELECT 1') == 1 ]]
}

oh_answers_all() {
    local n
    for n in $OH_PORTS; do
        oh_answers "$n" || return 1
    done
}

# kill -9, and gone.
oh_kill() {
    local pid
    pid=$(oh cat "$OH_ROOT/$1/pid")
    oh kill -9 "$pid"
    while oh kill -0 "$pid" 2>/dev/null; do sleep 0.02; done
    oh rm -f "$OH_ROOT/$1/pid"
}

oh_accounts() {
    printf '%s\n' 'SET sql_log_bin=0;' \
        "GRANT ALL ON *.* TO '$OH_LOGIN'@'%' IDENTIFIED BY $(oh_quote "$OH_PASSWORD") WITH GRANT OPTION;" \
        "GRANT REPLICATION SLAVE ON *.* TO '$OH_REPL'@'%' IDENTIFIED BY $(oh_quote "$OH_REPL_PASSWORD");"
}

oh_user() {
    local home=$dir/hosts/db1/fs/var-tmp/home
    mkdir -p "$home/.ssh" "$dir/hosts/db1/fs/var-tmp/sb"
    # shellcheck disable=SC2016
    oh_root sh -c 'echo "dba:x:27400:27400::/var/tmp/home:/bin/bash" >>/etc/passwd
        echo "dba:x:27400:" >>/etc/group; echo "dba:*:19000:0:99999:7:::" >>/etc/shadow'
    cp "$dir/etc/id_ed25519" "$dir/etc/id_ed25519.pub" "$home/.ssh/"
    cp "$dir/etc/id_ed25519.pub" "$home/.ssh/authorized_keys"
    chmod 700 "$home/.ssh"
    chmod 600 "$home/.ssh/"*
}

oh_raise() {
    local n
    oh_user
    for n in $OH_PORTS; do oh_make "$n"; done
    oh_root chown -R $OH_USER:$OH_USER /var/tmp/home $OH_ROOT
    for n in $OH_PORTS; do oh_start "$n"; done
    within 60 oh_answers_all || return 1
    for n in $OH_PORTS; do
        oh_accounts | oh "$LAB_SERVER_DIR/bin/mysql" --no-defaults -u root -S "$OH_ROOT/$n/sock" || return 1
    done
}

# oh_follow PORT MASTER: from the beginning of the master's log.
oh_follow() {
    local how="MASTER_LOG_FILE='mysql-bin.000001', MASTER_LOG_POS=4"
    [[ $mode != gtid ]] || how=MASTER_AUTO_POSITION=1
    oh_sql "$1" "CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT=$2, MASTER_USER='$OH_REPL',
        MASTER_PASSWORD=$(oh_quote "$OH_REPL_PASSWORD"), MASTER_CONNECT_RETRY=1, $how; START SLAVE;
        SET GLOBAL read_only=1;"
}

# oh_fresh MASTER [PORT:OF...]: all servers as new, all others replicas of the first, but for those
# whose master is named.
oh_fresh() {
    local master=$1 n of word
    shift
    for n in $OH_PORTS; do oh_answers "$n" || oh_start "$n"; done
    within 60 oh_answers_all || return 1
    for n in $OH_PORTS; do
        oh_sql "$n" "STOP SLAVE; RESET SLAVE ALL; SET GLOBAL read_only=0;"
    done
    for n in $OH_PORTS; do
        oh_sql "$n" "SET sql_log_bin=0; DROP DATABASE IF EXISTS test1; DROP DATABASE IF EXISTS infra;
            SET sql_log_bin=1; RESET MASTER;"
    done
    for n in $OH_PORTS; do
        of=$master
        for word; do [[ $word != "$n":* ]] || of=${word#*:}; done
        [[ $n == "$master" || $of == - ]] || oh_follow "$n" "$of"
    done
    oh_sql "$master" 'CREATE DATABASE test1; CREATE TABLE test1.t (id INT PRIMARY KEY, v VARCHAR(64));
        INSERT INTO test1.t VALUES (1, "one");'
    oh rm -rf "$OH_ROOT/work"
    within 30 oh_level 1
}

# oh_level ROWS [PORT...]: so many rows everywhere.
oh_level() {
    local rows=$1 n
    shift
    for n in ${1:-$OH_PORTS} "${@:2}"; do
        [[ $(oh_sql "$n" 'SELECT COUNT(*) FROM test1.t') == "$rows" ]] || return 1
    done
}

# oh_conf [LINE...]: "N key=value" goes to server N (1 is 10000), others to the defaults.
oh_conf() {
    local n i=0 line
    {
        printf '%s\n' '[server default]' "user=$OH_LOGIN" "password=\"$OH_PASSWORD\"" "repl_user=$OH_REPL" \
            "repl_password=\"$OH_REPL_PASSWORD\"" "ssh_user=$OH_USER" "manager_workdir=$OH_ROOT/work" \
            "remote_workdir=$OH_ROOT/remote" 'ping_interval=1'
        for line; do [[ $line == [1-5]\ * ]] || echo "$line"; done
        for n in $OH_PORTS; do
            i=$((i + 1))
            printf '%s\n' "[server$i]" hostname=127.0.0.1 "port=$n" "master_binlog_dir=$OH_ROOT/$n/binlogs"
            for line; do [[ $line != $i\ * ]] || echo "${line#* }"; done
        done
    } | oh sh -c "cat >$OH_ROOT/mha.cnf"
}

# oh_master PORT: whom it follows, "IO SQL" behind it; nothing for no replica.
oh_master() {
    oh "$LAB_SERVER_DIR/bin/mysql" --no-defaults -u root -S "$OH_ROOT/$1/sock" -E -e 'SHOW SLAVE STATUS' | awk '$1 == "Master_Port:" {p = $2} $1 == "Slave_IO_Running:" {i = $2}
        $1 == "Slave_SQL_Running:" {print p, i, $2}'
}

# oh_shape "10001:10000 ...": each follows that one, both threads running; a bare port follows nobody
# and is writable.
oh_shape() {
    local word got
    for word; do
        if [[ $word == *:* ]]; then
            got=$(oh_master "${word%:*}")
            [[ $got == "${word#*:} Yes Yes" ]] || { echo "# ${word%:*}: $got" && return 1; }
        else
            got="$(oh_master "$word")$(oh_sql "$word" 'SELECT @@read_only')"
            [[ $got == 0 ]] || { echo "# $word: $got" && return 1; }
        fi
    done
}
