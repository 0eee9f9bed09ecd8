/* The vault (decision 19): the agent holds the relay logs of a server of its host until what is in
 * them is applied, so that no CHANGE, RESET or restart of the server destroys what was received.
 * Each vault has a thread; the operations only leave word with it. */
#ifndef KAGEMUSHA_NODE_VAULT_H
#define KAGEMUSHA_NODE_VAULT_H

#include "node/agent.h"

/* vault_hold, vault_applied, vault_state, vault_forget of docs/wire.md. */
node_inline node_vault_hold, node_vault_applied, node_vault_state, node_vault_forget;

/* Sends the events `vault` of what has changed. */
void node_vault_tick(struct agent *a);

#endif
