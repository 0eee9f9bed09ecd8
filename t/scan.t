#!/usr/bin/env bash
# The scanner against a real server: every type at its edge, every place where a counter is missing or
# wrong, what an account may see, bad input, and each form of output by a reader of its own.
# SERVER=mariadb|mariadb11|mysql9|mysql56, B=build directory.
set -eu

cd "$(dirname "$0")/.."
# shellcheck source=t/lib.sh
. t/lib.sh
B=${B:-build}
name=${SERVER:-mariadb}
dir=$(mktemp -d "${TMPDIR:-/tmp}/scan.XXXXXX")
. t/scan/server.sh
trap 'stop_servers; rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM HUP

# scan OPTION...: as the account that has REFERENCES alone; sets status, puts what it printed into $out
# and $dir/out.txt, its complaints into $err.
scan() {
    status=0
    "$B/kagemusha" scan "$@" >"$dir/out.txt" 2>"$dir/err.txt" || status=$?
    out=$(<"$dir/out.txt") err=$(<"$dir/err.txt")
}
export KAGEMUSHA_SCAN_PASSWORD='Pa#s;w0r"d$'
here() {
    scan --server="127.0.0.1:$port" --user=scan "$@"
}

# counter SCHEMA TABLE: "class next limit left level" of the columns of a table, as CSV has them: exact.
counter() {
    awk -v schema="$1" -v table="$2" -F '","|",|,"' '{
        gsub(/^"|\r$/, "")
        if ($3 == schema && $4 == table) { split($8, n, ","); print $6, n[1], n[2], n[3], $7 } }' "$dir/csv"
}

# column FILTER: of the JSON report.
column() {
    jq -r ".columns[] | select(.table == \"$1\") | $2" "$dir/json"
}

mysql() {
    [[ $name == mysql* ]]
}

is_version() { # is_version NAME...: this test runs on one of them
    local one
    for one; do
        [[ $one != "$name" ]] || return 0
    done
    return 1
}

# shellcheck disable=SC2119  # no options
start_server

# What each type hands out last; the word is that of scanner dashboards.
types() {
    cat <<'TABLE'
ti   tinyint_signed     127                  TINYINT
tiu  tinyint_unsigned   255                  TINYINT UNSIGNED
bo   tinyint_signed     127                  BOOL
si   smallint_signed    32767                SMALLINT
siu  smallint_unsigned  65535                SMALLINT UNSIGNED
mi   mediumint_signed   8388607              MEDIUMINT
miu  mediumint_unsigned 16777215             MEDIUMINT UNSIGNED
i    int_signed         2147483647           INT
iu   int_unsigned       4294967295           INT UNSIGNED
iz   int_unsigned       4294967295           INT(5) ZEROFILL
bi   bigint_signed      9223372036854775807  BIGINT
biu  bigint_unsigned    18446744073709551614 BIGINT UNSIGNED
se   bigint_unsigned    18446744073709551614 SERIAL
TABLE
    if ! is_version mysql9; then
        printf '%s\n' "fl   float              16777216             FLOAT" \
            "do   double             9007199254740992     DOUBLE"
    fi
}

less() { # less NUMBER: one less; beyond what bash counts
    case $1 in
    18446744073709551614) echo 18446744073709551613 ;;
    *) echo $(($1 - 1)) ;;
    esac
}

more() {
    case $1 in
    18446744073709551614) echo 18446744073709551615 ;;
    9223372036854775807) echo 9223372036854775808 ;;
    *) echo $(($1 + 1)) ;;
    esac
}

make_types() {
    local table class limit type key
    echo "CREATE DATABASE types; CREATE DATABASE edge; USE types;"
    types | while read -r table class limit type; do
        key="AUTO_INCREMENT PRIMARY KEY"
        [[ $type != SERIAL ]] || key="PRIMARY KEY"
        # Filled to the last value that is handed out, and one more tried.
        echo "CREATE TABLE types.$table (id $type $key) ENGINE=InnoDB;"
        echo "INSERT INTO types.$table VALUES ($(less "$limit")); INSERT INTO types.$table VALUES (NULL);"
        echo "INSERT INTO types.$table VALUES (NULL);"
        # One value left.
        echo "CREATE TABLE edge.$table (id $type $key) ENGINE=InnoDB;"
        echo "INSERT INTO edge.$table VALUES ($(less "$limit"));"
    done
}

