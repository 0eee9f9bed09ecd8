/* Reading functions against known state: sql_status.h. */
#include "t/sql/driver.h"

void test_read(const struct pair *p)
{
    (void)p;
}
void test_locks(const struct pair *p)
{
    (void)p;
}
void test_replication(const struct pair *p)
{
    (void)p;
}
void test_waits(const struct pair *p)
{
    (void)p;
}
void test_writability(const struct pair *p)
{
    (void)p;
}
void test_kill(const struct pair *p)
{
    (void)p;
}
