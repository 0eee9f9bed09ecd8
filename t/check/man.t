#!/usr/bin/env bash
# The manual pages hold every option of every command and every configuration key, and no other.
set -eu
. t/check/lib.sh
need mandoc perl gcc

programs=build/gcc

# Rows of option tables in the sources: "name alias...".
rows() {
    find manager/cmd node -name '*.[ch]' -print0 | xargs -0 grep -hoE '\{"[a-z_|-]+", +ARGS_(FLAG|INT|TEXT|LIST)' |
        sed 's/^{"//; s/".*//; s/|/ /g' | sort -u
}

# The options on standard input, which are a command's first names, with their other names.
with_aliases() {
    awk 'NR == FNR {all[$1] = $0; next} {print $1 in all ? all[$1] : $1}' <(rows) - | tr ' ' '\n' | sort -u
}

# of_command NAME...: options by --help.
of_command() {
    "$programs/$1" "${@:2}" --help | sed -n 's/^  --\([a-z_-]*\).*/\1/p' | with_aliases
}

# The agent's options are in its sources; those of its guard are for the agent alone.
of_node() {
    {
        find node -name '*.c' ! -name guard.c ! -path 'node/tools/*' ! -path 'node/sql/*' -print0 | xargs -0 grep -hoE '\{"[a-z-]+", +ARGS_' |
            sed 's/^{"//; s/".*//'
        grep -oE '"--[a-z-]+"' node/main.c | tr -d '"-'
    } | sort -u
}

# in_page FILE [SUBSECTION]: options that have an entry.
in_page() {
    awk -v want="${2-}" '/^\.S[sh] / {here = want == "" || $0 == ".Ss " want} here && /^\.It Fl /' "$1" |
        grep -oE 'Fl -[a-z_-]+' | sed 's/Fl -//' | sort -u
}

# compare WHAT WANTED-FILE FOUND-FILE
compare() {
    comm -23 "$2" "$3" | sed "s/^/$1: not in the page: --/"
    comm -13 "$2" "$3" | sed "s/^/$1: there is no --/"
}

page() {
    echo "docs/man/$1.8"
}

# Options that a page only mentions: "Fl -x" anywhere must be an option of some command.
mentioned() {
    local known
    known=$({ rows | tr ' ' '\n' && of_node; } | sort -u)
    grep -noE 'Fl -[a-z_-]+' docs/man/*.[58] | while IFS=: read -r file line option; do
        grep -qxF -e "${option#Fl -}" <<<"$known" || echo "$file:$line: there is no --${option#Fl -}"
    done
}

# "key scope default" by the table and by the page.
keys() {
    perl -0777 -ne '
        my %text = /#define (\w+)\s+"([^"]*)"/g;
        while (/^    (LOCAL|FLAG_LOCAL|NUMBER|TEXT|FLAG|SECRET|WORD|OURS)\((\w+), (?:([^,]+),)?/mg) {
            my ($kind, $key, $value) = ($1, $2, $3 // "");
            $value = $text{$value} // $value;
            $value =~ tr/"//d;
            $value = "" if $kind =~ /^(LOCAL|SECRET)$/;
            $value = 0 if $kind eq "FLAG_LOCAL";
            print "$key ", $kind =~ /LOCAL/ ? "server" : "any", " ", length $value ? $value : "-", "\n";
        }' common/conf_keys.c | sort
}

keys_in_page() {
    perl -0777 -ne 'while (/^\.It Cm (\w+)\n(?:\.Pq (\w+); (?:no default|default (\S+))\n)?/mg) {
        print "$1 ", $2 // "?", " ", $3 // "-", "\n" }' docs/man/kagemusha.cnf.5 | sort
}

commands() {
    "$programs/kagemusha" --help | sed -n 's/^  \([a-z-]\{1,\}\) .*/\1/p'
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if ! build "$programs" CC=gcc all >"$work/build"; then
    tail -n 5 "$work/build" | rule "the programs are built"
    rules_done
fi

{ mandoc -T lint -W warning docs/man/*.[58] 2>&1 || true; } | rule "mandoc has no warning"
for name in "$programs"/masterha_*; do
    name=${name##*/}
    if [[ ! -e $(page "$name") ]]; then
        echo "$name has no page"
        continue
    fi
    of_command "$name" >"$work/wanted"
    in_page "$(page "$name")" >"$work/found"
    compare "$name" "$work/wanted" "$work/found"
done | rule "pages of the masterha_* commands have their options"
for name in save_binary_logs filter_mysqlbinlog purge_relay_logs apply_diff_relay_logs; do
    { "$programs/$name" --help | sed -n 's/^  --\([a-z_-]*\).*/\1/p' && printf 'help\nversion\n'; } |
        sort -u >"$work/wanted"
    in_page "$(page "$name")" >"$work/found"
    compare "$name" "$work/wanted" "$work/found"
done | rule "pages of the programs for database hosts have their options"
for verb in plan topology explain rejoin; do
    of_command kagemusha "$verb" >"$work/wanted"
    in_page docs/man/kagemusha.8 "$(printf 'kagemusha %s' "$verb")" >"$work/found"
    compare "kagemusha $verb" "$work/wanted" "$work/found"
done | rule "kagemusha(8) has the options of its own verbs"
of_command kagemusha scan >"$work/wanted"
in_page docs/man/kagemusha-scan.8 >"$work/found"
compare "kagemusha scan" "$work/wanted" "$work/found" | rule "kagemusha-scan(8) has its options"
commands | while read -r verb; do
    grep -q "^\.It Cm $verb\$" docs/man/kagemusha.8 || echo "kagemusha $verb"
done | rule "kagemusha(8) has every verb"
of_node >"$work/wanted"
in_page docs/man/kagemusha-node.8 >"$work/found"
compare kagemusha-node "$work/wanted" "$work/found" | rule "kagemusha-node(8) has its options"
"$programs/kagemusha-node" --help | sed -n 's/^  \([a-z-]\{1,\}\) .*/\1/p' | while read -r word; do
    grep -q "^\.It Cm $word\$" docs/man/kagemusha-node.8 || echo "kagemusha-node $word"
done | rule "kagemusha-node(8) has every command"
for file in docs/man/masterha_*.8; do
    name=${file##*/}
    [[ -e $programs/${name%.8} ]] || echo "$file is about no command"
done | rule "every page is about a command"
mentioned | rule "options that pages mention exist"
keys >"$work/wanted"
keys_in_page >"$work/found"
diff "$work/wanted" "$work/found" | rule "kagemusha.cnf(5) has every key with scope and default"
rules_done