make_odd() {
    cat <<'SQL'
CREATE DATABASE odd; USE odd;
CREATE TABLE unused (id INT AUTO_INCREMENT PRIMARY KEY) ENGINE=InnoDB;
CREATE TABLE truncated (id INT AUTO_INCREMENT PRIMARY KEY) ENGINE=InnoDB;
INSERT INTO truncated VALUES (5); TRUNCATE truncated;
CREATE TABLE beyond (id TINYINT AUTO_INCREMENT PRIMARY KEY) ENGINE=InnoDB; ALTER TABLE beyond AUTO_INCREMENT = 300;
CREATE TABLE plain (id INT PRIMARY KEY);
CREATE TABLE negative (id INT AUTO_INCREMENT PRIMARY KEY); INSERT INTO negative VALUES (-5), (7);
CREATE TABLE parted (id INT UNSIGNED AUTO_INCREMENT PRIMARY KEY) PARTITION BY HASH (id) PARTITIONS 4;
INSERT INTO parted VALUES (41), (42);
CREATE TABLE isam (id SMALLINT AUTO_INCREMENT PRIMARY KEY) ENGINE=MyISAM; INSERT INTO isam VALUES (31000);
CREATE TABLE isam_full (id TINYINT AUTO_INCREMENT PRIMARY KEY) ENGINE=MyISAM; INSERT INTO isam_full VALUES (127);
CREATE TABLE grouped (g INT, id TINYINT AUTO_INCREMENT, PRIMARY KEY (g, id)) ENGINE=MyISAM;
INSERT INTO grouped VALUES (1, 127);
CREATE TABLE grouped_too (g INT, id TINYINT AUTO_INCREMENT, PRIMARY KEY (g, id), KEY (id)) ENGINE=MyISAM;
INSERT INTO grouped_too VALUES (1, 100);
CREATE VIEW seen AS SELECT * FROM parted;
CREATE TABLE Foo (id TINYINT AUTO_INCREMENT PRIMARY KEY); INSERT INTO Foo VALUES (100);
CREATE TABLE foo (id BIGINT AUTO_INCREMENT PRIMARY KEY); INSERT INTO foo VALUES (3);
CREATE DATABASE Odd; CREATE TABLE Odd.foo (id INT AUTO_INCREMENT PRIMARY KEY); INSERT INTO Odd.foo VALUES (77);
CREATE DATABASE `we"ird,db'%_#|`;
CREATE TABLE `we"ird,db'%_#|`.`ta``ble\\ "x"` (`c"o,l|` INT AUTO_INCREMENT PRIMARY KEY);
INSERT INTO `we"ird,db'%_#|`.`ta``ble\\ "x"` VALUES (2100000000);
CREATE DATABASE shard1; CREATE DATABASE shard2; CREATE DATABASE shard3;
CREATE TABLE shard1.events (id INT AUTO_INCREMENT PRIMARY KEY); INSERT INTO shard1.events VALUES (10);
CREATE TABLE shard2.events (id INT AUTO_INCREMENT PRIMARY KEY); INSERT INTO shard2.events VALUES (2147483000);
CREATE TABLE shard3.events (id INT AUTO_INCREMENT PRIMARY KEY); INSERT INTO shard3.events VALUES (30);
CREATE DATABASE fam; USE fam;
CREATE TABLE users (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY); INSERT INTO users VALUES (2000000000);
CREATE TABLE visits (id BIGINT AUTO_INCREMENT PRIMARY KEY, user_id INT, owner_user_id BIGINT UNSIGNED);
CREATE TABLE orders (id INT AUTO_INCREMENT PRIMARY KEY) ENGINE=InnoDB; INSERT INTO orders VALUES (2000000000);
CREATE TABLE items (order_id INT NOT NULL COMMENT 'CONSTRAINT `items_of` FOREIGN KEY (no)', CONSTRAINT items_of FOREIGN KEY (order_id) REFERENCES orders (id) ON DELETE CASCADE,
    CONSTRAINT `items``too` FOREIGN KEY (order_id) REFERENCES orders (id)) ENGINE=InnoDB;
CREATE TABLE other (id INT PRIMARY KEY) ENGINE=InnoDB;
CREATE TABLE notes (order_id INT, CONSTRAINT notes_of FOREIGN KEY (order_id) REFERENCES orders (id),
    CONSTRAINT notes_other FOREIGN KEY (order_id) REFERENCES other (id)) ENGINE=InnoDB;
SQL
    if is_version mysql9; then
        cat <<'SQL'
USE odd; CREATE TABLE hidden (id INT AUTO_INCREMENT INVISIBLE PRIMARY KEY, v INT); INSERT INTO hidden (v) VALUES (1), (2);
SET SESSION sql_generate_invisible_primary_key = ON;
CREATE TABLE gipk (v INT); INSERT INTO gipk VALUES (1), (2), (3);
SQL
    elif ! mysql; then
        cat <<'SQL'
USE odd; CREATE TABLE hidden (id INT INVISIBLE AUTO_INCREMENT PRIMARY KEY, v INT); INSERT INTO hidden (v) VALUES (1), (2);
CREATE TABLE versioned (id INT AUTO_INCREMENT PRIMARY KEY, v INT) WITH SYSTEM VERSIONING;
INSERT INTO versioned VALUES (8, 1);
CREATE TABLE aria (g INT, id TINYINT AUTO_INCREMENT, PRIMARY KEY (g, id)) ENGINE=Aria;
CREATE SEQUENCE s START WITH 50 MINVALUE 1 MAXVALUE 100 NOCACHE; SELECT NEXTVAL(s);
CREATE SEQUENCE big NOCACHE; SELECT SETVAL(big, 30000);
CREATE SEQUENCE down START WITH -1 INCREMENT BY -1 MINVALUE -100 MAXVALUE -1 NOCACHE; SELECT SETVAL(down, -90);
CREATE SEQUENCE turns MAXVALUE 10 CYCLE NOCACHE;
CREATE TABLE from_seq (id SMALLINT DEFAULT NEXTVAL(odd.big), v INT);
CREATE TABLE fake (next_not_cached_value INT);
SQL
    fi
}

