#!/usr/bin/env bash
# The sample hook scripts on real hosts: a VIP that moves at a switch and at a failover, HAProxy's
# backend, ProxySQL's statements, power_manager, send_report; and scripts in Perl that load MHA's
# modules.
# Functions are called by name, through that and within.
# shellcheck disable=SC2317,SC2154,SC2016
set -eu

cd "$(dirname "$0")/.."
# shellcheck source=t/lib.sh
. t/lib.sh
lab_begin hooks "$@"
hooks=$PWD/conf/hooks

# set_conf LINE...: the configuration with these defaults.
set_conf() {
    { printf '%s\n' '[server default]' "$@" && sed '/^\[server default\]/d; /^writer_vip/d' "$dir/app1.cnf"; } >"$dir/hooks.cnf"
    conf=$PWD/$dir/hooks.cnf
}

has_vip() {
    t/lab/exec "$1" --lab "$lab" ip -o addr show dev eth0 | grep -qF " $vip/"
}

only_on() {
    local h
    for h in $LAB_DB_HOSTS; do
        if [[ $h == "$1" ]]; then has_vip "$h" || return 1; else ! has_vip "$h" || return 1; fi
    done
}

# What the client's ARP says of the address: the hardware address of that host.
client_reaches() {
    local mac
    mac=$(t/lab/exec "$1" --lab "$lab" cat /sys/class/net/eth0/address 2>/dev/null || t/lab/exec "$1" --lab "$lab" ip -o link show eth0 | sed -n 's/.*ether \([^ ]*\).*/\1/p')
    t/lab/exec client --lab "$lab" ip neigh show "$vip" | grep -qiF "$mac"
}

switch_to() {
    run on_manager masterha_master_switch --master_state=alive --conf="$conf" --interactive=0 \
        --new_master_host="$1" --orig_master_is_new_slave
}

vip_moves() {
    vip=$LAB_PREFIX.101
    ctl exec db1 ip addr add "$vip/24" dev eth0
    t/lab/exec client --lab "$lab" bash -c "exec 3<>/dev/tcp/$vip/3306"
    set_conf "master_ip_failover_script=$hooks/master_ip_failover --vip=$vip/24 --dev=eth0" \
        "master_ip_online_change_script=$hooks/master_ip_online_change --vip=$vip/24 --dev=eth0"
    run on_manager masterha_check_repl --conf="$conf"
    that "check_repl with the hook: exit code 0" ends 0
    that "before: the address is on db1" client_reaches db1
    switch_to db2
    that "online switch: exit code 0" ends 0
    that "the address is on the new master only" only_on db2
    that "the client knows without asking" within 5 client_reaches db2
    ctl kill db2
    run on_manager masterha_master_switch --master_state=dead --conf="$conf" --interactive=0 --dead_master_host=db2 \
        --dead_master_port=3306 --ignore_last_failover
    that "failover: exit code 0" ends 0
    that "the address is on db1 only" only_on db1
    that "the client knows without asking" within 5 client_reaches db1
    run on_manager "$hooks/master_ip_failover" --vip="$vip/24" --dev=nowhere0 --command=status --ssh_user=root \
        --orig_master_host=db1 --orig_master_ip="$LAB_ADDR_db1" --orig_master_port=3306
    that "status on a device that is not there: exit code 1" ends 1
    run on_manager "$hooks/master_ip_failover" --dev=eth0 --command=status --orig_master_host=db1
    that "no address configured: exit code 1" ends 1
}

