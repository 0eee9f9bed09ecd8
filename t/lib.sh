# shellcheck shell=bash disable=SC2034
# What the shell tests share: lines of TAP, waits that end, and a lab of three database hosts.
# Sourced at the top of the tree by every t/*.t and t/*/*.t in shell but the checks, which have t/check/lib.sh.

count=0 failed=0
# What the program under test said last: a file.
out=
# In front of every test's name.
tap_prefix=

# --- TAP -------------------------------------------------------------------------------------------
# ok STATUS NAME: one line; of a failure also what the test has to show.
ok() {
    count=$((count + 1))
    if (($1 == 0)); then
        echo "ok $count - $tap_prefix$2"
        return
    fi
    echo "not ok $count - $tap_prefix$2"
    failed=1
    show 2>/dev/null | sed 's/^/# /'
}

# Of a failed test. One whose programs speak elsewhere defines its own.
show() {
    [[ ! -f $out ]] || tail -n 40 "$out"
}

# that NAME COMMAND...
that() {
    if "${@:2}"; then ok 0 "$1"; else ok 1 "$1"; fi
}

skip() { # NAME WHY
    count=$((count + 1))
    echo "ok $count - $tap_prefix$1 # SKIP $2"
}

skip_all() { # WHY
    echo "1..0 # SKIP $1"
    exit 0
}

# Built with sanitizers: other libraries, another order of loading, and slower.
sanitized() {
    grep -q __asan_init "$B/kagemusha"
}

needs_root() {
    ((EUID == 0)) || skip_all "the lab needs root"
}

# The plan line; the exit status is the verdict.
tests_done() {
    echo "1..$count"
    exit "$failed"
}

# --- What may stand behind that ----------------------------------------------------------------------
is() { # GOT WANT
    (($# == 2)) || { echo "Bail out! is takes GOT and WANT: $*"; exit 1; }
    [[ $1 == "$2" ]] || {
        printf '#   got:  %s\n#   want: %s\n' "$1" "$2"
        return 1
    }
}

like() { # GOT GLOB
    # shellcheck disable=SC2053  # a pattern
    [[ $1 == $2 ]] || {
        printf '#   got:  %s\n#   want: %s\n' "$1" "$2"
        return 1
    }
}

# A command that is not there is no answer.
not() {
    local rc=0
    "$@" || rc=$?
    ((rc != 0 && rc != 126 && rc != 127))
}

# within SECONDS COMMAND...: until it succeeds. Only its last try is heard.
within() {
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null; do
        ((SECONDS <= end)) || { "$@"; return; }
        sleep "${poll_s:-0.1}"
    done
}

# run COMMAND...: what it says is in $out, its exit status in $code.
run() {
    code=0
    "$@" >"$out" 2>&1 </dev/null || code=$?
}

# heard NAME COMMAND...: as that; what it says is shown only if it fails.
heard() {
    run "${@:2}"
    ok "$code" "$1"
}

ends() { # STATUS
    is "$code" "$1"
}

says() { # TEXT
    grep -qF -- "$1" "$out"
}

# --- The lab -----------------------------------------------------------------------------------------
# lab_begin NAME [SERVER [MODE]]: sets server, mode, lab, dir and out; the trap ends what the test began.
lab_begin() {
    needs_root
    B=$(readlink -f "${B:-build}")
    server=${2:-${SERVER:-mariadb}} mode=${3:-${MODE:-gtid}}
    lab=${LAB:-$1-t}
    dir=build/lab/$lab
    out=$(mktemp)
    trap lab_end EXIT
    trap 'exit 1' INT TERM HUP
}

# shellcheck disable=SC2317  # called by the trap
lab_end() {
    local p
    for p in $(jobs -p); do
        kill -TERM "$p" 2>/dev/null || true
        # One that was stopped by the test hears it too.
        kill -CONT "$p" 2>/dev/null || true
    done
    t/lab/down --lab "$lab" >/dev/null 2>&1 || true
    rm -f "$out"
}

# lab_raise SERVER MODE [OPTION of t/lab/up...]: the group, and what $dir/env says of it; sets conf and work.
lab_raise() {
    local rc=0
    t/lab/up "$@" --lab "$lab" --path "$B" >"$out" 2>&1 || rc=$?
    ((rc != 77)) || skip_all "$(tail -n 1 "$out")"
    ((rc == 0)) || { sed 's/^/# /' "$out"; echo "Bail out! the lab did not rise"; exit 1; }
    # shellcheck disable=SC1091
    . "$dir/env"
    conf=$dir/app1.cnf work=$dir/hosts/manager/fs/var-tmp/app1
    rm -rf "$work"
}

ctl() {
    t/lab/ctl --lab "$lab" "$@"
}

sql() { # HOST STATEMENT
    ctl sql "$@" 2>/dev/null
}

on_manager() {
    t/lab/exec manager --lab "$lab" "$@"
}

# hold_applier HOST: what it applies to app.ledger waits until release_applier HOST.
hold_applier() {
    ctl sql "$1" 'LOCK TABLES app.ledger READ; DO SLEEP(600)' >/dev/null 2>&1 &
    holder=$!
    within 20 is_held "$1"
}

holder_of() {
    ctl sql "$1" "SELECT id FROM information_schema.processlist WHERE info LIKE 'DO SLEEP(600)'"
}

# shellcheck disable=SC2317  # called by within
is_held() {
    [[ -n $(holder_of "$1") ]]
}

release_applier() {
    ctl sql "$1" "KILL $(holder_of "$1")"
    wait "$holder" 2>/dev/null || true
}
