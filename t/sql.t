#!/usr/bin/env bash
# The SQL layer against real servers on loopback: a pair (master, replica) of each family, started
# and stopped here. The checks themselves are in t/sql/driver.c.
# Usage: t/sql.t [NAME...], names as t/servers/get knows them; B=build directory.
set -eu

cd "$(dirname "$0")/.."
B=${B:-build}
driver=${SQL_DRIVER:-$B/t/sql/driver}
dir=$(mktemp -d "${TMPDIR:-/tmp}/sql.XXXXXX")
pids=()
count=0

clean() {
    stop_all
    rm -rf "$dir"
}
trap clean EXIT
trap 'exit 1' INT TERM HUP

stop_all() {
    local pid
    for pid in "${pids[@]}"; do
        kill -9 "$pid" 2>/dev/null || true
        while kill -0 "$pid" 2>/dev/null; do
            sleep 0.05
        done
    done
    pids=()
}

# Prints a port of loopback on which nobody listens.
free_port() {
    local port
    while :; do
        port=$((RANDOM % 20000 + 12000))
        if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
            echo "$port"
            return
        fi
    done
}

# start NAME ROLE ID PORT: a server on its own copy of the template; sets pid.
start() {
    local name=$1 role=$2 data=$dir/$1-$2
    local options=("--datadir=$data" "--socket=$data.sock" "--pid-file=$data.pid" "--port=$4"
        --bind-address=127.0.0.1 "--tmpdir=$dir" --user=root "--server-id=$3" --log-bin=mysql-bin
        --relay-log=relay-bin --log-slave-updates --binlog-format=ROW --skip-name-resolve
        --innodb-buffer-pool-size=64M --max-connections=40 --sync-binlog=0
        --innodb-flush-log-at-trx-commit=0 --loose-innodb-use-native-aio=0
        "--log-error=$data.log")
    case $name in
    mysql9) options+=(--skip-replica-start --gtid-mode=ON --enforce-gtid-consistency=ON) ;;
    mysql56)
        options+=(--skip-slave-start --gtid-mode=ON --enforce-gtid-consistency=1
            --performance-schema=OFF --master-info-repository=TABLE --relay-log-info-repository=TABLE)
        ;;
    *) options+=(--skip-slave-start --innodb-log-file-size=32M --gtid-strict-mode=ON) ;;
    esac
    cp -a "build/servers/$name/template" "$data"
    "$PWD/build/servers/$name/bin/mysqld" --no-defaults "${options[@]}" >"$data.out" 2>&1 &
    pid=$!
    pids+=("$pid")
    disown "$pid"
}

# client NAME ROLE: SQL from standard input through the socket, as root.
client() {
    "$PWD/build/servers/$1/bin/mysql" --no-defaults -uroot --socket="$dir/$1-$2.sock" --batch
}

await() {
    local i
    for ((i = 0; i < 600; i++)); do
        if echo "SELECT 1" | client "$1" "$2" >/dev/null 2>&1; then
            return 0
        fi
        # One that ended by itself will not come.
        kill -0 "$3" 2>/dev/null || break
        sleep 0.1
    done
    tail -n 20 "$dir/$1-$2.log" | sed 's/^/# /'
    return 1
}

# The accounts of both servers, outside the binlog: the pair starts with the same empty history.
accounts() {
    cat <<'SQL'
SET sql_log_bin=0;
CREATE USER 'kage'@'127.0.0.1' IDENTIFIED BY 'Pa#s;w''0r"d$';
GRANT ALL PRIVILEGES ON *.* TO 'kage'@'127.0.0.1' WITH GRANT OPTION;
CREATE USER 'repl'@'127.0.0.1' IDENTIFIED BY 'R\\e"p;l #''4$y';
GRANT REPLICATION SLAVE ON *.* TO 'repl'@'127.0.0.1';
CREATE USER 'plain'@'127.0.0.1' IDENTIFIED BY 'plain';
GRANT SELECT ON *.* TO 'plain'@'127.0.0.1';
SQL
    # Roles where the family has them.
    case $1 in
    mysql56) ;;
    mysql9)
        echo "CREATE ROLE 'replicators'; GRANT REPLICATION SLAVE ON *.* TO 'replicators';"
        echo "CREATE USER 'byrole'@'127.0.0.1' IDENTIFIED BY 'x'; GRANT 'replicators' TO 'byrole'@'127.0.0.1';"
        ;;
    *)
        echo "CREATE ROLE replicators; GRANT REPLICATION SLAVE ON *.* TO replicators;"
        echo "CREATE USER 'byrole'@'127.0.0.1' IDENTIFIED BY 'x'; GRANT replicators TO 'byrole'@'127.0.0.1';"
        ;;
    esac
    # A name with every awkward byte.
    cat <<'SQL'
CREATE USER 'o''b"rien\\'@'127.0.0.1' IDENTIFIED BY 'x';
GRANT REPLICATION SLAVE ON *.* TO 'o''b"rien\\'@'127.0.0.1';
SQL
    if [[ $1 != mysql* ]]; then
        echo "RESET MASTER;"
    fi
}

# Passes the driver's lines on, numbered through all families.
renumber() {
    local line
    while IFS= read -r line; do
        case $line in
        ok\ * | not\ ok\ *)
            count=$((count + 1))
            line=$(sed "s/^\(\(not \)\{0,1\}ok\) [0-9]*/\1 $count/; s/ - / - $1: /" <<<"$line")
            ;;
        1..*) continue ;;
        esac
        printf '%s\n' "$line"
    done
    echo "$count" >"$dir/count"
}

family() {
    local name=$1 role master replica master_pid replica_pid rc=0
    count=$((count + 1))
    t/servers/get "$name" >"$dir/get.log" 2>&1 || rc=$?
    if ((rc == 77)); then
        echo "ok $count # SKIP $name: $(tail -n 1 "$dir/get.log")"
        return 0
    fi
    master=$(free_port)
    replica=$(free_port)
    if ((rc == 0)); then
        start "$name" master 1 "$master"
        master_pid=$pid
        start "$name" replica 2 "$replica"
        replica_pid=$pid
        for role in master replica; do
            pid=${role}_pid
            if ! await "$name" "$role" "${!pid}" || ! accounts "$name" | client "$name" "$role"; then
                rc=1
                break
            fi
        done
    fi
    if ((rc != 0)); then
        echo "not ok $count - $name: servers start"
        return 0
    fi
    echo "ok $count - $name: servers start, version $(cat "build/servers/$name/version")"
    SQL_SERVER=$name SQL_MASTER_PORT=$master SQL_REPLICA_PORT=$replica SQL_MASTER_PID=$master_pid \
        SQL_REPLICA_PID=$replica_pid "$driver" >"$dir/tap" 2>&1 || rc=$?
    renumber "$name" <"$dir/tap"
    count=$(cat "$dir/count")
    # A driver that died shows in its status, whatever it had printed before.
    count=$((count + 1))
    if ((rc > 1)); then
        echo "not ok $count - $name: the driver ended with status $rc"
    else
        echo "ok $count - $name: the driver came to its end"
    fi
    stop_all
    rm -rf "$dir/$name"-*
}

[[ -x $driver ]] || make -s B="$B" "$driver"
if (($# == 0)); then
    set -- mariadb mariadb11 mysql9 mysql56
fi
for server; do
    family "$server"
done
echo "1..$count"