haproxy_moves() {
    if ! command -v haproxy >/dev/null || ! command -v socat >/dev/null; then
        that "HAProxy # SKIP haproxy and socat are not installed" true
        return
    fi
    cat >"$dir/haproxy.cfg" <<-CFG
	global
	    stats socket ipv4@127.0.0.1:9999 level admin
	    pidfile /run/haproxy.pid
	defaults
	    mode tcp
	    timeout connect 2s
	    timeout client 60s
	    timeout server 60s
	frontend writes
	    bind 0.0.0.0:3307
	    default_backend mysql
	backend mysql
	    server writer $LAB_ADDR_db1:3306
	CFG
    t/lab/exec manager --lab "$lab" haproxy -D -f "$PWD/$dir/haproxy.cfg"
    args=(--socket=127.0.0.1:9999 --server=mysql/writer --orig_master_host=db1 --orig_master_ip="$LAB_ADDR_db1"
        --orig_master_port=3306 --new_master_host=db3 --new_master_ip="$LAB_ADDR_db3" --new_master_port=3306)
    run on_manager "$hooks/haproxy" --command=status "${args[@]}"
    that "haproxy status: exit code 0" ends 0
    run on_manager "$hooks/haproxy" --command=stop "${args[@]}"
    that "haproxy stop: exit code 0" ends 0
    run on_manager bash -c 'exec 3<>/dev/tcp/127.0.0.1/3307 && timeout 5 head -c 1 <&3 | grep -c .'
    that "nobody gets through" not ends 0
    run on_manager "$hooks/haproxy" --command=start "${args[@]}"
    that "haproxy start: exit code 0" ends 0
    run on_manager "$LAB_SERVER_DIR/bin/mysql" --no-defaults -h 127.0.0.1 -P 3307 -u "$LAB_ADMIN_USER" \
        -p"$LAB_ADMIN_PASSWORD" -N -B -e 'SELECT @@report_host'
    that "clients are on the new master" says db3
    run on_manager "$hooks/haproxy" --command=start --socket=127.0.0.1:9999 --server=mysql/other "${args[@]:2}"
    that "a server it does not know: exit code 1" ends 1
    run on_manager sh -c 'kill "$(cat /run/haproxy.pid)"'
}

proxysql_says() {
    run on_manager "$hooks/proxysql" --writer=10 --print --command=start --orig_master_ip=192.0.2.1 --orig_master_port=3306 \
        --new_master_ip=192.0.2.2 --new_master_port=3306
    that "proxysql: one server is the writer" says "DELETE FROM mysql_servers WHERE hostgroup_id=10; INSERT INTO mysql_servers (hostgroup_id, hostname, port) VALUES (10, '192.0.2.2', 3306); LOAD MYSQL SERVERS TO RUNTIME;"
    run on_manager "$hooks/proxysql" --writer=10 --print --command=start --new_master_ip="x' OR 1" --new_master_port=3306
    that "proxysql: what is no address is refused" ends 1
}

powers_off() {
    run on_manager "$hooks/power_manager" --command=stop --host=db3 --ip="$LAB_ADDR_db3" --port=3306
    that "power_manager without SSH and controller: exit code 1" ends 1
    run on_manager "$hooks/power_manager" --command=stopssh --ssh_user=root --host=db3 --ip="$LAB_ADDR_db3" --port=3306
    that "power_manager by the agent: exit code 10" ends 10
    that "mysqld is dead" not sql_answers db3
    t/lab/exec manager --lab "$lab" ssh -o StrictHostKeyChecking=no "root@$LAB_ADDR_db3" \
        "(echo '{\"id\":1,\"op\":\"release\",\"port\":3306,\"ip\":\"$LAB_ADDR_db3\"}'; sleep 1) | kagemusha-node agent" >/dev/null 2>&1
    ctl start db3
}

sql_answers() {
    ctl sql "$1" 'SELECT 1' >/dev/null 2>&1
}

# A web server of one request.
sends_report() {
    local body=$'line "one"\nline \\two; $HOME `id`'
    t/lab/exec manager --lab "$lab" perl -MIO::Socket::INET -e '
        my $l = IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1", LocalPort => 8099, ReuseAddr => 1) or die;
        my $c = $l->accept; my ($head, $body) = ("", "");
        while (<$c>) { $head .= $_; last if /^\r?\n$/ }
        my ($n) = $head =~ /Content-Length: (\d+)/i; read $c, $body, $n;
        print $c "HTTP/1.0 200 OK\r\n\r\n"; print $body' >"$dir/webhook" 2>&1 &
    within 10 t/lab/exec manager --lab "$lab" bash -c 'ss -ltn 2>/dev/null | grep -q :8099'
    t/lab/exec manager --lab "$lab" bash -c 'printf "#!/bin/sh\ncat >/var/tmp/mail\n" >/var/tmp/sendmail; chmod 755 /var/tmp/sendmail'
    run on_manager "$hooks/send_report" --webhook=http://127.0.0.1:8099/x --mail=dba@example.com --sendmail=/var/tmp/sendmail \
        --orig_master_host=db1 --new_master_host=db2 --new_slave_hosts= --conf=/x --subject='app1: "failover"' --body="$body"
    that "send_report: exit code 0" ends 0
    within 10 test -s "$dir/webhook"
    that "the webhook got JSON with the whole text" is \
        "$(perl -MJSON::PP -0777 -ne 'print decode_json($_)->{text}' "$dir/webhook")" $'*app1: "failover"*\n'"$body"
    that "the mail has subject and body" grep -qF 'Subject: app1: "failover"' "$dir/hosts/manager/fs/var-tmp/mail"
    run on_manager "$hooks/send_report" --webhook=http://127.0.0.1:1/x --subject=s --body=b
    that "a webhook that does not answer: exit code 1" ends 1
}

