/* The operations of the agent that are not methods of something larger; docs/wire.md tells their
 * fields. */
#ifndef KAGEMUSHA_NODE_OPS_H
#define KAGEMUSHA_NODE_OPS_H

#include "node/agent.h"

/* Fills a->greeting: what this agent may do here, found by trying. */
void node_greeting(struct agent *a);

/* probe.c */
node_work node_probe_work;

/* note.c */
node_work node_note_put_work, node_note_get_work, node_note_list_work, node_note_del_work;

/* disk.c */
node_work node_disk_work, node_read_test_work;

/* tail.c */
node_work node_tail_work;

/* fence.c, release.c, record.c */
node_inline node_fence_begin, node_fence_end;
node_work node_fence_work, node_release_work, node_status_work;
node_inline node_status_begin;

/* storage.c */
node_inline node_storage_begin, node_storage_state_begin;
void node_storage_tick(struct agent *a, int64_t now_us);
int64_t node_storage_next_ms(const struct agent *a, int64_t limit);

#endif