{
    make_types
    make_odd
    echo "CREATE USER scan@127.0.0.1 IDENTIFIED BY '$KAGEMUSHA_SCAN_PASSWORD'; GRANT REFERENCES ON *.* TO scan@127.0.0.1;"
    for user in nobody monitor partial readonly; do
        echo "CREATE USER $user@127.0.0.1 IDENTIFIED BY '$KAGEMUSHA_SCAN_PASSWORD';"
    done
    echo "GRANT PROCESS, REPLICATION CLIENT, SHOW DATABASES ON *.* TO monitor@127.0.0.1;"
    echo "GRANT SELECT ON shard1.* TO partial@127.0.0.1; GRANT SELECT (id) ON shard2.events TO partial@127.0.0.1;"
    echo "GRANT SELECT ON *.* TO readonly@127.0.0.1;"
    mysql || echo "GRANT SELECT ON odd.* TO scan@127.0.0.1;"
} | sql - >"$dir/make.out" 2>&1

# --- every type at its edge --------------------------------------------------------------------------
here --csv --children
cp "$dir/out.txt" "$dir/csv"
here --json --children
cp "$dir/out.txt" "$dir/json"
that "full columns are critical, and nothing is hidden from REFERENCES" is "$status $err" "2 "
while read -r table class limit type; do
    handed=$(sql "SELECT CAST(MAX(id) AS UNSIGNED) FROM types.$table")
    [[ $type != DOUBLE ]] || handed=$limit
    that "$type hands out $limit" is "$handed" "$limit"
    if [[ $class == float || $class == double ]]; then
        that "and is full then" like "$(counter types "$table")" "$class * $limit 0 critical"
        continue
    fi
    shown=$(more "$limit")
    mysql && [[ $class != bigint_unsigned ]] && shown=$limit
    that "and is full then" is "$(counter types "$table")" "$class $shown $limit 0 critical"
    left=1
    mysql && [[ $class != bigint_unsigned ]] && left=0
    that "before that $left can be told to be left" \
        is "$(counter edge "$table")" "$class $limit $limit $left critical"
done < <(types)

# --- where a counter is missing, or not what it seems -------------------------------------------------
that "a table that was never filled has all left" is "$(counter odd unused)" "int_signed 1 2147483647 2147483647 ok"
that "so has one that was truncated" is "$(counter odd truncated)" "int_signed 1 2147483647 2147483647 ok"
that "set beyond the limit by hand" is "$(counter odd beyond)" "tinyint_signed 300 127 0 critical"
that "which has a cause of its own" is "$(column beyond '.causes | join(",")')" "usage,beyond"
that "a column without AUTO_INCREMENT is none" is "$(counter odd plain)" ""
that "negative values do not count" is "$(counter odd negative)" "int_signed 8 2147483647 2147483640 ok"
that "a partitioned table is one" is "$(counter odd parted)" "int_unsigned 43 4294967295 4294967253 ok"
that "a view is none" is "$(counter odd seen)" ""
that "MyISAM counts as others do" is "$(counter odd isam)" "smallint_signed 31001 32767 1767 critical"
that "and is full as they are" like "$(counter odd isam_full)" "tinyint_signed 12[78] 127 0 critical"
that "MyISAM per group is not measurable, and not 1" is "$(column grouped .state)" "per_group"
that "unless it leads another key" is "$(column grouped_too .state)" "measured"
that "Foo is not foo" is "$(counter odd Foo)" "tinyint_signed 101 127 27 warning"
that "foo is not Foo" is "$(counter odd foo)" "bigint_signed 4 9223372036854775807 9223372036854775804 ok"
that "nor is that of another spelling of its schema" is "$(counter Odd foo)" "int_signed 78 2147483647 2147483570 ok"
# shellcheck disable=SC2016  # the quote of SQL
that "awkward names come through" \
    is "$(jq -rc '.columns[] | select(.table | startswith("ta`")) | [.schema, .table, .column, .next]' "$dir/json")" '["we\"ird,db'"'"'%_#|","ta`ble\\\\ \"x\"","c\"o,l|",2100000001]'
