#!/bin/bash
# Both SSH transports against a real sshd on loopback, with keys, host keys and an agent of our own.
# Nothing under ~/.ssh or /etc/ssh is touched; everything lives in a private directory.
set -eu

cd "$(dirname "$0")/.."
# shellcheck source=t/lib.sh
. t/lib.sh
build=$(realpath -m "${B:-build}")
client=$build/t/ssh/client
sshd=$(PATH=$PATH:/usr/sbin:/sbin command -v sshd) || skip_all "no sshd"
command -v ssh ssh-agent ssh-keygen >/dev/null || skip_all "no ssh client"
[ -x "$client" ] || { echo "Bail out! $build/t/ssh/client is not built"; exit 1; }

mkdir -p "$build"
dir=$(mktemp -d "$build/ssh.XXXXXX")
chmod 700 "$dir"
home=$dir/home ours=$dir/ours
me=$(id -un)
pids=()
unset SSH_AUTH_SOCK SSH_AGENT_PID
# Not the build's: a socket's path is short. Not /tmp itself: other tests log in meanwhile.
TMPDIR=$(mktemp -d /tmp/ssh-t.XXXXXX)
export TMPDIR

# shellcheck disable=SC2317  # called by the trap
cleanup()
{
    for pid in "${pids[@]}"; do
        kill -CONT "$pid" 2>/dev/null || true
        kill "$pid" 2>/dev/null || true
    done
    rm -rf "$dir" "$TMPDIR"
}
trap cleanup EXIT
trap 'exit 1' INT TERM HUP

show()
{
    printf '%s\n' "${got:-}" | sed 's/^/  got: /'
}

is() # want name   (compares with $got)
{
    local rc=0
    [ "$got" = "$1" ] || rc=1
    ok $rc "$2"
    [ $rc = 0 ] || printf '#   want: %s\n' "$1"
}

like() # pattern name
{
    local rc=0
    printf '%s' "$got" | grep -Eq -- "$1" || rc=1
    ok $rc "$2"
    [ $rc = 0 ] || printf '#   want: %s\n' "$1"
}

run() # client's arguments; the outcome in $got
{
    got=$("$client" --port="$port" --user="$me" --home="$home" --known_hosts="$ours" "$@" 2>&1) || true
}

# Takes a port that nobody listens on; sshd itself says if another was faster.
start_sshd() # name, host key kinds...
{
    local name=$1 kind tries
    shift
    for tries in 1 2 3 4 5; do
        port=$((20000 + (RANDOM + tries) % 12000))
        {
            echo "Port $port"
            echo "ListenAddress 127.0.0.1"
            echo "PidFile $dir/$name.pid"
            echo "AuthorizedKeysFile $dir/authorized_keys"
            echo "StrictModes no"
            echo "UsePAM no"
            echo "PasswordAuthentication no"
            echo "KbdInteractiveAuthentication no"
            echo "PermitRootLogin yes"
            echo "MaxStartups 100"
            # Else bash reads a .bashrc, which may do anything and take long.
            echo "SetEnv SHLVL=2"
            for kind; do echo "HostKey $dir/host_$kind"; done
        } >"$dir/$name.conf"
        "$sshd" -D -e -f "$dir/$name.conf" 2>"$dir/$name.log" &
        sshd_pid=$!
        pids+=("$sshd_pid")
        for _ in $(seq 200); do
            grep -q 'Server listening' "$dir/$name.log" && return 0
            kill -0 "$sshd_pid" 2>/dev/null || break
            sleep 0.05
        done
    done
    echo "Bail out! sshd does not start"
    exit 1
}

stop_sshd()
{
    kill "$sshd_pid" 2>/dev/null || true
    wait "$sshd_pid" 2>/dev/null || true
}

use_key() # kind...: the only keys in ~/.ssh
{
    rm -f "$home"/.ssh/id_*
    for kind; do cp "$dir/client_$kind" "$home/.ssh/id_${kind%_*}"; done
}

