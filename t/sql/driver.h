/* What the parts of the SQL driver share: two servers on loopback, given by the environment. */
#ifndef KAGEMUSHA_T_SQL_DRIVER_H
#define KAGEMUSHA_T_SQL_DRIVER_H

#include "common/clock.h"
#include "common/sql_repl.h"
#include "common/sql_status.h"
#include "t/tap.h"

#define ADMIN_PASSWORD "Pa#s;w'0r\"d$"
#define REPL_PASSWORD  "R\\e\"p;l #'4$y"

struct pair {
    const char *server; /* mariadb, mariadb11, mysql9, mysql56 */
    int mariadb;        /* the family */
    int master_port, replica_port;
    int master_pid, replica_pid;
    struct db_target master, replica; /* as the administrator */
};

/* A deadline from now. */
static inline int64_t in_ms(int64_t ms)
{
    return clock_mono_ms() + ms;
}

/* Asserts a call's success and shows its error, e_. Static, since sanitizers give each use a place
 * of its own on the stack. */
#define OK(call, ...)                                                                              \
    do {                                                                                           \
        static struct err e_;                                                                      \
        int rc_ = (call);                                                                          \
        tap_ok(rc_ == 0, __VA_ARGS__);                                                             \
        if (rc_ != 0)                                                                              \
            printf("# %s: %s\n", err_code_text(e_.code), e_.text);                                 \
    } while (0)

/* Opens, or ends the driver: nothing can be tested without. */
void open_or_die(struct sql *s, const struct db_target *t);
void run_or_die(struct sql *s, const char *text);

/* One part of the tests each. */
void test_connect(const struct pair *p);
void test_read(const struct pair *p);
void test_locks(const struct pair *p);
void test_replication(const struct pair *p);
void test_waits(const struct pair *p);
void test_writability(const struct pair *p);
void test_kill(const struct pair *p);

#endif