that "same-named tables of three schemas have a counter each" \
    is "$(for n in 1 2 3; do counter shard$n events | awk '{print $2}'; done | paste -sd ' ')" "11 2147483001 31"
that "and one row each" is "$(grep -c '"events"' "$dir/csv")" 3
that "the server's own schemas are left out" \
    is "$(jq -r '[.columns[] | .schema] | unique | map(select(. == "mysql" or . == "sys" or . == "information_schema" or . == "performance_schema")) | length' "$dir/json")" 0
that "user_id INT runs out with users.id" \
    is "$(counter fam visits | sort | paste -sd ',')" "bigint_signed 1 9223372036854775807 9223372036854775807 ok,logical_fk 2000000001 2147483647 147483647 critical"
if ! is_version mysql56; then
    that "an invisible column is seen" is "$(counter odd hidden)" "int_signed 3 2147483647 2147483645 ok"
fi
if is_version mysql9; then
    that "a generated invisible primary key is seen" \
        is "$(column gipk '[.column, .column_type, .next] | join(" ")')" "my_row_id bigint_unsigned 4"
    sql "SET GLOBAL show_gipk_in_create_table_and_information_schema = OFF"
    here --json --schema=odd
    that "also where the server hides it" \
        is "$(jq -r '.columns[] | select(.table == "gipk") | .next' "$dir/out.txt")" 4
    sql "SET GLOBAL show_gipk_in_create_table_and_information_schema = ON"
    # Cached statistics: a day old, and wrong above 2^63-1.
    sql "SELECT SUM(AUTO_INCREMENT) FROM information_schema.TABLES" >/dev/null
    sql "INSERT INTO odd.foo VALUES (1000)"
    here --csv --schema=odd --schema=types
    cp "$dir/out.txt" "$dir/csv"
    that "cached statistics are not taken" is "$(counter odd foo | awk '{print $2}')" 1001
    that "nor the cached value that is wrong above 2^63-1" \
        is "$(counter types biu | awk '{print $2, $5}')" "18446744073709551615 critical"
fi
if ! mysql; then
    that "a system-versioned table" is "$(counter odd versioned)" "int_signed 9 2147483647 2147483639 ok"
    that "Aria per group" is "$(column aria .state)" "per_group"
    that "a sequence: 50 of 100 are used" is "$(counter odd s)" "sequence 51 100 50 ok"
    that "one that counts downwards" is "$(counter odd down | awk '{print $1, $4, $5}')" "sequence 10 critical"
    that "one that begins anew" is "$(column turns .state)" "cycles"
    that "a column that takes NEXTVAL ends where its own type does" \
        is "$(counter odd from_seq)" "smallint_signed 30001 32767 2767 critical"
    that "and names its sequence" is "$(column from_seq .source)" "odd.big"
    that "a table that only looks like a sequence is none" is "$(column fake .state)" ""
fi

# --- what no server counts on, or this one does not any more -----------------------------------------
said() { # said STATEMENT: the number of the server's error
    sql - 2>&1 <<<"$1" | sed -n 's/^ERROR \([0-9]*\).*/\1/p'
}
refused=('DECIMAL(9)' NUMERIC 'BIT(8)' YEAR 'VARCHAR(9)')
! is_version mysql9 || refused+=(FLOAT DOUBLE)
for type in "${refused[@]}"; do
    that "no AUTO_INCREMENT on $type" is "$(said "CREATE TABLE odd.no (id $type AUTO_INCREMENT PRIMARY KEY)")" 1063
done
that "nor on a column that begins no key" is "$(said "CREATE TABLE odd.no (g INT, id INT AUTO_INCREMENT, KEY (g, id)) ENGINE=InnoDB")" 1075

# --- temporary tables: the scan's own session has some here, and so has another that stays open -----------------
sql "GRANT CREATE TEMPORARY TABLES ON odd.* TO scan@127.0.0.1;
    SET GLOBAL init_connect = 'CREATE TEMPORARY TABLE odd.fleeting (id TINYINT AUTO_INCREMENT PRIMARY KEY) AUTO_INCREMENT = 120;
        CREATE TEMPORARY TABLE odd.foo (id TINYINT AUTO_INCREMENT PRIMARY KEY) AUTO_INCREMENT = 121'"
