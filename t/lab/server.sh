# shellcheck shell=bash
# One database server a host: its option file, its accounts, start and stop, SQL through its own
# socket. Sourced after state.sh and host.sh. It knows nothing of who should be master.

SERVER_SOCKET=/run/mysqld/mysqld.sock
SERVER_PIDFILE=/run/mysqld/mysqld.pid

# Awkward on purpose: every layer between a configuration file and a server has to quote them.
# shellcheck disable=SC2016
server_secrets() {
    LAB_ADMIN_USER=kage LAB_ADMIN_PASSWORD='Pa#s;w'\''0r"d$'
    LAB_REPL_USER=repl LAB_REPL_PASSWORD='R\e"p;l #'\''4$y'
    LAB_APP_USER=app LAB_APP_PASSWORD='aP"p\#;'\'' x'
}

# option_quote VALUE: as a MySQL option file wants it.
option_quote() {
    local v=${1//\\/\\\\}
    printf '"%s"' "${v//\"/\\\"}"
}

# sql_quote VALUE: a string literal, under the default sql_mode.
sql_quote() {
    local v=${1//\\/\\\\}
    printf "'%s'" "${v//\'/\\\'}"
}

# server_config HOST NUMBER
server_config() {
    local semi
    cat <<-CNF
	[mysqld]
	user=mysql
	server_id=$2
	port=3306
	bind_address=0.0.0.0
	report_host=$1
	datadir=/var/lib/mysql
	socket=$SERVER_SOCKET
	pid_file=$SERVER_PIDFILE
	log_error=/var/log/mysql/error.log
	tmpdir=/var/tmp
	skip_name_resolve=1
	log_bin=mysql-bin
	relay_log=relay-bin
	log_slave_updates=1
	binlog_format=ROW
	sync_binlog=1
	innodb_flush_log_at_trx_commit=1
	innodb_buffer_pool_size=64M
	loose_innodb_use_native_aio=0
	max_connections=200
	loose_max_connect_errors=1000000
	CNF
    if ((LAB_NET_TIMEOUT > 0)); then
        echo "slave_net_timeout=$LAB_NET_TIMEOUT"
    fi
    if [[ $LAB_MODE == position ]]; then
        echo relay_log_purge=0
    fi
    if [[ $1 != db1 ]]; then
        echo read_only=1
    fi
    case $LAB_FAMILY in
    mariadb) echo "innodb_log_file_size=32M" ;;
    *) echo "lower_case_table_names=0" ;;
    esac
    # Replication tables of MySQL 8 and later are part of performance_schema.
    case $LAB_SERVER in
    mysql9) printf '%s\n' mysqlx=OFF innodb_redo_log_capacity=64M ;;
    *) printf '%s\n' performance_schema=OFF ;;
    esac
    if [[ $LAB_MODE == gtid && $LAB_FAMILY == mysql ]]; then
        printf '%s\n' gtid_mode=ON enforce_gtid_consistency=ON
    fi
    # Crash-safe as the manual advises. Without recovery a replica that lost its power in position mode
    # fetches events twice: the place that was read is stored every 10,000 events only.
    if [[ $LAB_SERVER == mysql56 ]]; then
        printf '%s\n' master_info_repository=TABLE relay_log_info_repository=TABLE
    fi
    if [[ $LAB_MODE == position && $LAB_FAMILY == mysql ]]; then
        echo relay_log_recovery=1
    fi
    if [[ $LAB_SEMISYNC == 1 ]]; then
        semi=${LAB_SERVER/mariadb*/mariadb}
        server_config_semisync "$semi"
    fi
    printf '%s' "$LAB_SET"
}

server_config_semisync() {
    case $1 in
    mariadb) printf '%s\n' rpl_semi_sync_master_enabled=1 rpl_semi_sync_slave_enabled=1 ;;
    mysql9)
        printf '%s\n' 'plugin-load-add=semisync_source.so;semisync_replica.so' \
            rpl_semi_sync_source_enabled=1 rpl_semi_sync_replica_enabled=1
        ;;
    mysql56)
        printf '%s\n' 'plugin-load=semisync_master.so;semisync_slave.so' \
            rpl_semi_sync_master_enabled=1 rpl_semi_sync_slave_enabled=1
        ;;
    esac
}