perl_modules() {
    if ! perl -MDBI -MDBD::MariaDB -e1 2>/dev/null && ! perl -MDBI -MDBD::mysql -e1 2>/dev/null; then
        that "hooks in Perl # SKIP no DBI driver is installed" true
        return
    fi
    raise_again
    cat >"$dir/perl_hook" <<-'PERL'
	#!/usr/bin/env perl
	use strict;
	use warnings;
	use Getopt::Long qw(:config pass_through);
	use MHA::DBHelper;
	use MHA::NodeUtil;
	use MHA::ManagerUtil;
	use MHA::ManagerConst;
	use MHA::SSHCheck;
	my ($command, $host, $port, $user, $password);
	GetOptions('command=s' => \$command, 'new_master_ip=s' => \$host, 'new_master_port=i' => \$port,
	    'new_master_user=s' => \$user, 'new_master_password=s' => \$password);
	exit 0 if $command ne 'start';
	$user = MHA::NodeUtil::unescape_for_shell($user);
	$password = MHA::NodeUtil::unescape_for_shell($password);
	my $h = MHA::DBHelper->new();
	$h->connect($host, $port, $user, $password, 1);
	$h->enable_read_only(); die "not read-only" unless $h->is_read_only();
	$h->disable_log_bin_local();
	my $id = $h->get_connection_id(); die "id" unless $id == $h->{connection_id};
	$h->block_user_regexp('^app$'); system "touch /var/tmp/blocked"; sleep 2; $h->release_user_regexp('^app$');
	my @threads = grep { $_->{User} eq 'app' } $h->get_running_threads($id, 0, 0);
	print "threads: " . scalar(@threads) . "\n";
	$h->kill_threads(@threads);
	$h->enable_log_bin_local(); $h->disable_read_only(); die "read-only" if $h->is_read_only();
	my ($high, $low) = MHA::ManagerUtil::exec_system("exit 3"); die "exec_system" unless $high == 3 && $low == 0;
	die unless $MHA::ManagerConst::SSH_OPT_CHECK =~ /BatchMode/;
	die "ssh" if MHA::SSHCheck::ssh_check('root', $host, 22, 5);
	$h->disconnect();
	print "all of MHA's modules did their part\n";
	PERL
    chmod 755 "$dir/perl_hook"
    set_conf "master_ip_failover_script=$PWD/$dir/perl_hook"
    # Found beside the program, but for one that is built further down in the tree.
    [[ -d $B/../conf/perl ]] || export PERL5LIB=$PWD/conf/perl
    ctl kill db1
    run on_manager masterha_master_switch --master_state=dead --conf="$conf" --interactive=0 --dead_master_host=db1 \
        --dead_master_port=3306 --ignore_last_failover
    that "a hook in Perl, with MHA's modules: exit code 0" ends 0
    that "it ran to its end" says "all of MHA's modules did their part"
    that "the account is not blocked any more" within 5 app_may_log_in
}

app_may_log_in() {
    t/lab/exec client --lab "$lab" "$LAB_SERVER_DIR/bin/mysql" --no-defaults -h "$LAB_ADDR_db2" -u "$LAB_APP_USER" \
        -p"$LAB_APP_PASSWORD" -e 'SELECT 1' >/dev/null 2>&1
}

raise_again() {
    t/lab/up "$server" "$mode" --lab "$lab" --path "$B" >"$out" 2>&1
    # shellcheck disable=SC1091
    . "$dir/env"
}

lab_raise "$server" "$mode"
for part in ${PARTS:-vip_moves haproxy_moves proxysql_says powers_off sends_report perl_modules}; do
    $part
done
tests_done