mkfifo "$dir/held"
sql - <"$dir/held" >"$dir/held.out" 2>&1 &
holder=$!
exec 8>"$dir/held"
echo "CREATE TEMPORARY TABLE odd.passing (id TINYINT AUTO_INCREMENT PRIMARY KEY) AUTO_INCREMENT = 122; INSERT INTO odd.plain VALUES (1);" >&8
made() {
    [[ $(sql "SELECT COUNT(*) FROM odd.plain") == 1 ]]
}
for ((i = 0; i < 600; i++)); do ! made || break; sleep 0.1; done
made
ok $? "a session holds a temporary table"
here --csv --schema=odd
cp "$dir/out.txt" "$dir/csv"
that "temporary tables are none" is "$(counter odd fleeting)$(counter odd passing)" ""
that "a table that one hides is read" like "$(counter odd foo | paste -sd ,)" "bigint_signed +([0-9]) 9223372036854775807 +([0-9]) ok"
that "nothing is missing for it" is "$err" ""
exec 8>&-
wait "$holder"
sql "SET GLOBAL init_connect = ''"

# --- columns that hold other tables' ids ---------------------------------------------------------------
here --explain=fam.orders.id
that "--explain ends as the scan does" is "$status" 2
that "--explain: the family and the statements" \
    like "$out" "fam.orders.id on 127.0.0.1:*ends at 2147483647*fam.items.order_id*foreign key items_of*DROP FOREIGN KEY \`items_of\`*MODIFY \`id\` BIGINT NOT NULL AUTO_INCREMENT*MODIFY \`order_id\` BIGINT NOT NULL*"
sql - >"$dir/alter.out" 2>&1 <<<"$(sed -n 's/^  \(ALTER.*;\)$/\1/p' "$dir/out.txt")"
that "which the server takes as they are" \
    is "$(<"$dir/alter.out")$(sql "SELECT GROUP_CONCAT(DATA_TYPE) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = 'fam' AND COLUMN_NAME IN ('order_id') OR TABLE_SCHEMA = 'fam' AND TABLE_NAME = 'orders'")" "bigint,bigint,bigint"
that "and the keys are back, with what they do" is "$(sql "SELECT GROUP_CONCAT(CONSTRAINT_NAME, IF(DELETE_RULE = 'CASCADE', '+', '')
    ORDER BY CONSTRAINT_NAME) FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = 'fam'")" "items_of+,items\`too,notes_of"
that "but for one whose other parent is narrow: it is named" like "$out" "*when fam.other.id is as wide*notes_other of fam.notes*"
here --explain=fam.users.id
that "--explain: columns that only the name joins" like "$out" "*fam.visits.user_id*by its name*"
here --explain=odd.grouped.id
that "--explain: what is counted per group has no value to show" is "${out/next value/}" "$out"
here --explain=fam.nothing.id
that "--explain of what is not there" is "$status" 3
here --explain=fam
that "--explain of no name" like "$status $err" "3 *is not schema.table.column*"

# --- steps of more than one ----------------------------------------------------------------------------
sql "SET GLOBAL auto_increment_increment = 10; SET GLOBAL auto_increment_offset = 3"
here --csv --schema=odd
cp "$dir/out.txt" "$dir/csv"
that "every tenth value: 103, 113, 123" is "$(counter odd Foo)" "tinyint_signed 101 127 3 warning"
sql "SET GLOBAL auto_increment_increment = 1; SET GLOBAL auto_increment_offset = 1"

# --- what an account may see -----------------------------------------------------------------------------
as() { # as USER OPTION...
    scan --server="127.0.0.1:$port" --user="$1" --json "${@:2}"
    cp "$dir/out.txt" "$dir/json"
    said=$(jq -r '.servers[0] | .answer + ": " + .error' "$dir/json")
}
grantee="*nobody*127.0.0.1*"
as nobody
that "no privilege: the GRANT is named" \
    like "$status $said" "3 partial: schemas may be hidden from us: GRANT REFERENCES ON \*.\* TO $grantee"
as monitor
that "a monitoring account sees counters without columns" \
    like "$status $said" "3 partial: tables of schema * may be hidden from us: GRANT REFERENCES ON \*.\* TO *monitor*"
as partial
that "a schema and a column are not all" like "$status $said" "2 partial: *GRANT REFERENCES*"
that "what is seen is there" is "$(jq -r '[.columns[] | .schema] | unique | join(" ")' "$dir/json")" "shard1 shard2"
as partial --schema=shard1
that "asked for what it may see, it is complete" like "$status $said" "0 complete: "
as partial --schema=shard1 --schema=shard3
that "a hidden schema is an error" \
    like "$status $said" "3 partial: schema shard3 is hidden from us: GRANT REFERENCES ON \`shard3\`.\* TO *"
