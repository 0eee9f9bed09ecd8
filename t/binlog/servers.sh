# shellcheck shell=bash
# Real servers on loopback for the tests of the binary log reader: start, stop, kill, SQL. Sourced at
# the top of the tree, with $dir set to a directory of the test's own.

: "${dir:?}"
declare -gA server_pid=()

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

# server_start NAME ROLE ID [OPTION...]: on its data directory $dir/NAME-ROLE, made from the template
# at the first time; the port is in $dir/NAME-ROLE.port.
server_start() {
    local name=$1 role=$2 data=$dir/$1-$2 id=$3
    shift 3
    local options=("--datadir=$data" "--socket=$data.sock" "--pid-file=$data.pid"
        --bind-address=127.0.0.1 "--tmpdir=$dir" --user=root "--server-id=$id" --log-bin=mbin
        --relay-log=relay --log-slave-updates --skip-name-resolve --innodb-buffer-pool-size=32M
        --max-connections=40 --sync-binlog=0 --innodb-flush-log-at-trx-commit=2
        --loose-innodb-use-native-aio=0 --max-allowed-packet=1G "--log-error=$data.log")
    case $name in
    mysql9) options+=(--skip-replica-start --mysqlx=OFF) ;;
    mysql56) options+=(--skip-slave-start --performance-schema=OFF --innodb-log-file-size=256M) ;;
    *) options+=(--skip-slave-start --innodb-log-file-size=64M) ;;
    esac
    if [[ ! -d $data ]]; then
        cp -a --reflink=auto "build/servers/$name/template" "$data"
        # MySQL 5.6 has log files of another size in its template.
        [[ $name != mysql56 ]] || rm -f "$data"/ib_logfile*
        free_port >"$data.port"
    fi
    "$PWD/build/servers/$name/bin/mysqld" --no-defaults "${options[@]}" "--port=$(<"$data.port")" \
        "$@" >"$data.out" 2>&1 &
    server_pid[$name-$role]=$!
    disown $!
    server_await "$name" "$role"
}

# server_sql NAME ROLE [CLIENT OPTION...]: SQL from standard input, as root.
server_sql() {
    local name=$1 data=$dir/$1-$2
    shift 2
    "$PWD/build/servers/$name/bin/mysql" --no-defaults -uroot --socket="$data.sock" --batch \
        --max-allowed-packet=1G --local-infile=1 --skip-column-names "$@"
}

server_await() {
    local i
    for ((i = 0; i < 600; i++)); do
        if echo "SELECT 1" | server_sql "$1" "$2" >/dev/null 2>&1; then
            return 0
        fi
        kill -0 "${server_pid[$1-$2]}" 2>/dev/null || break
        sleep 0.1
    done
    echo "# $1 does not start:"
    tail -n 5 "$dir/$1-$2.log" "$dir/$1-$2.out" | sed 's/^/# /'
    return 1
}

# server_end NAME ROLE [SIGNAL]
server_end() {
    local pid=${server_pid[$1-$2]-}
    [[ -n $pid ]] || return 0
    kill -"${3-TERM}" "$pid" 2>/dev/null || true
    while kill -0 "$pid" 2>/dev/null; do
        sleep 0.05
    done
    unset "server_pid[$1-$2]"
}

servers_end() {
    local key
    for key in "${!server_pid[@]}"; do
        server_end "${key%-*}" "${key##*-}" KILL
    done
}
