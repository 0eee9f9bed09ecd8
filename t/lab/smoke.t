#!/usr/bin/env bash
# The lab itself: its faults happen, its writer, sampler and compare tell the truth, nothing is left.
# SERVER and MODE choose what is raised (mariadb, gtid).
set -eu

cd "$(dirname "$0")/../.."
# shellcheck source=t/lib.sh
. t/lib.sh
server=${SERVER:-mariadb}
mode=${MODE:-gtid} poll_s=0.05
lab=smoke-$server-$mode
dir=build/lab/$lab
ledger=$dir/ledger

# status COMMAND...: its exit status, in rc.
status() {
    rc=0
    "$@" || rc=$?
}

acked_by() {
    awk -v w="$1" -v s="$2" '$1 == w && $4 == s' "$ledger"/*.ledger 2>/dev/null | wc -l
}

acked_at_least() {
    (($(acked_by "$1" "$2") >= $3))
}

# sees TICKS NAME=RESULT...: so it was for each host in the last TICKS ticks, a fifth of them apart,
# which a busy machine may miss; the result - means neither committed nor refused in any of them.
sees() {
    local ticks=$1
    shift
    tail -n 400 "$ledger/all.sample" 2>/dev/null | awk -v ticks="$ticks" -v want="$*" '
        { at[$1, $2] = $3; if ($1 > max) max = $1 }
        END {
            n = split(want, pair, " ")
            for (i = 1; i <= n; i++) {
                split(pair[i], p, "=")
                good = answers = 0
                # The newest ticks may still be without an answer.
                for (t = max - 20 - ticks; t < max - 20; t++) {
                    if (at[t, p[1]] == p[2]) good++
                    if (at[t, p[1]] ~ /[wr]/) answers++
                }
                if (p[2] == "-" ? answers > 0 : good < ticks * 0.8) exit 1
            }
        }'
}

# One sshd greets: the path between two hosts, in both directions.
greets() {
    [[ $(ctl exec "$1" timeout 1 bash -c "read -r -t 0.8 x </dev/tcp/$2/22; echo \"\$x\"" 2>/dev/null) == SSH-* ]]
}

silent() {
    ! greets "$@"
}

replica_word() {
    if [[ $server == mysql9 ]]; then echo REPLICA; else echo SLAVE; fi
}

follow_db2() {
    local file pos show='SHOW MASTER STATUS'
    if [[ $server == mysql9 ]]; then
        show='SHOW BINARY LOG STATUS'
    fi
    read -r file pos _ <<<"$(ctl sql db2 "$show")"
    ctl sql db3 "STOP $(replica_word)"
    case $server/$mode in
    mysql9/gtid) ctl sql db3 "CHANGE REPLICATION SOURCE TO SOURCE_HOST='db2'" ;;
    mysql9/*) ctl sql db3 "CHANGE REPLICATION SOURCE TO SOURCE_HOST='db2', SOURCE_LOG_FILE='$file', SOURCE_LOG_POS=$pos" ;;
    */gtid) ctl sql db3 "CHANGE MASTER TO MASTER_HOST='db2'" ;;
    *) ctl sql db3 "CHANGE MASTER TO MASTER_HOST='db2', MASTER_LOG_FILE='$file', MASTER_LOG_POS=$pos" ;;
    esac
    ctl sql db3 "START $(replica_word)"
}

fact() {
    awk -v key="$1" '$1 == key { sub(/^[^ ]+ /, ""); print }' <<<"$facts"
}

nobody_carries() {
    ! grep -lsazx "LAB_TOKEN=$1" /proc/[0-9]*/environ
}

no_mount() {
    ! grep "$dir/" /proc/self/mountinfo
}

finish() {
    # shellcheck disable=SC2046
    kill $(jobs -p) 2>/dev/null || true
    t/lab/down --lab "$lab"
}

((EUID == 0)) || skip_all "namespaces need root"
rc=0
why=$(t/servers/get "$server" 2>&1) || rc=$?
case $rc in
0) ;;
77) skip_all "$why" ;;
*) echo "Bail out! $why"; exit 1 ;;
esac
trap finish EXIT

began=$(date +%s%N)
t/lab/up "$server" "$mode" --lab "$lab" >/dev/null || { echo "Bail out! the lab does not come up"; exit 1; }
echo "# up $server $mode: $((($(date +%s%N) - began) / 1000000)) ms"
token=$(<"$dir/token")
that "db1 holds the VIP" is "$(ctl vip-where)" db1
# shellcheck disable=SC2016
that "the manager's key opens every database host" \
    ctl exec manager bash -c 'for h in db1 db2 db3; do
        [[ $(ssh -o BatchMode=yes -o StrictHostKeyChecking=no -o LogLevel=ERROR $h hostname) == $h ]] || exit 1; done'
that "a database host does not open another" \
    ctl exec db1 bash -c '! ssh -o BatchMode=yes -o StrictHostKeyChecking=no db2 true 2>/dev/null'

