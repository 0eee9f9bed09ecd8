# shellcheck shell=bash
# One real server on loopback for the scanner's tests and benchmarks: started and stopped here.
# Sourced; needs $name (as t/servers/get knows it) and $dir (an empty directory that the caller removes).

: "${name:?}" "${dir:?}"
server_pids=()

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

# start_server [OPTION...]: sets port and pid; waits until it answers.
start_server() {
    local options i
    port=$(free_port)
    options=("--datadir=$dir/data" "--socket=$dir/sock" "--pid-file=$dir/pid" "--port=$port"
        --bind-address=127.0.0.1 "--tmpdir=$dir" --user=root --skip-name-resolve
        --innodb-buffer-pool-size=64M --innodb-flush-log-at-trx-commit=0
        --loose-innodb-use-native-aio=0 --loose-skip-log-bin "--log-error=$dir/log")
    case $name in
    mysql9) options+=(--loose-mysqlx=OFF) ;;
    mysql56) options+=(--performance-schema=OFF) ;;
    *) options+=(--innodb-log-file-size=32M) ;;
    esac
    [[ -d $dir/data ]] || cp -a "build/servers/$name/template" "$dir/data"
    "$PWD/build/servers/$name/bin/mysqld" --no-defaults "${options[@]}" "$@" >"$dir/out" 2>&1 &
    pid=$!
    server_pids+=("$pid")
    disown "$pid"
    for ((i = 0; i < 900; i++)); do
        if sql "SELECT 1" >/dev/null 2>&1; then
            return 0
        fi
        # One that ended by itself will not come.
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.1
    done
    tail -n 20 "$dir/log" | sed 's/^/# /'
    return 1
}

# stop_server SIGNAL: of the last one started; waits for its end.
stop_server() {
    kill "-$1" "$pid"
    while kill -0 "$pid" 2>/dev/null; do
        sleep 0.05
    done
}

stop_servers() {
    local one
    for one in "${server_pids[@]}"; do
        kill -9 "$one" 2>/dev/null || true
        while kill -0 "$one" 2>/dev/null; do
            sleep 0.05
        done
    done
}

# sql STATEMENTS: as root through the socket; tab separated, no header. sql - reads standard input.
sql() {
    local client=("$PWD/build/servers/$name/bin/mysql" --no-defaults -uroot "--socket=$dir/sock"
        --default-character-set=utf8 -N --batch --force)
    if [[ $1 == - ]]; then
        "${client[@]}"
    else
        "${client[@]}" -e "$1"
    fi
}
