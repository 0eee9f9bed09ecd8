/* `kagemusha-node extract`: sends what lies in logs as frames, over an SSH channel of its own. */
#ifndef KAGEMUSHA_NODE_BULK_H
#define KAGEMUSHA_NODE_BULK_H

int node_extract_main(int argc, char **argv);

#endif
