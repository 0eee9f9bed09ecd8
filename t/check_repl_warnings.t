#!/usr/bin/env bash
# masterha_check_repl on real servers: its warnings, each with the fact and the fix, the table, JSON.
# Functions are called by name, through that and within.
# shellcheck disable=SC2317,SC2154,SC2016
set -eu

cd "$(dirname "$0")/.."
# shellcheck source=t/lib.sh
. t/lib.sh
lab_begin warnings "${1:-${SERVER:-mysql9}}" "${2-}"
err=$dir/check.err

show() {
    tail -n 40 "$out" "$err"
}

check() {
    code=0
    t/lab/exec manager --lab "$lab" masterha_check_repl --conf="$conf" "$@" >"$out" 2>"$err" || code=$?
}

json() {
    perl -MJSON::PP -0777 -e 'our $d = decode_json(<STDIN>); exit !eval $ARGV[0]' -- "$1" <"$out"
}

lab_raise "$server" "$mode"
conf=$PWD/$dir/app1.cnf

check
that "a group as it should be: exit code 0" ends 0
that "MHA's last line, a blank one before it" test "$(tail -n 2 "$out")" = $'\nMySQL Replication Health is OK.'
that "nothing is errant" not says errant
that "our account lacks nothing" not says "lacks privileges"
that "every candidate has its seconds" test "$(grep -c 'would take writes about' "$out")" = 2
check --json
that "--json: exit code 0" ends 0
that "--json: one object" json '$d->{ok} && @{$d->{servers}} == 3'
that "--json: rehearsal of both replicas" json '2 == grep {$_->{possible} && $_->{open_ms} > 0} @{$d->{rehearsal}}'

sql db1 'SET GLOBAL sync_binlog=0'
sql db2 'SET GLOBAL slave_net_timeout=3600' 2>/dev/null || sql db2 'SET GLOBAL replica_net_timeout=3600'
if [[ $server != mariadb* && $mode == gtid ]]; then
    sql db3 'SET GLOBAL super_read_only=0; SET GLOBAL read_only=0; CREATE DATABASE astray; SET GLOBAL read_only=1'
fi
# An account that may look and nothing more.
sql db1 "CREATE USER looker@'%' IDENTIFIED BY 'secret'; GRANT SELECT, PROCESS, REPLICATION CLIENT ON *.* TO looker@'%'"
t/lab/ctl --lab "$lab" wait-repl 30 >/dev/null
check
that "warnings are no errors: exit code 0" ends 0
that "sync_binlog of the master" says "sync_binlog=0"
that "slave_net_timeout" says "slave_net_timeout=3600"
if [[ $server != mariadb* && $mode == gtid ]]; then
    uuid=$(sql db3 'SELECT @@server_uuid')
    that "errant transactions: the exact set" says "$uuid:1"
    that "... they bar the host" says "barred: it has transactions that nobody else has"
fi
sed "s/^user=.*/user=looker/; s/^password=.*/password=secret/" "$dir/app1.cnf" >"$dir/looker.cnf"
conf=$PWD/$dir/looker.cnf
check
that "missing privileges: the statement that mends it" grep -qE "GRANT .*RELOAD.* ON \*\.\* TO 'looker'@'%';" "$out"
mended=$(sed -n "s/.*\(GRANT .* TO 'looker'@'%';\).*/\1/p" "$out" | head -n 1)
sql db1 "$mended"
t/lab/ctl --lab "$lab" wait-repl 30 >/dev/null
check
that "... and it does mend it" not says "lacks privileges"
conf=$PWD/$dir/app1.cnf
printf '[binlog1]\nhostname=db3\n[binlog2]\nhostname=client\n' | cat "$dir/app1.cnf" - >"$dir/binlog.cnf"
conf=$PWD/$dir/binlog.cnf
check
that "one binlog server of two is of use: exit code 0" ends 0
that "... the other is named" says "binlog server binlog2 (client) is of no use"
sed -i '/^\[binlog1\]/,/^hostname/d' "$dir/binlog.cnf"
check
that "no binlog server is of use: exit code 1" ends 1
conf=$PWD/$dir/app1.cnf
# Another key on a host that we know.
t/lab/exec db2 --lab "$lab" ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/new <<<y >/dev/null
t/lab/exec db2 --lab "$lab" sh -c 'cat /etc/ssh/new >/etc/ssh/ssh_host_ed25519_key; kill -HUP "$(cat /run/sshd.pid)"'
sleep 1
check
that "a host key that has changed is named as such" grep -q "db2: its agent: .*its key (ssh-ed25519 .*) is not the one in" "$out"
check --json
that "--json: a finding names the host" json 'grep {($_->{host} // "") eq "db2" && $_->{text} =~ /its key/} @{$d->{findings}}'
check --conf=/nowhere
that "no such file: exit code 1" ends 1
check --json --conf=/nowhere
that "--json: an error is an object too" json '!$d->{ok} && $d->{error} =~ /nowhere/'
tests_done
