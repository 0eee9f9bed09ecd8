# MHA::SSHCheck, so that scripts which load it start; and one question: does a host answer SSH?
package MHA::SSHCheck;

use strict;
use warnings;

use MHA::ManagerConst;
use MHA::NodeUtil;

our $VERSION = '0.58';

# ssh_check($user, $host, $port, $timeout_s): 0 when the host answers, as exit codes go.
sub ssh_check {
    my ($user, $host, $port, $timeout) = @_;
    $timeout ||= 5;
    my ($code, $signal) = MHA::NodeUtil::exec_system(
        "timeout $timeout ssh $MHA::ManagerConst::SSH_OPT_CHECK -p $port $user\@$host exit 0 >/dev/null 2>&1");
    return $code || $signal;
}

our $AUTOLOAD;

sub AUTOLOAD {
    die "$AUTOLOAD: not among the functions that kagemusha keeps of MHA\n";
}

1;
