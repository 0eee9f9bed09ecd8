# The part of MHA::ManagerUtil that hook scripts call: commands.
package MHA::ManagerUtil;

use strict;
use warnings;

use MHA::NodeUtil;

our $VERSION = '0.58';

sub exec_system { return MHA::NodeUtil::exec_system(@_) }

our $AUTOLOAD;

sub AUTOLOAD {
    die "$AUTOLOAD: not among the functions that kagemusha keeps of MHA\n";
}

1;
