/* Would another server of the group hold what the master counts? Pure. */
#ifndef KAGEMUSHA_SCAN_ROOM_H
#define KAGEMUSHA_SCAN_ROOM_H

#include "common/buf.h"
#include "manager/scan/facts.h"

/* How many of the master's counting columns end earlier on the other server, or do not count there;
 * out gets the one that would be the fullest as a sentence, "" when there is none. Both were read
 * completely, so their columns are sorted. */
size_t scan_room(const struct scan_server *master, const struct scan_server *other,
                 struct buf *out);

#endif
