#!/usr/bin/env bash
# `make install` with DESTDIR; the Debian packages: built, looked over by lintian, installed with dpkg
# on an overlay of this machine's own files, run there, and removed again; bash completion.
# Functions are called by name, through that.
# shellcheck disable=SC2317
set -eu

cd "$(dirname "$0")/.."
# shellcheck source=t/lib.sh
. t/lib.sh
B=${B:-build}
work=$(mktemp -d)
out=$work/out

clean() {
    rm -rf "$work"
}
trap clean EXIT
trap 'exit 1' INT TERM HUP
! sanitized || skip_all "built with sanitizers, whose libraries no package depends on"

# The agent's host may lack the client library that the program beside it needs.
needs_more() {
    dpkg-deb --fsys-tarfile "$node" | tar -xO ./usr/bin/kagemusha-node >"$work/agent"
    [[ -s $work/agent ]] || return 0
    readelf -d "$work/agent" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | grep -vE '^(lib(c|crypto|m)|ld-linux[^.]*)\.so'
}

# On the overlay, as on a machine where the packages are installed.
there() {
    # shellcheck disable=SC2016
    unshare -m bash -c 'set -e; mount -t tmpfs none "$1"; mkdir "$1"/{up,work,root}
        mount -t overlay none -o "lowerdir=/,upperdir=$1/up,workdir=$1/work" "$1/root"
        mkdir -p "$1/root/debs"; cp "$2"/*.deb "$1/root/debs/"; rm -f "$1"/root/debs/*dbgsym*
        mount -t proc proc "$1/root/proc"
        chroot "$1/root" bash -ec "$3"' there "$work/mnt" "$B/deb" "$1"
}

completes() {
    # shellcheck disable=SC2016
    bash -c '. conf/completion/kagemusha; PATH='"$PWD/$B"':$PATH; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); compopt() { :; }
        _kagemusha; printf "%s\n" "${COMPREPLY[@]}"' complete "${@:2}" | grep -qx -- "$1"
}

heard "make install with DESTDIR" env -u MAKEFLAGS make -s B="$B" DEPS=no DESTDIR="$work/dest" PREFIX=/opt/k install
heard "MHA's names are there" "$work/dest/opt/k/bin/masterha_check_repl" --version
heard "hooks may be run" test -x "$work/dest/opt/k/share/kagemusha/hooks/master_ip_failover"
heard "Perl modules are there" perl -I"$work/dest/opt/k/share/kagemusha/perl" -MMHA::NodeUtil -e1
heard "nothing is outside of PREFIX" test "$(ls "$work/dest")" = opt
heard "completion: verbs" completes manage kagemusha man
heard "completion: options of a verb" completes --conf= kagemusha check --co
heard "completion: options of MHA's names" completes --ignore_last_failover masterha_manager --ignore_l
heard "completion: files behind --conf=" completes Makefile masterha_stop --conf = Makef

if ! command -v dh >/dev/null || ! command -v dpkg-buildpackage >/dev/null; then
    skip "Debian packages" "debhelper is not installed"
    tests_done
fi
heard "make deb" conf/debian/build "$B/deb"
deb=$(ls "$B"/deb/kagemusha_*.deb) node=$(ls "$B"/deb/kagemusha-node_*.deb)
heard "the agent needs libc and libcrypto only" not needs_more
heard "the manager's package has nothing of the agent's" not grep -qE 'bin/(kagemusha-node|save_binary_logs|purge_relay_logs)' <(dpkg-deb -c "$deb")
# There is no address to write to yet.
if command -v lintian >/dev/null; then
    heard "lintian finds no error" not grep -q '^E:' <(lintian --allow-root \
        --suppress-tags bogus-mail-host,bogus-mail-host-in-debian-changelog "$deb" "$node" 2>&1 || true)
fi
mkdir "$work/mnt"
if ((EUID != 0)) || ! there true >/dev/null 2>&1; then
    skip "packages installed" "no overlay of / can be mounted here"
    tests_done
fi
heard "dpkg installs both" there 'dpkg --force-depends -i /debs/*.deb'
# shellcheck disable=SC2016
heard "installed: the programs run, the node's answers its greeting" there 'dpkg --force-depends -i /debs/*.deb >/dev/null
    masterha_manager --version; kagemusha --help >/dev/null
    kagemusha-node agent </dev/null | grep -q ^KAGEMUSHA-NODE
    printf "[server1]\nhostname=127.0.0.1\nport=1\n" >/root/x.cnf
    rc=0; masterha_check_repl --conf=/root/x.cnf >/root/out 2>&1 || rc=$?
    [ $rc = 1 ] && grep -q "NOT OK" /root/out'
heard "removed: nothing is left" there 'dpkg --force-depends -i /debs/*.deb >/dev/null
    dpkg -P kagemusha kagemusha-node >/dev/null; ! command -v kagemusha-node; [ ! -e /usr/share/kagemusha ]'
tests_done
