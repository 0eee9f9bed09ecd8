# The part of MHA::ManagerConst that hook scripts read: options of ssh, status codes.
package MHA::ManagerConst;

use strict;
use warnings;

our $VERSION = '0.58';

our $SSH_OPT_ALIVE = '-o ServerAliveInterval=60 -o ServerAliveCountMax=20 -o StrictHostKeyChecking=no '
    . '-o ConnectionAttempts=5 -o PasswordAuthentication=no -o BatchMode=yes';
our $SSH_OPT_CHECK = '-o StrictHostKeyChecking=no -o PasswordAuthentication=no -o BatchMode=yes '
    . '-o ConnectTimeout=5';

# As masterha_check_status ends.
our $ST_RUNNING = 0;
our %status = (
    0  => 'PING_OK',
    2  => 'NOT_RUNNING',
    3  => 'PARTIALLY_RUNNING',
    10 => 'INITIALIZING_MONITOR',
    20 => 'PING_FAILING',
    21 => 'PING_FAILED',
    30 => 'RETRYING_MONITOR',
    31 => 'CONFIG_ERROR',
    32 => 'TIMESTAMP_OLD',
    50 => 'FAILOVER_RUNNING',
    51 => 'FAILOVER_ERROR',
);

1;