if [ "$(id -u)" = 0 ]; then
    mkdir -p /run/sshd
fi
mkdir -p "$home/.ssh"
# With sanitizers: libssh2 1.10 loses 112 bytes with each login by an ECDSA key.
echo 'leak:libssh2.so' >"$dir/lsan"
export LSAN_OPTIONS=suppressions=$dir/lsan:print_suppressions=0 ASAN_OPTIONS=fast_unwind_on_malloc=0
for kind in rsa ecdsa ed25519; do
    ssh-keygen -q -t $kind -N '' -f "$dir/client_$kind"
    ssh-keygen -q -t $kind -N '' -f "$dir/host_$kind"
    ssh-keygen -q -t $kind -N '' -f "$dir/other_$kind"
done
ssh-keygen -q -t ed25519 -N secret -f "$dir/client_ed25519_locked"
ssh-keygen -q -m PEM -t rsa -N secret -f "$dir/client_rsa_locked"
cat "$dir"/client_*.pub >"$dir/authorized_keys"
start_sshd main rsa ecdsa ed25519
use_key ed25519
run --backend=libssh2 backend
version=${got#libssh2 }
case $version in 1.1[1-9].* | [2-9].*) rsa=yes ;; *) rsa=no ;; esac
echo "# $got, $(ssh -V 2>&1)"
rm -f "$ours"

# --- both transports ---
for backend in libssh2 openssh; do
    t="--backend=$backend"
    use_key ed25519
    run $t exec 'echo out; echo err >&2; exit 7'
    is $'out\nstatus 7' "$backend: output and status"
    run $t exec 'kill -KILL $$'
    if [ $backend = libssh2 ]; then
        is 'status 137' "$backend: a signal is 128 + n"
    else
        is 'status 255' "$backend: a signal is 255, ssh(1) does not tell which"
    fi
    run $t exec 'exit 255'
    is 'status 255' "$backend: 255 of the command is no lost connection"
    run $t repeat
    is 'right 60' "$backend: the exit status is right in 60 of 60 runs"
    run $t two
    is 'good 100 status 4 5' "$backend: two channels at once"
    run $t echo
    is 'read 20000 late 0' "$backend: an answer that comes between two looks is seen at once"
    run $t exec 'head -c 20000000 /dev/zero | tr "\0" x | wc -c'
    is $'20000000\nstatus 0' "$backend: a pipeline"

    head -c 20000000 /dev/urandom >"$dir/big"
    want=$(sha256sum <"$dir/big")
    run $t stream 'sha256sum' <"$dir/big"
    is "$want"$'\nstderr 0 bytes: \nstatus 0' "$backend: 20 MB up arrive as they are"
    got=$("$client" --port="$port" --user="$me" --home="$home" --known_hosts="$ours" $t \
        stream "cat '$dir/big'" 2>"$dir/err" </dev/null | sha256sum)
    is "$want" "$backend: 20 MB down arrive as they are"
    run $t stream 'head -c 1000000 /dev/zero | tr "\0" e >&2; echo done' </dev/null
    is $'done\nstderr 65536 bytes: eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee\nstatus 0' \
        "$backend: a flood on standard error is kept to 64 KiB and hangs nobody"
    run $t stream 'sleep 0.3; exit 3' <"$dir/big"
    like 'status 3|error ssh|error io' "$backend: input that is not read ends with the command"

    begin=$SECONDS
    run $t --deadline_ms=3000 exec 'sleep 1000'
    like '^error timeout: host 127.0.0.1: reading: no answer in time$' "$backend: a hang ends at the deadline"
    ok $((SECONDS - begin > 10)) "$backend: soon"

    for kind in ecdsa rsa; do
        use_key $kind
        run $t exec 'exit 5'
        if [ "$kind$backend$rsa" = rsalibssh2no ]; then
            like 'error ssh: host 127.0.0.1: no key of ours is accepted.*id_rsa skipped: libssh2 .* cannot use RSA keys' \
                "$backend: an RSA key is named as useless"
        else
            is 'status 5' "$backend: login with $kind"
        fi
    done
    rm -f "$home"/.ssh/id_*
    run $t exec true
    like "^error ssh: host 127.0.0.1: no key of ours is accepted for user $me.*authorized_keys" "$backend: no key at all"
    cp "$dir/other_ed25519" "$home/.ssh/id_ed25519"
    run $t exec true
    like "^error ssh: host 127.0.0.1: no key of ours is accepted for user $me" "$backend: a key that is not known there"
    cp "$dir/client_ed25519_locked" "$home/.ssh/id_ed25519"
    run $t exec true
    like '^error ssh: host 127.0.0.1: no key of ours' "$backend: a key with a passphrase does not prompt"
    cp "$dir/client_rsa_locked" "$home/.ssh/id_rsa"
    run $t exec true
    like '^error ssh: host 127.0.0.1: no key of ours' "$backend: nor an RSA one in PEM"