as partial --schema=shard3
that "alone too" like "$status $said" "3 failed: *no schema of the names asked for*GRANT REFERENCES*"
as readonly --schema='shard*'
that "SELECT on all shows all" is "$status $said" "2 complete: "
if ! is_version mysql56; then
    sql "CREATE ROLE see; GRANT REFERENCES ON *.* TO see; GRANT see TO nobody@127.0.0.1"
    if mysql; then
        sql "SET DEFAULT ROLE see TO nobody@127.0.0.1"
    else
        sql "SET DEFAULT ROLE see FOR nobody@127.0.0.1"
    fi
    as nobody --schema='shard*'
    that "a role that is in force counts" is "$status $said" "2 complete: "
fi
if is_version mysql9; then
    sql "SET GLOBAL partial_revokes = ON; REVOKE SELECT ON shard3.* FROM readonly@127.0.0.1"
    as readonly
    that "a partial revoke is seen" \
        like "$said" "partial: schema shard3 is hidden from us by a revoke: GRANT REFERENCES ON \`shard3\`.\* TO *"
fi

# --- refused where it would cost ----------------------------------------------------------------------------
if is_version mysql56; then
    sql "SET GLOBAL innodb_stats_on_metadata = ON"
    as scan
    that "statistics on metadata: refused" like "$status $said" "3 failed: innodb_stats_on_metadata is ON*--force"
    as scan --force
    that "unless forced" is "$status $(jq -r '.servers[0].answer' "$dir/json")" "2 complete"
    sql "SET GLOBAL innodb_stats_on_metadata = OFF"
fi

# --- bad input ----------------------------------------------------------------------------------------------
nobody_port=$(free_port)
scan --server="127.0.0.1:$port" --server="127.0.0.1:$nobody_port" --user=scan --json --schema='shard*'
that "a server that is down is a row" \
    is "$status $(jq -r '[.servers[].answer] | join(" ")' "$dir/out.txt")" "2 complete failed"
that "with its error" like "$(jq -r '.servers[1].error' "$dir/out.txt")" "*127.0.0.1*onnect*"
that "the other one's columns are complete" is "$(jq '.columns | length' "$dir/out.txt")" 3
scan --server="127.0.0.1:$nobody_port" --user=scan
that "down alone: exit 3" like "$status $out" "3 FAILED * 127.0.0.1:$nobody_port - *onnect*"
that "... and is named once" is "$(grep -o "127.0.0.1:$nobody_port" <<<"$out" | wc -l)" 1
KAGEMUSHA_SCAN_PASSWORD=wrong here
that "a wrong password" like "$status $out" "3 FAILED *ccess denied*"
[[ $out != *wrong* ]]
ok $? "which is not shown"
kill -STOP "$pid"
begin=$(date +%s)
here --timeout=2
kill -CONT "$pid"
that "a server that does not answer" like "$status $out" "3 FAILED *"
(($(date +%s) - begin < 20))
ok $? "is given up in time"
echo "this is no database, and it is long enough not to be taken for an empty one" >"$dir/history"
here --history="$dir/history" --schema='shard*'
that "a damaged history is told" like "$status $err" "2 *$dir/history is damaged*move it away*"
that "and the report is complete without it" like "$out" "*CRITICAL*shard2.events.id*"
here --history="$dir/history" --schema=shard1
that "exit 3 then, where nothing is worse" is "$status" 3
here --textfile="$dir/none/x.prom" --schema=shard1
that "a textfile that cannot be written" like "$status $err" "3 *$dir/none*"
printf '[rule]\nschema = shard2\nignore = yes\n' >"$dir/rules"
here --rules="$dir/rules"
that "a rule with an error" like "$status $err" "3 *$dir/rules line 1: a rule with ignore needs a reason*"
printf '[rule]\nschema = shard2\nignore = yes\nreason = test\nowner = me\n' >"$dir/rules"
here --rules="$dir/rules" --schema='shard*'
that "an ignored column is no finding" is "$status" 0
that "and says by whom and why" like "$out" "*ignored*shard2.events.id*me: test*"
for bad in --jobs=0 --timeout=0 --warn-usage=70 --history-mb=0 "--json --csv" --watched "--ssl-mode=maybe" \
    "--server=h:99999" "--servers=$dir/none" "--conf=$dir/none" --rules=/none --nonsense "--headroom --schema=a"; do
    # shellcheck disable=SC2086  # several words
    here $bad
    that "refused with a sentence: $bad" like "$status-$err" "3-?*"
done
scan
that "nothing to scan" like "$status $err" "3 *say what to scan*"
printf 'secret' >"$dir/password"
chmod 644 "$dir/password"
here --password-file="$dir/password"
that "a password that others may read" like "$status $err" "3 *others may read*chmod 600*"