# server_data HOST: an empty data directory from the template, owned by the host's mysql.
server_data() {
    local d=$LAB_DIR/hosts/$1 target=$LAB_DIR/hosts/$1/fs/var-lib-mysql
    server_config "$1" "${1#db}" >"$d/etc/mysql/my.cnf"
    mkdir -p "$target"
    cp -a --reflink=auto --sparse=always "$LAB_TOP/build/servers/$LAB_SERVER/template/." "$target"
    rm -f "$target/.ready"
    chown -R "$LAB_MYSQL_UID:$LAB_MYSQL_UID" "$target"
}

server_accounts() {
    local u
    u=$(sql_quote "$LAB_ADMIN_USER")
    cat <<-SQL
	SET sql_log_bin = 0;
	CREATE USER $u@'%' IDENTIFIED BY $(sql_quote "$LAB_ADMIN_PASSWORD");
	GRANT ALL PRIVILEGES ON *.* TO $u@'%' WITH GRANT OPTION;
	CREATE USER '$LAB_REPL_USER'@'%' IDENTIFIED BY $(sql_quote "$LAB_REPL_PASSWORD");
	GRANT REPLICATION SLAVE ON *.* TO '$LAB_REPL_USER'@'%';
	CREATE USER '$LAB_APP_USER'@'%' IDENTIFIED BY $(sql_quote "$LAB_APP_PASSWORD");
	GRANT SELECT, INSERT, UPDATE, DELETE ON app.* TO '$LAB_APP_USER'@'%';
	DROP USER root@localhost;
	SQL
    if [[ $LAB_SERVER == mysql9 ]]; then
        echo "RESET BINARY LOGS AND GTIDS;"
    else
        echo "RESET MASTER;"
    fi
}

server_schema() {
    cat <<-SQL
	CREATE DATABASE app;
	CREATE TABLE app.ledger (
	    writer INT NOT NULL, n BIGINT NOT NULL, server_id INT NOT NULL, pad LONGBLOB,
	    PRIMARY KEY (writer, n)) ENGINE = InnoDB;
	CREATE TABLE app.sample (
	    target INT NOT NULL, n BIGINT NOT NULL, PRIMARY KEY (target, n)) ENGINE = InnoDB;
	SQL
}

server_follow() {
    local pw
    pw=$(sql_quote "$LAB_REPL_PASSWORD")
    if [[ $LAB_SERVER == mysql9 ]]; then
        echo "CHANGE REPLICATION SOURCE TO SOURCE_HOST='$1', SOURCE_PORT=3306,"
        echo "  SOURCE_USER='$LAB_REPL_USER', SOURCE_PASSWORD=$pw, SOURCE_CONNECT_RETRY=1,"
        echo "  GET_SOURCE_PUBLIC_KEY=1, SOURCE_RETRY_COUNT=1000000,"
        case $LAB_MODE in
        gtid) echo "  SOURCE_AUTO_POSITION=1;" ;;
        *) echo "  SOURCE_AUTO_POSITION=0, SOURCE_LOG_FILE='mysql-bin.000001', SOURCE_LOG_POS=4;" ;;
        esac
        echo "START REPLICA;"
        return
    fi
    echo "CHANGE MASTER TO MASTER_HOST='$1', MASTER_PORT=3306, MASTER_USER='$LAB_REPL_USER',"
    echo "  MASTER_PASSWORD=$pw, MASTER_CONNECT_RETRY=1,"
    case $LAB_MODE/$LAB_FAMILY in
    gtid/mariadb) echo "  MASTER_USE_GTID=slave_pos;" ;;
    gtid/mysql) echo "  MASTER_AUTO_POSITION=1;" ;;
    position/mariadb) echo "  MASTER_USE_GTID=no, MASTER_LOG_FILE='mysql-bin.000001', MASTER_LOG_POS=4;" ;;
    *) echo "  MASTER_LOG_FILE='mysql-bin.000001', MASTER_LOG_POS=4;" ;;
    esac
    echo "START SLAVE;"
}

