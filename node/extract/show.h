/* `kagemusha-node binlog`: looks into log files, for people. */
#ifndef KAGEMUSHA_NODE_EXTRACT_SHOW_H
#define KAGEMUSHA_NODE_EXTRACT_SHOW_H

/* --events prints a line per event of the files named, --summary one JSON object about all of them.
 * --relay adds the master's coordinates. The exit status: 0; 1 for a file that cannot be read, or
 * ends otherwise than cleanly. */
int binlog_show_main(int argc, char **argv);

#endif