# --- groups by configuration ------------------------------------------------------------------------------------
mkdir "$dir/conf"
printf '[server default]\nuser=scan\npassword=%s\n[server1]\nhostname=127.0.0.1\nport=%s\n' \
    "\"$KAGEMUSHA_SCAN_PASSWORD\"" "$port" >"$dir/conf/one.cnf"
sed -i 's/^password=.*/password=group secret/; s/^user=.*/user=grouped/' "$dir/conf/one.cnf"
sql "CREATE USER grouped@127.0.0.1 IDENTIFIED BY 'group secret'; GRANT ALL ON *.* TO grouped@127.0.0.1"
echo "[server1]" >"$dir/conf/two.cnf"
echo "[server default]" >"$dir/conf/masterha_default.cnf"
scan --conf="$dir/conf" --global_conf="$dir/conf/masterha_default.cnf" --json --schema='shard*'
that "a directory of groups: the broken one is a row" \
    is "$(jq -rc '[.servers[] | .group, .answer]' "$dir/out.txt")" '["one","complete","two","failed"]'
that "the group's master is named" is "$(jq -r '.servers[0].server' "$dir/out.txt")" "127.0.0.1:$port"

# --- history, watched tables ------------------------------------------------------------------------------------
here --history="$dir/h.sqlite" --json
that "a history is made" is "$status $err" "2 "
sql "INSERT INTO shard2.events VALUES (2147483100)"
here --history="$dir/h.sqlite" --json --watched
that "watched tables are read anew" \
    is "$(jq -r '.columns[] | select(.schema == "shard2") | .next' "$dir/out.txt")" 2147483101
that "others are not" is "$(jq -r '[.columns[] | select(.schema == "shard1")] | length' "$dir/out.txt")" 0
here --explain=shard2.events.id --history="$dir/h.sqlite"
that "--explain shows the history" like "$out" "*history *value*"

# --- forms --------------------------------------------------------------------------------------------------------
here --html --children
cp "$dir/out.txt" "$dir/page.html"
that "the page is well-formed" is "$(xmllint --noout "$dir/page.html" 2>&1)" ""
[[ $out != *"<script"* && $out != *http* && $out != *'we"ird'* ]]
ok $? "without scripts, links or bare names"
here --jsonl
that "JSON, one object a line" \
    is "$(jq -r .kind "$dir/out.txt" | sort | uniq -c | awk '{print $2}' | paste -sd ' ')" "column server"
here --prometheus
if command -v promtool >/dev/null; then
    that "promtool finds nothing" is "$(promtool check metrics <"$dir/out.txt" 2>&1)" ""
else
    echo "# promtool is missing"
fi
cp "$dir/out.txt" "$dir/prometheus"
here --openmetrics
that "OpenMetrics ends with EOF" is "$(tail -n 1 "$dir/out.txt")" "# EOF"
that "and has the same series" \
    is "$(grep -v '^#' "$dir/out.txt" | sed 's/ .*//' | grep -v 'duration\|timestamp' | sort)" "$(grep -v '^#' "$dir/prometheus" | sed 's/ .*//' | grep -v 'duration\|timestamp' | sort)"
here --textfile="$dir/x.prom" --output="$dir/report.txt" --schema='shard*'
that "a textfile, and the report in a file" is "$(grep -c 'kagemusha_autoinc_usage_ratio{' "$dir/x.prom") $out" "3 "
that "that has it" like "$(<"$dir/report.txt")" "*shard2.events.id*"
that "others may read it, and nothing is left beside it" \
    is "$(stat -c %a "$dir/x.prom") $(find "$dir" -maxdepth 1 -name '*.prom*' | wc -l)" "644 1"
here --nagios --schema='shard*'
that "Nagios: status, summary, perfdata" \
    like "$status $out" "2 AUTOINC CRITICAL - 1 critical, 0 warning of 3 columns on 1 server; worst shard2.events.id 100.0 % used | columns=3;;;0 critical=1;;0;0 warning=0;0;;0 *"
here --nagios --schema=shard1
that "Nagios: all is well" like "$status $out" "0 AUTOINC OK - *"
here --top=1
that "the table is cut, and says so" like "$out" "*and * more (--top 0 shows all)*"
# lines_beyond COLUMNS: of the table on a terminal of that width; the last line is a sentence.
lines_beyond() {
    script -qec "stty cols $1; NO_COLOR=1 '$B/kagemusha' scan --server=127.0.0.1:$port --user=scan --quiet --schema='shard*' --schema=types" \
        /dev/null | tr -d '\r' | sed '$d' >"$dir/terminal"
    python3 -X utf8 -c 'import sys; [print(l) for l in sys.stdin.read().splitlines() if len(l) > int(sys.argv[1])]' "$1" <"$dir/terminal"
}
for width in 80 120; do
    that "the table fits a terminal of $width columns" is "$(lines_beyond $width)" ""
    that "and is there" like "$(<"$dir/terminal")" "*CRITICAL*100.0%*int_signed*shard2.events.id*"
