# shellcheck shell=bash
# Shapes of t/recovery.t: what stands in a tail, and what a replica keeps of its own.
# shellcheck disable=SC2154,SC2034 # variables are shared with t/recovery.t
# shellcheck disable=SC2317 # functions are called by name

# What a catch-up changes for itself is as before afterwards.
settings_shape() {
    local p=MASTER_
    raise
    write_rows 20
    [[ $server != mysql9 ]] || p=SOURCE_
    sql db3 "STOP $slave"
    sql db3 "CHANGE $([[ $server == mysql9 ]] && echo 'REPLICATION SOURCE' || echo MASTER) TO
        ${p}HEARTBEAT_PERIOD=7.5, ${p}CONNECT_RETRY=11$([[ $server == mariadb* ]] || echo ", ${p}RETRY_COUNT=77")"
    sql db3 "START $slave"
    within 60 level db3
    stop_io db2 db3
    write_rows 100
    ctl kill db1
    option '/^hostname=db3/a candidate_master=1'
    option '/^\[server default\]/a skip_reset_slave=1'
    fail_over
    that "db3 is the master" is "$new" db3
    that "connect retry" is "$(status_of db3 Connect_Retry)" 11
    that "it names the old master again" grep -q "^db3 .*replicates=db1" <(ctl status)
    that "heartbeat period" is "$(heartbeat db3)" 7.500
    all_well
}

# Every kind of content in one tail, over twenty files: blobs, formats, loaded files, compression,
# and check sums that change on the way.
content_shape() {
    local big=$((40 << 20)) i load=/var/lib/mysql/load.txt
    # The redo log of a 5.6 wants to be ten times as large as a blob.
    [[ $server != mysql56 ]] || big=$((4 << 20))
    raise --set max_allowed_packet=128M --set 'secure_file_priv='
    sql db1 "CREATE TABLE app.content (id INT AUTO_INCREMENT PRIMARY KEY, v LONGBLOB, s VARCHAR(64)
        CHARACTER SET utf8mb4) ENGINE=InnoDB"
    write_rows 20
    within 60 level db2
    within 60 level db3
    stop_io db2 db3
    case $server in
    mysql9) compress="SET SESSION binlog_transaction_compression=ON" ;;
    mariadb*) sql db1 "SET GLOBAL log_bin_compress=ON" && compress="DO 0" ;;
    *) compress="DO 0" ;;
    esac
    sql db1 "$compress; INSERT INTO app.content (v, s) VALUES (REPEAT('compress me ', 5000), 'c')"
    sql db1 "INSERT INTO app.content (v, s) VALUES (UNHEX('$(printf '%02x' {0..255})'), 'every byte')"
    sql db1 "SET SESSION binlog_format=STATEMENT; SET @v = 'it''s \\\\ \\n';
        INSERT INTO app.content (v, s) VALUES (@v, RAND()); INSERT INTO app.content (v) VALUES (LAST_INSERT_ID())"
    sql db1 "SET SESSION binlog_format=MIXED; CREATE TEMPORARY TABLE app.t (a INT); INSERT INTO app.t VALUES (7);
        INSERT INTO app.content (s) SELECT a FROM app.t; INSERT INTO app.content (s) VALUES (UUID())" || true
    sql db1 "INSERT INTO app.content (v, s) VALUES (REPEAT('x', $big), 'big')"
    printf 'a line\\\nof two\tand a \\0 byte\n' >"$dir/hosts/db1/fs/var-lib-mysql/load.txt"
    chmod 644 "$dir/hosts/db1/fs/var-lib-mysql/load.txt"
    sql db1 "LOAD DATA INFILE '$load' INTO TABLE app.content (v, s)"
    sql db1 "SET SESSION binlog_format=STATEMENT; LOAD DATA INFILE '$load' INTO TABLE app.content (v, s)" || true
    for ((i = 0; i < 20; i++)); do
        sql db1 "SET GLOBAL binlog_checksum=$( ((i % 2)) && echo CRC32 || echo NONE)"
        sql db1 "INSERT INTO app.content (s) VALUES ($i); FLUSH LOCAL BINARY LOGS"
        sql db1 "ALTER TABLE app.content COMMENT='$i'"
    done
    write_rows 50
    content=$(checksum_of db1)
    ctl kill db1
    fail_over
    all_well
    that "the new master has the content" is "$(checksum_of "$new")" "$content"
    that "the other too" is "$(checksum_of "$(other)")" "$content"
}

checksum_of() {
    sql "$1" "CHECKSUM TABLE app.content EXTENDED; SELECT COUNT(*) FROM app.content"
}

