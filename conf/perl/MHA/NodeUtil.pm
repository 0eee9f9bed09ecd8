# The part of MHA::NodeUtil that hook scripts call: shell words and commands.
package MHA::NodeUtil;

use strict;
use warnings;

our $VERSION = '0.58';

# What MHA put a backslash before inside the quotes.
my $special = q{"!#&;`|*?~<>^()[]{}$, } . "\n";

# Undoes MHA's escaping. Values come raw from kagemusha: such a value stays as it is, unless it holds
# a backslash before one of the special characters.
sub unescape_for_shell {
    my ($text) = @_;
    return $text unless defined $text;
    my $class = quotemeta $special;
    $text =~ s/\\([$class])/$1/g;
    return $text;
}

sub escape_for_shell {
    my ($text) = @_;
    my $class = quotemeta $special;
    $text =~ s/\\/\\\\/g;
    $text =~ s/([$class])/\\$1/g;
    return $text;
}

# (exit code, signal) of a status as wait() gives it.
sub system_rc {
    my ($rc) = @_;
    return ($rc >> 8, $rc & 255);
}

# exec_system($command, $log): through the shell, output to the file if one is named. (exit code,
# signal).
sub exec_system {
    my ($command, $log) = @_;
    my $rc;
    if ($log) {
        open my $out, '>>', $log or die "$log: $!\n";
        my $pid = fork // die "fork: $!\n";
        if ($pid == 0) {
            open STDOUT, '>&', $out;
            open STDERR, '>&', $out;
            exec '/bin/sh', '-c', $command or exit 127;
        }
        waitpid $pid, 0;
        $rc = $?;
    }
    else {
        $rc = system '/bin/sh', '-c', $command;
    }
    return system_rc($rc);
}

our $AUTOLOAD;

sub AUTOLOAD {
    die "$AUTOLOAD: not among the functions that kagemusha keeps of MHA\n";
}

1;
