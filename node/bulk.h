/* `kagemusha-node extract`: sends what lies in logs as frames, over an SSH channel of its own. */
#ifndef KAGEMUSHA_NODE_BULK_H
#define KAGEMUSHA_NODE_BULK_H

/* Its main: a request in the first frame, then the stream and a report (docs/wire.md). There are no
 * arguments. Returns the exit status. */
int node_extract_main(int argc, char **argv);

#endif