done
here --type=tinyint_signed --json
that "one type only" is "$(jq -r '[.columns[].column_type] | unique | join(" ")' "$dir/out.txt")" tinyint_signed

# DogStatsD, over both ways, read by a receiver.
t/scan/dogstatsd "udp" "$dir/udp.txt" >"$dir/udp.port" &
receiver=$!
for ((i = 0; i < 100; i++)); do [[ ! -s $dir/udp.port ]] || break; sleep 0.1; done
here --statsd="127.0.0.1:$(<"$dir/udp.port")" --schema='shard*' --schema='we*'
kill -TERM "$receiver"
wait "$receiver" || true
that "DogStatsD by UDP: every message is well-formed" is "$(t/scan/dogstatsd check "$dir/udp.txt")" ""
that "with the tags that dashboards divide by" \
    like "$(<"$dir/udp.txt")" "*kagemusha.autoinc.usage_ratio:0.99*|g|#*schema:shard2,table:events,column:id,column_type:int_signed*"
that "and a service check" like "$(<"$dir/udp.txt")" "*_sc|kagemusha.autoinc|2|*"
t/scan/dogstatsd "$dir/dsd.socket" "$dir/unix.txt" >"$dir/unix.ready" &
receiver=$!
for ((i = 0; i < 100; i++)); do [[ ! -s $dir/unix.ready ]] || break; sleep 0.1; done
here --statsd="$dir/dsd.socket" --children
kill -TERM "$receiver"
wait "$receiver" || true
that "DogStatsD by a socket" is "$(t/scan/dogstatsd check "$dir/unix.txt")" ""
that "to the service check" is "$(grep -c '^_sc|' "$dir/unix.txt")" 1
here --statsd="$dir/none" --schema=shard1
that "DogStatsD that is not there" like "$status $err" "3 *$dir/none*"

# --- forecasts, and what dashboards ask for: one family is enough -------------------------------------------------
if is_version mariadb; then
    rm -f "$dir/h.sqlite"*
    for day in 1 2 3 4; do
        sql "INSERT INTO shard1.events VALUES ($((day * 10000000)))"
        here --history="$dir/h.sqlite" --json --children >/dev/null
        # What was seen just now was seen yesterday.
        python3 -c 'import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute("UPDATE sample SET at_s = -(at_s - 86400)"); c.execute("UPDATE sample SET at_s = -at_s"); c.commit()' \
            "$dir/h.sqlite"
    done
    sql "INSERT INTO shard1.events VALUES (50000000)"
    here --history="$dir/h.sqlite" --explain=shard1.events.id
    that "--explain: growth and a plot" like "$out" "*days left*28 days: 10M*█*"
    t/scan/dogstatsd "$dir/dash.socket" "$dir/dash.txt" >"$dir/dash.ready" &
    receiver=$!
    for ((i = 0; i < 100; i++)); do [[ ! -s $dir/dash.ready ]] || break; sleep 0.1; done
    here --history="$dir/h.sqlite" --json --children --statsd="$dir/dash.socket"
    kill -TERM "$receiver"
    wait "$receiver" || true
    cp "$dir/out.txt" "$dir/json"
    that "ten million a day: 210 days left" \
        is "$(jq -r '.columns[] | select(.schema == "shard1") | (.per_day_28d / 100000 | round), (.days_left / 10 | round)' "$dir/json" | paste -sd ' ')" "100 21"
    here --history="$dir/h.sqlite" --openmetrics --children
    mkdir "$dir/dash"
    that "dashboards ask for what is sent: Datadog, its Agent's check, Grafana" \
        is "$(t/scan/dashboards "$dir/dash.txt" "$dir/out.txt" "$dir/json" "$dir/dash" 2>&1)" ""
    that "alerts: promtool test rules" \
        is "$(promtool test rules conf/prometheus/autoinc.test.yml 2>&1 | grep -c SUCCESS)" 1
    here --history="$dir/h.sqlite" --html --children
    cp "$dir/out.txt" "$dir/page.html"
    that "the page has plots" \
        is "$(xmllint --noout "$dir/page.html" 2>&1)$(grep -c '<polyline' "$dir/page.html")" "$(jq "[.columns[] | select(.state == \"measured\")] | length" "$dir/json")"
fi

# --- after a restart --------------------------------------------------------------------------------------------
stop_server TERM
# shellcheck disable=SC2119  # no options
start_server
here --csv --schema=odd
cp "$dir/out.txt" "$dir/csv"
that "not opened since the start: still all left" is "$(counter odd unused)" "int_signed 1 2147483647 2147483647 ok"
that "at most one less than before" like "$(counter odd parted | awk '{print $2}')" "4[23]"
tests_done
