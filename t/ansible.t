#!/usr/bin/env bash
# The Ansible role on two hosts over real SSH: a rehearsal that changes nothing, the first run, a second
# one that finds nothing to do; then what it has installed is run. The hosts are a lab's, each with an
# overlay of this machine's files as its disk, so that a package can be installed. No systemd runs there:
# units are looked over by systemd-analyze, and what only systemd could start is skipped by the role.
# Functions are called by name, through that.
# shellcheck disable=SC2317
set -eu

cd "$(dirname "$0")/.."
# shellcheck source=t/lib.sh
. t/lib.sh
lab_begin ansible
for word in ansible-playbook ansible-vault dpkg-deb systemd-analyze; do
    command -v "$word" >/dev/null || skip_all "$word is not installed"
done
# What is written there goes to programs that run in other directories.
dir=$PWD/$dir

# The programs of this build as a package; the one that is released is t/packages.t's.
pack() {
    env -u MAKEFLAGS make -s B="$B" DEPS=no DESTDIR="$dir/package" PREFIX=/usr install
    mkdir "$dir/package/DEBIAN"
    cat >"$dir/package/DEBIAN/control" <<-CONTROL
	Package: kagemusha
	Version: 1.0
	Architecture: $(dpkg --print-architecture)
	Maintainer: Test <test@localhost>
	Description: failover manager, packed for a test
	CONTROL
    dpkg-deb -Zgzip -z1 --root-owner-group --build "$dir/package" "$dir/kagemusha.deb" >/dev/null
}

# A root of its own for a host, with an sshd on 2222; it goes with the host.
boot() {
    # shellcheck disable=SC2016  # for the shell over there
    t/lab/exec "$1" --lab "$lab" bash -ec '
        mkdir -p /run/root
        mount -t tmpfs none /run/root
        mkdir /run/root/{up,work,root}
        mount -t overlay none -o lowerdir=/,upperdir=/run/root/up,workdir=/run/root/work /run/root/root
        cd /run/root/root
        mount -t proc proc proc
        mount --bind /dev dev
        mount -t tmpfs none run
        mkdir -p run/sshd
        install -d -m 700 root/.ssh
        cp /root/.ssh/authorized_keys root/.ssh/
        cp /etc/ssh/ssh_host_ed25519_key etc/ssh/
        cp /etc/hosts /etc/shadow /etc/passwd /etc/group etc/
        printf "%s\n" "Port 2222" "HostKey /etc/ssh/ssh_host_ed25519_key" "PidFile none" "UsePAM no" \
            "PermitRootLogin prohibit-password" "Subsystem sftp internal-sftp" >etc/ssh/sshd_config
        chroot . /usr/sbin/sshd -E /run/sshd.log'
}

# on HOST COMMAND: there, as Ansible would come.
on() {
    on_manager ssh -p 2222 -o BatchMode=yes -o StrictHostKeyChecking=no \
        -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR "root@$1" "$2"
}

play() { # play OUTPUT OPTION...
    local to=$1
    shift
    on_manager env ANSIBLE_CONFIG="$dir/ansible.cfg" ANSIBLE_LOCAL_TEMP="$dir/local" \
        ansible-playbook -i "$dir/inventory" --vault-password-file "$dir/vault.password" "$@" \
        conf/ansible/site.yml >"$to" 2>&1 || { cat "$to" && return 1; }
}

# recap FILE PATTERN: every host's line of the summary has it.
recap() {
    (($(grep -cE "^db[12] .* $2" "$1") == 2)) || { cat "$1" && return 1; }
}

files() {
    # shellcheck disable=SC2016
    on "$1" 'cd / && find etc/kagemusha etc/datadog-agent etc/systemd/system/kagemusha* usr/bin/kagemusha var/cache/kagemusha.deb \
        -printf "%p %m %T@ %s\n" 2>/dev/null | sort'
}

quiet() { # quiet FILE...: no secret in it
    not grep -F -e "$LAB_ADMIN_PASSWORD" -e 'scan"se#cret' "$@"
}

lab_raise "$server" "$mode" --hosts 2
boot db1 >"$out" 2>&1 || skip_all "no overlay of / can be mounted here: $(tail -n 1 "$out")"
boot db2
pack

# What an operator writes: an inventory, variables, and a vault with what is secret.
printf '[defaults]\nhost_key_checking = False\n[ssh_connection]\npipelining = True\n' >"$dir/ansible.cfg"
printf '[kagemusha]\ndb1\ndb2\n[kagemusha:vars]\nansible_port=2222\nansible_user=root\nansible_python_interpreter=/usr/bin/python3\n' \
    >"$dir/inventory"