done
use_key ed25519

# --- agent ---
ssh-agent -a "$dir/agent" -D >"$dir/agent.out" 2>&1 &
agent=$!
pids+=("$agent")
for _ in $(seq 200); do [ -S "$dir/agent" ] && break; sleep 0.05; done
export SSH_AUTH_SOCK=$dir/agent
printf '#!/bin/sh\necho secret\n' >"$dir/askpass"
chmod 700 "$dir/askpass"
DISPLAY=none SSH_ASKPASS=$dir/askpass SSH_ASKPASS_REQUIRE=force \
    ssh-add -q "$dir/client_ed25519_locked" </dev/null 2>/dev/null || true
rm -f "$home"/.ssh/id_*
for backend in libssh2 openssh; do
    run --backend=$backend exec 'exit 6'
    is 'status 6' "$backend: an encrypted key by the agent"
done
ssh-add -q -D 2>/dev/null
ssh-add -q "$dir/client_rsa" 2>/dev/null
run --backend=auto exec 'exit 6'
is 'status 6' "auto: an RSA key in the agent"
ssh-add -q -D 2>/dev/null
use_key ed25519
kill -STOP "$agent"
begin=$SECONDS
run --backend=libssh2 exec 'exit 6'
is 'status 6' "libssh2: an agent that hangs is passed over"
ok $((SECONDS - begin > 10)) "libssh2: in time"
kill -CONT "$agent"
kill "$agent"
wait "$agent" 2>/dev/null || true
run --backend=libssh2 exec 'exit 6'
is 'status 6' "libssh2: an agent that is gone is passed over"
unset SSH_AUTH_SOCK

# --- choice of the transport ---
run backend
like '^libssh2 [0-9.]+$' "auto: libssh2"
run --options='-o Compression=yes' backend
is 'openssh (ssh_options are set)' "auto: ssh_options take ssh(1)"
run --options='-o Compression=yes -o "LogLevel=ERROR"' exec 'exit 3'
is 'status 3' "ssh_options are passed on, quotes and all"
run --options='-o NoSuchThing=1' exec 'exit 3'
like '^error config: host 127.0.0.1: ssh does not understand ssh_options "-o NoSuchThing=1" \(.*' "a wrong ssh_options is named"
use_key rsa
run backend
if [ $rsa = no ]; then
    like '^openssh \(libssh2 .* has no key that this host accepts\)$' "auto: RSA client keys take ssh(1)"
else
    like '^libssh2' "auto: RSA client keys"
fi
use_key ed25519

# --- errors on the way ---
free_port()
{
    python3 - 2>/dev/null <<'P' || echo 1
import socket
s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])
P
}
main_port=$port
port=$(free_port)
for backend in libssh2 openssh; do
    run --backend=$backend exec true
    like "^error ssh: host 127.0.0.1: .*Connection refused.*ssh_port" "$backend: refused"
