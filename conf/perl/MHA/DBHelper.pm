# The part of MHA::DBHelper that hook scripts call: a connection to one server, read_only, accounts.
# Needs DBI with DBD::mysql or DBD::MariaDB, as MHA did; they are loaded by connect().
package MHA::DBHelper;

use strict;
use warnings;

sub new {
    my ($class, %args) = @_;
    return bless {dsn => undef, dbh => undef, connection_id => undef, %args}, $class;
}

sub _driver {
    require DBI;
    for my $name ('mysql', 'MariaDB') {
        return $name if eval { DBI->install_driver($name); 1 };
    }
    die "MHA::DBHelper: neither DBD::mysql nor DBD::MariaDB is installed: install libdbd-mariadb-perl\n";
}

# connect($host, $port, $user, $password, $raise_error): the handle, or undef with the text in
# $self->{error}; with a true fifth argument it dies instead.
sub connect {
    my ($self, $host, $port, $user, $password, $raise_error) = @_;
    my $driver = _driver();
    my $prefix = $driver eq 'mysql' ? 'mysql' : 'mariadb';
    my $six = $host =~ /:/ ? "[$host]" : $host;
    my $at = $driver eq 'mysql' && $host =~ /:/ ? $six : $host;
    $self->{dsn} = "DBI:$driver:;host=$at;port=$port;${prefix}_connect_timeout=5";
    $self->{dbh} = eval {
        DBI->connect($self->{dsn}, $user, $password,
            {PrintError => 0, RaiseError => 1, AutoCommit => 1});
    };
    if (!$self->{dbh}) {
        $self->{error} = $DBI::errstr // $@;
        die "MHA::DBHelper: $host:$port: $self->{error}\n" if $raise_error;
        return undef;
    }
    $self->{dbh}{RaiseError} = $raise_error ? 1 : 0;
    $self->{connection_id} = $self->get_connection_id();
    return $self->{dbh};
}

sub disconnect {
    my ($self) = @_;
    $self->{dbh}->disconnect() if $self->{dbh};
    $self->{dbh} = undef;
}

sub _value {
    my ($self, $query) = @_;
    my ($value) = $self->{dbh}->selectrow_array($query);
    return $value;
}

sub get_connection_id { return $_[0]->_value('SELECT CONNECTION_ID()') }
sub is_read_only      { return $_[0]->_value('SELECT @@global.read_only') }

# 0 when done, 1 when the server refused. What is so already stays.
sub _set {
    my ($self, $statement) = @_;
    return eval { defined $self->{dbh}->do($statement) } ? 0 : 1;
}

sub enable_read_only {
    my ($self) = @_;
    return $self->is_read_only() ? 0 : $self->_set('SET GLOBAL read_only=1');
}

sub disable_read_only {
    my ($self) = @_;
    return $self->is_read_only() ? $self->_set('SET GLOBAL read_only=0') : 0;
}

sub disable_log_bin_local { return $_[0]->_set('SET sql_log_bin=0') }
sub enable_log_bin_local  { return $_[0]->_set('SET sql_log_bin=1') }

# get_running_threads($my_connection_id, $running_time, $type): rows of the process list, as hashes,
# without us, replication and the event scheduler. Type 1 leaves sleeping sessions out, 2 also reads.
sub get_running_threads {
    my ($self, $me, $running_time, $type) = @_;
    ($me, $running_time, $type) = ($me // $self->{connection_id} // 0, $running_time // 0, $type // 0);
    my $rows = $self->{dbh}->selectall_arrayref('SHOW FULL PROCESSLIST', {Slice => {}}) // [];
    return grep {
        my ($command, $info) = ($_->{Command} // '', $_->{Info} // '');
        my $other = $_->{Id} == $me || ($_->{User} // '') =~ /^(?:system user|event_scheduler)$/
            || $command =~ /^(?:Binlog Dump|Daemon|Connect$|Slave_)/
            || ($command ne 'Sleep' && ($_->{Time} // 0) < $running_time);
        my $quiet = $type >= 1 && $command eq 'Sleep';
        my $reads = $type >= 2 && $info =~ /^\s*(?:select|show)\b/i;
        !($other || $quiet || $reads);
    } @$rows;
}

# Rows of get_running_threads(), or ids.
sub kill_threads {
    my ($self, @threads) = @_;
    for my $thread (@threads) {
        my $id = ref $thread ? $thread->{Id} : $thread;
        # A session that has ended since is no error.
        eval { local $self->{dbh}{RaiseError} = 0; $self->{dbh}->do("KILL $id") };
    }
    return 0;
}

sub _account {
    my ($self, $user, $host) = @_;
    return join '@', map { $self->{dbh}->quote($_) } $user, $host;
}

sub _accounts {
    my ($self, $pattern) = @_;
    my $rows = $self->{dbh}->selectall_arrayref('SELECT user, host FROM mysql.user') // [];
    return grep { $_->[0] =~ /$pattern/ } @$rows;
}

# rename_user($from, $to): on every host it has an account for. 0 when done.
sub rename_user {
    my ($self, $from, $to) = @_;
    my $failed = 0;
    for my $row ($self->_accounts(qr/^\Q$from\E$/)) {
        $failed |= $self->_set('RENAME USER ' . $self->_account($from, $row->[1]) . ' TO '
                . $self->_account($to, $row->[1]));
    }
    return $failed;
}

# ACCOUNT LOCK came with MySQL 5.7.6 and MariaDB 10.4. Before, the hash of the password is turned
# round, which no password has, and turned back.
sub _has_account_lock {
    my ($self) = @_;
    my $version = $self->_value('SELECT VERSION()');
    my ($major, $minor) = $version =~ /^(\d+)\.(\d+)/;
    my $number = $major * 1000 + $minor;
    return $version =~ /MariaDB/i ? $number >= 10004 : $number >= 5007;
}

sub _block {
    my ($self, $regexp, $word, $where) = @_;
    my $failed = 0;
    if ($self->_has_account_lock()) {
        $failed |= $self->_set('ALTER USER ' . $self->_account(@$_) . " ACCOUNT $word")
            for $self->_accounts(qr/$regexp/);
        return $failed;
    }
    for my $row ($self->_accounts(qr/$regexp/)) {
        my ($user, $host) = map { $self->{dbh}->quote($_) } @$row;
        $failed |= $self->_set('UPDATE mysql.user SET Password=REVERSE(Password) WHERE '
                . "user=$user AND host=$host AND Password LIKE '$where'");
    }
    return $failed | $self->_set('FLUSH PRIVILEGES');
}

# New logins of all users whose name matches are refused, until released. 0 when done.
sub block_user_regexp   { return $_[0]->_block($_[1], 'LOCK',   '*%') }
sub release_user_regexp { return $_[0]->_block($_[1], 'UNLOCK', '%*') }

our $AUTOLOAD;

sub AUTOLOAD {
    my ($name) = $AUTOLOAD =~ /(\w+)$/;
    return if $name eq 'DESTROY';
    die "$AUTOLOAD: not among the functions that kagemusha keeps of MHA\n";
}

1;