mkdir -p "$dir/group_vars/kagemusha"
echo "the vault's own" >"$dir/vault.password"
cat >"$dir/group_vars/kagemusha/vars.yml" <<YAML
kagemusha_package_file: $dir/kagemusha.deb
kagemusha_datadog: true
kagemusha_groups:
  - name: app1
    settings: {user: "{{ vault_user }}", password: "{{ vault_password }}", ssh_user: root, writer_vip: $LAB_VIP/24}
    servers:
      - {hostname: db1, candidate_master: 1}
      - {hostname: db2}
kagemusha_scan_servers: ["db2:3306"]
kagemusha_scan_password: "{{ vault_scan_password }}"
kagemusha_scan_options: [--textfile=/var/lib/kagemusha-scan/kagemusha.prom]
kagemusha_scan_rules: |
  [rule]
  schema = shop
  table = legacy
  ignore = yes
  owner = dba
  reason = is dropped next week
YAML
jq -n --arg user "$LAB_ADMIN_USER" --arg password "$LAB_ADMIN_PASSWORD" --arg scan 'scan"se#cret' \
    '{vault_user: $user, vault_password: $password, vault_scan_password: $scan}' >"$dir/group_vars/kagemusha/vault.yml"
ansible-vault encrypt --vault-password-file "$dir/vault.password" "$dir/group_vars/kagemusha/vault.yml" >/dev/null 2>&1
ctl sql db1 "CREATE DATABASE shop; CREATE TABLE shop.orders (id TINYINT AUTO_INCREMENT PRIMARY KEY);
    INSERT INTO shop.orders VALUES (120); CREATE TABLE shop.legacy (id TINYINT AUTO_INCREMENT PRIMARY KEY);
    INSERT INTO shop.legacy VALUES (127); CREATE USER scan IDENTIFIED BY 'scan\"se#cret'; GRANT REFERENCES ON *.* TO scan"

before=$(files db1)
heard "a rehearsal runs through" play "$dir/check.out" --check --diff
heard "and says what would change" recap "$dir/check.out" 'changed=[1-9].* failed=0'
heard "and changes nothing" test "$(files db1)" = "$before"
heard "the role is applied" play "$dir/first.out" --diff -v
heard "on both hosts" recap "$dir/first.out" 'changed=[1-9].* unreachable=0 +failed=0'
first=$(files db1)
heard "it is applied again" play "$dir/second.out" --diff -v
heard "and nothing is changed" recap "$dir/second.out" 'changed=0 .* failed=0'
heard "nor any file" test "$(files db1)" = "$first"
heard "no secret is shown" quiet "$dir"/{check,first,second}.out
heard "the program is there" on db2 'kagemusha --version'
heard "what holds passwords is root's alone" test "$(on db1 'cd /etc/kagemusha && stat -c "%a %U %n" . app1.cnf scan.password' |
    paste -sd ,)" = "700 root .,600 root app1.cnf,600 root scan.password"
# shellcheck disable=SC2016  # for the shell over there
heard "units are well-formed" on db1 'out=$(systemd-analyze verify --man=no /etc/systemd/system/kagemusha-scan.service \
    /etc/systemd/system/kagemusha-scan.timer /lib/systemd/system/kagemusha@app1.service 2>&1) && [ -z "$out" ] || { echo "$out"; exit 1; }'
heard "the manager understands its group" on db1 'kagemusha topology --conf=/etc/kagemusha/app1.cnf 2>&1 | grep -q db2'
# What the timer's service would start, word by word.
# shellcheck disable=SC2016
start='command=$(sed -n "/^ExecStart=/,/[^\\\\]\$/p" /etc/systemd/system/kagemusha-scan.service | sed "s/^ExecStart=//; s/\\\\\$//" | paste -sd " ")
    mkdir -p /var/lib/kagemusha-scan; rc=0; $command || rc=$?; echo "ended with $rc"; [ "$rc" = 2 ]'
heard "the unit's command scans the group's master and the plain server" on db1 "$start"
heard "with a history, a textfile, and the report" on db1 'cd /var/lib/kagemusha-scan && ls history.sqlite kagemusha.prom &&
    jq -e "[.servers[].answer] == [\"complete\", \"complete\"]" scan.json'
heard "the rules hold" on db1 'jq -e "[.columns[] | select(.table == \"legacy\") | .ignored] | all" /var/lib/kagemusha-scan/scan.json'
heard "the Agent's check is where it looks for it" on db1 'cd /etc/datadog-agent && python3 -m py_compile checks.d/custom_kagemusha_autoinc.py &&
    grep -q "state_file: /var/lib/kagemusha-scan/scan.json" conf.d/custom_kagemusha_autoinc.d/conf.yaml'
sed -i 's/candidate_master: 1/candidate_master: 0/' "$dir/group_vars/kagemusha/vars.yml"
heard "a changed group is written anew" play "$dir/third.out" --limit db1
heard "and nothing else" grep -qE '^db1 .* changed=1 .* failed=0' "$dir/third.out"
tests_done