done
silent_ready=$dir/silent
perl -MIO::Socket::INET -e '
    my $s = IO::Socket::INET->new(Listen => 5, LocalAddr => "127.0.0.1") or die;
    open my $f, ">", "$ARGV[0].new" or die; print $f $s->sockport; close $f;
    rename "$ARGV[0].new", $ARGV[0]; sleep 1000' "$silent_ready" &
pids+=($!)
for _ in $(seq 200); do [ -s "$silent_ready" ] && break; sleep 0.05; done
port=$(cat "$silent_ready")
for backend in libssh2 openssh auto; do
    begin=$SECONDS
    run --backend=$backend --deadline_ms=1000 exec true
    like "^error timeout: host 127.0.0.1: .*no answer in time" "$backend: a port that says nothing"
    ok $((SECONDS - begin > 10)) "$backend: in time"
done
port=$main_port

# --- sshd killed in the middle of a command ---
for backend in libssh2 openssh; do
    rm -f "$dir/session"
    "$client" --port="$port" --user="$me" --home="$home" --known_hosts="$ours" --backend=$backend \
        --deadline_ms=60000 stream "echo \$PPID >'$dir/session'; exec sleep 1000" </dev/null >"$dir/killed" 2>&1 &
    waiter=$!
    for _ in $(seq 200); do [ -s "$dir/session" ] && break; sleep 0.05; done
    begin=$SECONDS
    kill -KILL "$(cat "$dir/session")"
    wait $waiter || true
    got=$(cat "$dir/killed")
    like '^error ssh: host 127.0.0.1: .*the connection was lost' "$backend: a killed sshd is an error"
    ok $((SECONDS - begin > 10)) "$backend: at once"
done

# --- host keys ---
for backend in libssh2 openssh; do
    rm -f "$ours"
    run --backend=$backend --strict exec true
    like "^error ssh: host 127.0.0.1: its key .*is unknown and ssh_host_key=strict; once checked: ssh-keyscan -p $port 127.0.0.1 >>$ours" \
        "$backend: strict refuses an unknown host and tells the fix"
    [ ! -s "$ours" ]; ok $? "$backend: and records nothing"
    run --backend=$backend exec 'exit 2'
    is 'status 2' "$backend: accept-new takes it"
    got=$(cut -d' ' -f1 "$ours"; stat -c %a "$ours")
    is "[127.0.0.1]:$port
