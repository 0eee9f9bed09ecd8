/* MHA's hook scripts: exact arguments and exit codes, own process group, deadline,
 * output cap. A hook's success is a claim; its effect is checked by whoever called it. */
#ifndef KAGEMUSHA_HOOKS_H
#define KAGEMUSHA_HOOKS_H

#include "common/conf.h"

#include <sys/types.h>

enum hook_result { HOOK_OK, HOOK_WARN /* exit code 10 */, HOOK_FAILED };

struct hook_call {
    const struct conf_server *orig; /* the dead or demoted master */
    const struct conf_server *next; /* the new master, or NULL */
    int ssh_usable;                 /* stopssh instead of stop */
    int orig_is_new_slave;          /* an online switch: the old master goes on as a replica */
    void (*started)(pid_t pgid, void *arg); /* for the journal, or NULL */
    void *started_arg;
};

/* Each returns HOOK_OK at once when the script is not configured. The text of a failure is in e.
 * Output goes to the log. */
enum hook_result hook_ip_status(const struct conf *c, const struct hook_call *h, struct err *e);
enum hook_result hook_ip_stop(const struct conf *c, const struct hook_call *h, struct err *e);
enum hook_result hook_ip_start(const struct conf *c, const struct hook_call *h, struct err *e);
/* master_ip_online_change_script. Stop is that of the old master's section, start
 * the new one's; where that has none, the other's. */
enum hook_result hook_change_stop(const struct conf *c, const struct hook_call *h, struct err *e);
enum hook_result hook_change_start(const struct conf *c, const struct hook_call *h, struct err *e);
enum hook_result hook_shutdown_status(const struct conf *c, const struct hook_call *h,
                                      struct err *e);
/* HOOK_OK: powered off; HOOK_WARN: mysqld killed, the host is still reachable. */
enum hook_result hook_shutdown_stop(const struct conf *c, const struct hook_call *h, struct err *e);
/* Exit code of secondary_check_script: 0 dead elsewhere too, 3 reachable, other: not known; -1 not
 * configured or not started. */
int hook_secondary_check(const struct conf *c, const struct conf_server *master, struct err *e);

/* When a process began, in the kernel's ticks: with the number it names a process for good
 * (decision 3). -1: there is none. */
long long hook_born(pid_t pid);
/* Kills what is left of a script and its process group, and awaits its end. 1 killed, 0 there was
 * nothing, -1 it lives on. */
int hook_end_leftover(pid_t pgid, long long born, int64_t deadline_ms);

struct hook_report {
    const char *orig_host, *new_host; /* new_host NULL: not activated */
    const char *new_slaves;           /* "h1,h2" */
    const char *subject, *body;
};
/* section: whose report_script is called. The exit code only says HOOK_OK or not. */
enum hook_result hook_report(const struct conf *c, const struct conf_server *section,
                             const struct hook_report *r, struct err *e);
/* Tells by report_script, where there is one, what was found on a host of a watched group. subject:
 * behind the group's name. A failure is logged. */
void hook_tell(const struct conf *c, const struct conf_server *s, const char *subject,
               const char *body);

#endif
