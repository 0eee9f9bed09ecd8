#!/usr/bin/env bash
# masterha_secondary_check from real hosts, by each of its three ways, and masterha_master_monitor
# until its master is dead.
# Functions are called by name, through that and within.
# shellcheck disable=SC2317,SC2154
set -eu

cd "$(dirname "$0")/.."
# shellcheck source=t/lib.sh
. t/lib.sh
lab_begin secondary "$@"
code=0

check() {
    run on_manager masterha_secondary_check --master_host=db1 --master_port=3306 --timeout=2 "$@"
}

three_verdicts() {
    check -s db2
    that "$1: the master lives: exit code 3" ends 3
    ctl stop db1
    check -s db2 -s db3
    that "$1: stopped, port closed: exit code 0" ends 0
    ctl start db1
    ctl cut db1
    check -s db2 -s db3
    that "$1: its cable is out: exit code 0" ends 0
    ctl heal db1
    check -s db2 -s db1
    that "$1: one host after another, the first says no" ends 3
}

lab_raise "$server" "$mode"

three_verdicts "agent"
check --secondary_host=db2 --secondary_host=db3 --user=root --master_ip="$LAB_ADDR_db1" \
    --ping_type=SELECT --master_user=x --master_password=y
that "with all that a manager appends: exit code 3" ends 3
check -s db2 --master_ip="$LAB_ADDR_manager" --master_port=1
that "it is the address that is asked for" ends 0
ctl poweroff db3
check -s db2 -s db3
that "the first host that sees the master decides: exit code 3" ends 3
check -s db3 -s db2
that "the first host cannot be asked: exit code 2" ends 2
that "... and is named" says "db3"
ctl stop db1
check -s db2 -s db3
that "dead for one, the other cannot be asked: exit code 2" ends 2
ctl start db1
ctl poweron db3
run on_manager masterha_secondary_check -s db2
that "no master: usage, exit code 1" ends 1
check
that "nobody to ask: MHA's exit code 0" ends 0
that "... with a warning" says "nobody was asked"
check -s db2 --user=nobody-here
that "a login that is refused: exit code 2" ends 2

check -s db2 --ping_type=INSERT --master_user="$LAB_ADMIN_USER" --master_password="$LAB_ADMIN_PASSWORD"
that "an INSERT ping through the host: exit code 3" ends 3
that "... left its row" test "$(ctl sql db1 'SELECT COUNT(*) FROM infra.chk_masterha')" = 1
check -s db2 --ping_type=INSERT --master_user="$LAB_ADMIN_USER" --master_password=wrong
that "an INSERT ping that fails is not reached: exit code 0" ends 0

# Without our program there: a directory without it comes first in no PATH.
mkdir -p "$dir/bare"
for f in "$B"/masterha_* "$B/kagemusha"; do
    ln -sf "$B/kagemusha" "$dir/bare/${f##*/}"
done
t/lab/down --lab "$lab" >/dev/null 2>&1
t/lab/up "$server" "$mode" --lab "$lab" --path "$PWD/$dir/bare" >"$out" 2>&1 || true
mkdir -p "$dir/bare"
for f in masterha_secondary_check masterha_master_monitor masterha_check_status; do
    ln -sf "$B/kagemusha" "$dir/bare/$f"
done
check -s db2
if t/lab/exec db2 --lab "$lab" sh -c 'command -v kagemusha-node' >/dev/null 2>&1; then
    that "kagemusha-node is nowhere in PATH # SKIP it is installed here" true
else
    three_verdicts "bash"
fi

# sshd alone: its key runs no command there.
sed -i 's/^/command="false" /' "$dir/hosts/db2/fs/root/.ssh/authorized_keys"
three_verdicts "sshd alone"
sed -i 's/^command="false" //' "$dir/hosts/db2/fs/root/.ssh/authorized_keys"

run on_manager masterha_secondary_check -s db2 --master_host=db1 --timeout=2 --options='-o RequestTTY=no -o StrictHostKeyChecking=no'
that "--options replace ours: exit code 3" ends 3

t/lab/exec manager --lab "$lab" masterha_master_monitor --conf="$PWD/$dir/app1.cnf" \
    --skip_ssh_check >"$out" 2>&1 &
monitor=$!
that "masterha_master_monitor watches" within 30 says "until MySQL doesn't respond"
ctl kill db1
code=0
wait "$monitor" || code=$?
that "the master is dead: exit code 20" ends 20
that "MHA's first line" says "Master db1 is dead!"
that "MHA's second line" says "IP Address: $LAB_ADDR_db1 Port: 3306"
that "nobody was promoted" test "$(ctl sql db2 'SELECT @@GLOBAL.read_only')" = 1
t/lab/exec manager --lab "$lab" masterha_master_monitor --conf="$PWD/$dir/app1.cnf" \
    <<<'no' >"$out" 2>&1 && code=0 || code=$?
that "a master that is down already: asked" says "Master is not currently alive. Proceed? (yes/NO):"
that "... and no is exit code 1" ends 1
tests_done