# One transaction of 100,000 rows that a replica has not received, another not even in part.
huge_shape() {
    raise
    sql db1 "CREATE TABLE app.content (id INT AUTO_INCREMENT PRIMARY KEY, v VARBINARY(64)) ENGINE=InnoDB;
        INSERT INTO app.content (v) VALUES ('x')"
    write_rows 20
    within 60 level db3
    within 60 level db2
    stop_io db3
    sql db1 "BEGIN; $(printf 'INSERT INTO app.content (v) SELECT UUID() FROM app.content;%.0s' {1..17}) COMMIT"
    content=$(checksum_of db1)
    ctl kill db1
    fail_over
    all_well
    that "the new master has the rows" is "$(checksum_of "$new")" "$content"
    that "the other too" is "$(checksum_of "$(other)")" "$content"
    that "over 100,000 of them" test "$(sql "$new" 'SELECT COUNT(*) FROM app.content')" -gt 100000
}

# The IO threads stopped in the middle of a transaction: it is completed.
cut_trx_shape() {
    local h
    raise --set max_allowed_packet=64M
    sql db1 "CREATE TABLE app.content (id INT AUTO_INCREMENT PRIMARY KEY, v LONGBLOB) ENGINE=InnoDB"
    write_rows 20
    within 60 level db3
    within 60 level db2
    sql db1 "FLUSH LOCAL BINARY LOGS"
    within 60 level db3
    ctl exec db1 tc qdisc add dev eth0 root tbf rate 16mbit burst 64k latency 400ms
    sql db1 "BEGIN; $(printf "INSERT INTO app.content (v) VALUES (REPEAT(UUID(), 20000));%.0s" {1..20}) COMMIT"
    sleep 2
    for h in db2 db3; do
        stop_io "$h"
    done
    ctl exec db1 tc qdisc del dev eth0 root
    content=$(checksum_of db1)
    ctl kill db1
    that "it was received in part" within 1 in_part db2
    fail_over
    all_well
    that "the transaction is whole" is "$(checksum_of "$new")" "$content"
    that "there too" is "$(checksum_of "$(other)")" "$content"
}

# The IO thread has read further than the SQL thread could apply.
in_part() {
    local source=Master
    [[ $server != mysql9 ]] || source=Source
    (($(status_of "$1" "Read_${source}_Log_Pos") > $(status_of "$1" "Exec_${source}_Log_Pos")))
}

# The last event of the dead master's binlog is torn.
torn_shape() {
    local last
    raise
    write_rows 20
    within 60 level db2
    stop_io db2 db3
    write_rows 50
    ctl kill db1
    last=$(find "$dir/hosts/db1/fs/var-lib-mysql" -name 'mysql-bin.0*' | sort | tail -n 1)
    tail -c 300 "$last" >"$dir/torn"
    head -c 150 "$dir/torn" >>"$last"
    fail_over
    all_well
    that "the report names what was never complete" says "that was never complete"
}

# Semi-synchronous replication that had fallen back, and is on in the replay.
semisync_shape() {
    [[ $server != mysql56 ]] || return 0
    local name=master
    [[ $server != mysql9 ]] || name=source
    raise --semisync --set "rpl_semi_sync_${name}_timeout=300"
    write_rows 20
    within 60 level db2
    stop_io db2 db3
    write_rows 50
    ctl kill db1
    fail_over
    all_well
}

heartbeat() {
    case $server in
    mysql9)
        sql "$1" 'SELECT HEARTBEAT_INTERVAL FROM performance_schema.replication_connection_configuration'
        ;;
    mysql56) sql "$1" "SHOW GLOBAL STATUS LIKE 'Slave_heartbeat_period'" | cut -f 2 ;;
    *) status_of "$1" 'Slave_heartbeat_period' 'SHOW ALL SLAVES STATUS' ;;
    esac
}

# A row that one replica has already: it alone stays behind, as it is.
conflict_shape() {
    raise
    option '/^hostname=db3/a no_master=1'
    write_rows 20
    within 60 level db3
    stop_io db2 db3
    sql db3 "SET SESSION sql_log_bin=0; INSERT INTO app.sample VALUES (9, 1)"
    write_rows 20
    one_more 1
    write_rows 20
    ctl kill db1
    fail_over
    that "exit code 10" is "$code" 10
    that "db2 is the master" is "$new" db2
    that "it lost nothing" grep -qx 'lost 0' <(t/lab/compare --lab "$lab" --wait 1 2>/dev/null)
    that "the report says: none" is "$(report state)" none
    that "db3 shows its error" test "$(status_of db3 Last_SQL_Errno)" -gt 0
    that "the report names db3" says "ERROR, left out"
    sql db3 "STOP $slave; SET SESSION sql_log_bin=0; DELETE FROM app.sample"
    sql db3 "START $slave"
    [[ $mode == gtid ]] || return 0
    that "with the row away it goes on" within 60 level_with db3 db2
}