status ctl exec client sh -c 'exit 7'
that "an exit status comes back" is $rc 7
t/lab/exec client --lab "$lab" sleep 60 &
sleeper=$!
within 5 ctl exec client pgrep -x sleep >/dev/null
kill $sleeper
status wait $sleeper
that "a signal goes down" within 5 ctl exec client bash -c '! pgrep -x sleep >/dev/null'

t/lab/ctl --lab "$lab" sampler &
sampler=$!
t/lab/ctl --lab "$lab" writer --id 1 >"$dir/writer1" &
writer=$!
that "rows are acknowledged through the VIP" within 20 acked_at_least 1 1 200
that "db1 alone is writable" within 10 sees 20 db1=w db2=r db3=r
ctl cut db3
that "a cut host does not answer" within 10 sees 10 db1=w db2=r db3=-
that "a cut host does not greet" silent db1 db3
ctl heal db3
that "a healed host answers" within 20 sees 10 db1=w db2=r db3=r
ctl cutlink db1 db2 oneway
that "a cut link is silent" silent db1 db2
that "its neighbours are not" greets db1 db3
ctl heallink db1 db2
that "a healed link is not" within 10 greets db1 db2
ctl pause db2
that "a stopped server does not answer" within 10 sees 10 db1=w db2=- db3=r
ctl cont db2
that "it does when it goes on" within 20 sees 10 db1=w db2=r db3=r
kill $writer $sampler
status wait $writer
that "the writer ends well" is $rc 0
that "its total is its ledger's" is "$(awk '$1 == "acknowledged" { print $2 }' "$dir/writer1")" \
    "$(acked_by 1 1)"
wait $sampler
that "replicas catch up" ctl wait-repl 30
rc=0
facts=$(t/lab/compare --lab "$lab") || rc=$?
that "nothing is lost while nothing happened" is "$rc $(fact lost) $(fact checksums_equal)" "0 0 yes"
that "every acknowledged row is there" is "$(fact acknowledged)" "$(acked_by 1 1)"

# What db1 acknowledges from here on nobody else receives.
ctl sql db2 "STOP $(replica_word) IO_THREAD"
ctl sql db3 "STOP $(replica_word) IO_THREAD"
t/lab/ctl --lab "$lab" writer --id 2 >"$dir/writer2" &
writer=$!
within 20 acked_at_least 2 1 50
ctl kill db1
ctl sql db2 "STOP $(replica_word)"
follow_db2
ctl sql db2 "RESET $(replica_word) ALL"
ctl sql db2 "SET GLOBAL read_only = 0"
ctl vip-to db2
that "the VIP moved" is "$(ctl vip-where)" db2
that "the writer goes on at the new master" within 20 acked_at_least 2 2 50
kill $writer
wait $writer
lost=$(acked_by 2 1)
rc=0
facts=$(t/lab/compare --lab "$lab") || rc=$?
that "compare counts the rows that died with db1" is "$rc $(fact server) $(fact lost)" "1 db2 $lost"
that "compare names them" is "$(fact lost_rows | cut -d ' ' -f 1)" "2:$(awk '$1 == 2 { print $2; exit }' "$ledger/2.ledger")"
that "the rest is on both hosts" is "$(fact level) $(fact live) $(fact checksums_equal)" "yes db2 db3 yes"
that "the gap is the failover's" awk -v gap="$(fact gap_ms)" 'BEGIN { exit !(gap > 50) }'
that "no two were writable" is "$(fact two_writable_samples)" 0
that "the JSON says the same" is "$(t/lab/compare --lab "$lab" --json | jq .lost)" "$lost"

# The old master comes back as it was: writable. That is what the sampler is for.
ctl start db1
t/lab/ctl --lab "$lab" sampler &
sampler=$!
that "two writable masters are seen" within 20 sees 10 db1=w db2=w db3=r
kill $sampler
wait $sampler
facts=$(t/lab/compare --lab "$lab") || true
that "and counted" test "$(fact two_writable_samples)" -gt 10
that "and proved" test "$(fact two_writable_proved)" -gt 0

ctl poweroff db3
that "a host without power is off" within 5 grep -q '^db3 off' <(ctl status)
ctl poweron db3
ctl start db3
that "it comes back with its data" ctl wait-repl 30
that "down ends it" t/lab/down --lab "$lab"
that "no process is left" nobody_carries "$token"
that "no file is left" test ! -e "$dir"
that "no mount is left" no_mount

# Killed in the middle, up leaves what the next down finds.
t/lab/up "$server" "$mode" --lab "$lab" >/dev/null 2>&1 &
up=$!
within 20 test -e "$dir/hosts/db2/ready"
kill -KILL $up
status wait $up 2>/dev/null
token=$(<"$dir/token")
t/lab/down --lab "$lab"
that "an interrupted up leaves nothing either" nobody_carries "$token"
echo "1..$count"