# server_start HOST: returns when the server accepts connections.
server_start() {
    local log=$LAB_DIR/hosts/$1/fs/var-log/mysql/error.log
    server_alive "$1" && return
    # The log is the server's to create: it could not open one of root's.
    SERVER_LOG_LINES=$( (cat "$log" 2>/dev/null || true) | wc -l)
    server_launch "$1"
    until_true 120 server_settled "$1" "$log" || true
    server_answers "$1" || die "mysqld of $1 did not start: $(grep -h ERROR "$log" | tail -n 2)"
}

# server_settled HOST LOG: it answers, or has given up.
server_settled() {
    server_answers "$1" || tail -n "+$((SERVER_LOG_LINES + 1))" "$2" 2>/dev/null | grep -q 'ERROR.*Aborting'
}

server_launch() {
    local program=$LAB_SERVER_DIR/bin/mysqld
    if [[ $LAB_SUPERVISE == 1 ]]; then
        program="$LAB_TOP/t/lab/mysqld_safe $program"
    fi
    # The shell ends at once, so that pid 1 of the host becomes the server's parent.
    # shellcheck disable=SC2016
    on "$1" bash -c 'rm -f "$1"; cd /; setsid $2 --defaults-file=/etc/mysql/my.cnf \
        </dev/null >>/var/log/mysql/stdout.log 2>&1 9>&- &' launch "$SERVER_SOCKET" "$program"
}

server_answers() {
    [[ -S $LAB_DIR/hosts/$1/fs/run/mysqld/mysqld.sock ]] &&
        on "$1" "$LAB_SERVER_DIR/bin/mysql" --no-defaults -u nobody -S "$SERVER_SOCKET" -e 'SELECT 1' 2>&1 |
        grep -q 'ERROR 1045\|ERROR 1698\|^1'
}

# server_pid HOST: the server's pid inside the host, if it is that host's living mysqld.
server_pid() {
    # shellcheck disable=SC2016
    on "$1" bash -c 'pid=$(cat "$1" 2>/dev/null) && tr "\0" " " 2>/dev/null <"/proc/$pid/cmdline" |
        grep -q "defaults-file=/etc/mysql/my.cnf" && echo "$pid"' pid "$SERVER_PIDFILE"
}

server_alive() {
    host_is_on "$1" && [[ -n $(server_pid "$1") ]]
}

# server_signal HOST SIGNAL
server_signal() {
    local pid
    pid=$(server_pid "$1") || die "no mysqld runs on $1"
    on "$1" kill "-$2" "$pid"
}

server_gone() {
    ! server_alive "$1"
}

# server_sql HOST [OPTION...]: statements on stdin, as the administrator, through the socket.
server_sql() {
    local h=$1
    shift
    on "$h" "$LAB_SERVER_DIR/bin/mysql" --defaults-file="$LAB_DIR/admin.cnf" "$@"
}

# First contact: root of the template, through the socket.
server_sql_root() {
    on "$1" "$LAB_SERVER_DIR/bin/mysql" --no-defaults -u root -S "$SERVER_SOCKET"
}

# server_replica_status HOST: key<TAB>value lines under MySQL's old names, empty if it is no replica.
# Fails if the server does not answer.
server_replica_status() {
    local show='SHOW SLAVE STATUS' text
    if [[ $LAB_SERVER == mysql9 ]]; then
        show='SHOW REPLICA STATUS'
    fi
    text=$(server_sql "$1" -E <<<"$show") || return 1
    sed -n 's/^ *\([A-Za-z_]*\): \{0,1\}\(.*\)/\1\t\2/p' <<<"$text" |
        sed 's/^Source_/Master_/; s/_Source_/_Master_/; s/^Replica_/Slave_/; s/_Replica_/_Slave_/'
}

# server_position HOST: its own binlog's end as FILE POSITION.
server_position() {
    local show='SHOW MASTER STATUS'
    if [[ $LAB_SERVER == mysql9 ]]; then
        show='SHOW BINARY LOG STATUS'
    fi
    show=$(server_sql "$1" -N -B <<<"$show") || return 1
    cut -f 1,2 <<<"$show"
}
