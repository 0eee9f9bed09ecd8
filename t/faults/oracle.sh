# shellcheck shell=bash
# What must hold after every fault, whatever it was. Sourced by t/campaign; each rule adds a sentence to `wrong`.
# shellcheck disable=SC2154  # variables of t/campaign
total_lost=0 total_told=0 total_two=0 total_silent=0

# Servers that accept writes now, by their own word.
writable_hosts() {
    ctl status | awk '/ mysqld=up read_only=0 / {print $1}'
}

the_master() {
    writable_hosts | head -n 1
}

# Everybody who is up replicates from the master, but for those that the report left out, and a dead master.
stragglers() {
    local master=$1 line h
    ctl status | grep ' mysqld=up ' | while read -r line; do
        h=${line%% *}
        [[ $h != "$master" && $line != *"replicates=$master:Yes/Yes"* ]] || continue
        ! has "^  $h\\(.*(left out|as it was)" || continue
        [[ $h != db1 || $master == db1 ]] || continue
        echo "$h"
    done
}

no_stragglers() {
    [[ -z $(stragglers "$1") ]]
}

rule_expectation() {
    case $1 in
    none) ! has 'Phase 2: Dead Master|failover-end:' || wrong+=("something was done") ;;
    failover) has 'failover-end:|failover-partial:' || wrong+=("there was no complete failover") ;;
    refused) ! has 'failover-end:|failover-partial:' || wrong+=("there was a failover") ;;
    esac
    # One death, one failover; of two that die the second may have been opened already.
    (($(since | grep -Ec 'failover-end:|failover-partial:') <= ($([[ $name == candidate-dies-too ]] && echo 2 || echo 1)))) ||
        wrong+=("there was more than one failover")
}

one_writable() {
    (($(writable_hosts | wc -l) == 1))
}

rule_one_master() {
    local patience=60
    # What was refused has been told before: the old master is back by now, or nobody.
    [[ $1 != refused ]] || patience=10
    if within "$patience" one_writable; then
        master=$(the_master)
        within 60 no_stragglers "$master" || wrong+=("does not replicate from $master: $(stragglers "$master" | paste -sd ' ')")
        [[ $(ctl vip-where) == "$master" ]] || wrong+=("the VIP is on '$(ctl vip-where | paste -sd ' ')', the master is $master")
        return
    fi
    master=$(the_master)
    if [[ -z $master ]]; then
        has 'NO MASTER|no-master|fence impossible|no failover|nothing is begun|ignore_fail=1|failover-failed' || {
            wrong+=("there is no master, and nobody says so")
            total_silent=$((total_silent + 1))
        }
        [[ $1 == refused || $1 == either ]] || wrong+=("there is no master")
        return
    fi
    wrong+=("writable: $(writable_hosts | paste -sd ' ')")
}

rule_writes_go_on() {
    [[ -n $master ]] || return 0
    within 60 acked_more_than $(($(acked) + 20)) || wrong+=("the client's writes do not go on")
}

locked_hosts() {
    local h
    for h in $LAB_DB_HOSTS; do
        [[ $(ctl sql "$h" "SELECT IFNULL(IS_USED_LOCK('MHA_Master_High_Availability_Failover'), 0)" 2>/dev/null) =~ ^(0|)$ ]] ||
            echo "$h"
    done
}

no_locks() {
    [[ -z $(locked_hosts) ]]
}

rule_locks_are_free() {
    within 20 no_locks || wrong+=("failover locks are held on $(locked_hosts | paste -sd ' ')")
}

fact() {
    awk -v key="$1" '$1 == key {print $2}' "$dir/facts"
}

# Acknowledged rows are on the master, or the report says what may be missing.
rule_nothing_lost_silently() {
    local lost
    lost=$(fact lost)
    [[ -n $lost ]] || { wrong+=("rows cannot be compared: $(tail -n 1 "$dir/facts.err")"); return; }
    ((lost > 0)) || return 0
    if has '\[warning\] loss:'; then
        total_told=$((total_told + lost))
    else
        wrong+=("$lost acknowledged rows are lost, and the report does not say so: $(fact lost_rows)")
    fi
    total_lost=$((total_lost + lost))
}

rule_never_two_masters() {
    local two
    two=$(fact two_writable_proved)
    ((${two:-0} == 0)) || {
        wrong+=("two servers took writes at the same time ($two samples)")
        total_two=$((total_two + two))
    }
}

# No row that was begun behind the opening is acknowledged by the old master.
rule_no_late_acknowledgement() {
    local first last old
    [[ $(fact server) != db1 ]] || return 0
    old=$(awk '$2 == "db1" && $3 == "w" {print $6; exit}' "$dir"/ledger/*.sample 2>/dev/null)
    [[ -n $old ]] || return 0
    first=$(awk -v old="$old" '$4 != old {print $3; exit}' "$dir/ledger/$writers.ledger" 2>/dev/null)
    last=$(awk -v old="$old" '$4 == old {last = $3} END {print last ? last : 0}' "$dir/ledger/$writers.ledger" 2>/dev/null)
    [[ -z $first ]] || ((last < first)) || wrong+=("the old master acknowledged a row behind the first one of the new master")
}

rule_replicas_are_level() {
    [[ $(fact checksums_equal) != no ]] || [[ $(fact level) == no ]] || wrong+=("tables differ: $(grep '^checksum_' "$dir/facts" | paste -sd ' ')")
}

# oracle EXPECTATION
oracle() {
    local master=''
    rule_expectation "$1"
    rule_one_master "$1"
    rule_writes_go_on
    rule_locks_are_free
    stop_writer
    end_of "$sampler"
    sampler=''
    : >"$dir/facts"
    if [[ -n $master ]]; then
        t/lab/compare --lab "$lab" --host "$master" --around "$began_us" >"$dir/facts" 2>"$dir/facts.err"
        rule_nothing_lost_silently
        rule_never_two_masters
        rule_no_late_acknowledgement
        rule_replicas_are_level
    fi
    result="$1, master ${master:-none}, gap $(fact gap_ms) ms, lost $(fact lost), two writable $(fact two_writable_samples)"
    result+=", $(since | sed -n 's/.*\] verdict: \([a-z][a-zA-Z -]*\): .*/\1/p' | uniq | grep -vx 'alive' | paste -sd '/')"
}