600" "$backend: and records it, by host and port, for us only"
    run --backend=$backend --strict exec 'exit 2'
    is 'status 2' "$backend: then strict is content"
    kind=$(cut -d' ' -f2 "$ours")
    echo "[127.0.0.1]:$port $(cut -d' ' -f1,2 "$dir/other_${kind#ssh-}.pub" 2>/dev/null ||
        cut -d' ' -f1,2 "$dir/other_ecdsa.pub")" >"$ours"
    run --backend=$backend exec true
    like "^error ssh: host 127.0.0.1: its key .*is not the one in $ours.*ssh-keygen -R '\[127.0.0.1\]:$port' -f $ours" \
        "$backend: a changed key is refused, with the fix"
    got=$(wc -l <"$ours")
    is 1 "$backend: and not recorded"

    rm -f "$ours"
    echo "db1 $(cut -d' ' -f1,2 "$dir/host_ecdsa.pub")" >"$home/.ssh/known_hosts"
    echo "[db1]:$port $(cut -d' ' -f1,2 "$dir/host_ecdsa.pub")" >>"$home/.ssh/known_hosts"
    run --backend=$backend --host=db1 --strict exec 'exit 2'
    is 'status 2' "$backend: a host known by its ECDSA key is not changed because it has an Ed25519 key too"
    ssh-keygen -q -H -f "$home/.ssh/known_hosts" >/dev/null 2>&1
    rm -f "$home/.ssh/known_hosts.old"
    run --backend=$backend --host=db1 --strict exec 'exit 2'
    is 'status 2' "$backend: hashed entries are read"
    run --backend=$backend --host=db2 --strict exec 'exit 2'
    like '^error ssh: host db2: .*unknown' "$backend: and are not another host's"
    echo "[127.0.0.1]:$port $(cut -d' ' -f1,2 "$dir/host_ed25519.pub")" >"$home/.ssh/known_hosts"
    run --backend=$backend --host=db1 --strict exec 'exit 2'
    is 'status 2' "$backend: known by address will do"
    echo "[*]:$port,!x $(cut -d' ' -f1,2 "$dir/host_ed25519.pub")" >"$home/.ssh/known_hosts"
    run --backend=$backend --strict exec 'exit 2'
    is 'status 2' "$backend: patterns are read"
    [ ! -e "$ours" ] || [ ! -s "$ours" ]; ok $? "$backend: nothing was recorded for known hosts"
    echo "@revoked * $(cut -d' ' -f1,2 "$dir/host_ed25519.pub")" >"$home/.ssh/known_hosts"
    echo "[127.0.0.1]:$port $(cut -d' ' -f1,2 "$dir/host_ed25519.pub")" >>"$home/.ssh/known_hosts"
    run --backend=$backend exec true
    like '^error ssh: host 127.0.0.1' "$backend: a revoked key is refused"
    rm -f "$home/.ssh/known_hosts" "$ours"
done

echo "[127.0.0.1]:$port $(cut -d' ' -f1,2 "$dir/host_rsa.pub")" >"$home/.ssh/known_hosts"
run exec 'exit 2'
is 'status 2' "auto: a host known by its RSA key alone"
run --backend=libssh2 exec 'exit 2'
if [ $rsa = no ]; then
    like "^error ssh: .*is not the one in" "libssh2: which an old libssh2 cannot check, and refuses"
else
    is 'status 2' "libssh2: which a newer libssh2 can check"
fi
echo "[127.0.0.1]:$port $(cut -d' ' -f1,2 "$dir/other_rsa.pub")" >"$home/.ssh/known_hosts"
run exec 'exit 2'
like "^error ssh: host 127.0.0.1: its key is not the one in|is not the one in" "auto: the wrong RSA key is refused as well"
rm -f "$home/.ssh/known_hosts"
stop_sshd

for kind in ed25519 ecdsa rsa; do
    start_sshd "only_$kind" $kind
    for backend in libssh2 openssh auto; do
        rm -f "$ours"
        run --backend=$backend exec 'exit 4'
        if [ "$kind$backend$rsa" = rsalibssh2no ]; then
            like '^error ssh: host 127.0.0.1: SSH handshake' "$backend: a host with RSA only is not served"
        else
            is 'status 4' "$backend: a host with $kind only"
        fi
    done
    run backend
    [ "$kind$rsa" != rsano ] ||
        like '^openssh \(libssh2 .* shares no algorithm with this host\)$' "auto: says why ssh(1) was taken"
    stop_sshd
done

# ssh_known.c's rule: known by other kinds only is refused, by either transport.
start_sshd other ed25519
for backend in libssh2 openssh auto; do
    rm -f "$ours"
    echo "[127.0.0.1]:$port $(cut -d' ' -f1,2 "$dir/host_ecdsa.pub")" >"$home/.ssh/known_hosts"
    run --backend=$backend exec true
    like '^error ssh: host 127.0.0.1: .*somebody stands in between' \
        "$backend: a host that lost the key it is known by is refused"
done
rm -f "$home/.ssh/known_hosts"

# --- nothing is left behind ---
got=$(find "$TMPDIR" -maxdepth 1 -name 'kagemusha-ssh.*')
is '' "no socket directory is left"
stop_sshd

tests_done
