# shellcheck shell=bash disable=SC2154
# Empty data directories, one way per family. Sourced by get, works in $new.
# Each ends with root@localhost without a password as the only account that can log in.

small_redo=--innodb-log-file-size=32M

# Only the user that owns the files may be another than root's: the lab gives them to its mysql.
template_init() {
    mkdir -p "$new/template"
    chmod 755 "$new/template"
}

# bootstrap_clean: statements that leave root@localhost alone.
bootstrap_clean() {
    echo "use mysql;"
    echo "DELETE FROM global_priv WHERE User = '' OR (User = 'root' AND Host <> 'localhost');"
    echo "UPDATE global_priv SET Priv = json_object('access', 18446744073709551615) WHERE User = 'root';"
}

template_mariadb_native() {
    template_init
    mariadb-install-db --no-defaults --user=root --datadir="$new/template" --skip-test-db \
        --auth-root-authentication-method=normal "$small_redo" >"$new/template.log" 2>&1 ||
        fault "mariadb-install-db failed: $new/template.log"
    bootstrap_clean | bootstrap_mariadb
}

bootstrap_mariadb() {
    "$new/bin/mysqld" --no-defaults --user=root --datadir="$new/template" --bootstrap --skip-grant-tables \
        --skip-log-bin "$small_redo" --loose-innodb-use-native-aio=0 >>"$new/template.log" 2>&1 ||
        fault "bootstrap failed: $new/template.log"
}

# The install script of an unpacked package would run the machine's binaries: its steps by hand.
template_mariadb_by_hand() {
    local share=$1 file
    template_init
    mkdir -p "$new/template/mysql"
    {
        echo "use mysql;"
        echo "SET @skip_auth_anonymous_user=1;"
        echo "SET @auth_root_socket=NULL;"
        for file in mysql_system_tables mariadb_system_tables mysql_performance_tables \
            mariadb_performance_tables mysql_system_tables_data mariadb_system_tables_data \
            fill_help_tables maria_add_gis_sp_bootstrap; do
            [[ -r $share/$file.sql ]] && grep -v '@current_hostname' "$share/$file.sql"
        done
        bootstrap_clean
    } | bootstrap_mariadb
}

template_mysql9() {
    template_init
    "$new/bin/mysqld" --no-defaults --user=root --datadir="$new/template" --initialize-insecure \
        --skip-log-bin --loose-innodb-use-native-aio=0 >"$new/template.log" 2>&1 ||
        fault "initialisation failed: $new/template.log"
    rm -f "$new/template/auto.cnf" "$new"/template/*.pem
}

template_mysql56() {
    local share=$new/prefix/server/share file
    template_init
    mkdir -p "$new/template/mysql"
    {
        echo "use mysql;"
        for file in mysql_system_tables mysql_system_tables_data fill_help_tables; do
            cat "$share/$file.sql"
        done
        echo "DELETE FROM user WHERE User = '' OR Host <> 'localhost';"
        echo "DELETE FROM db;"
    } | "$new/bin/mysqld" --no-defaults --user=root --datadir="$new/template" --bootstrap --skip-log-bin \
        >"$new/template.log" 2>&1 || fault "bootstrap failed: $new/template.log"
    rm -f "$new/template/auto.cnf"
}
