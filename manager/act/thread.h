/* Threads as this program starts them: small stacks, no signals. */
#ifndef KAGEMUSHA_THREAD_H
#define KAGEMUSHA_THREAD_H

#include "common/err.h"

#include <pthread.h>
#include <stdint.h>
#include <time.h>

#define THREAD_STACK_BYTES (256 * 1024)

/* Starts fn(arg) with a stack of THREAD_STACK_BYTES and all signals blocked, so that they reach the
 * main thread only. It logs where the caller logs. ERR_IO. */
int thread_start(pthread_t *out, void *(*fn)(void *), void *arg, struct err *e);

/* A condition variable that waits by the monotonic clock. */
void thread_cond_init(pthread_cond_t *c);
/* Waits once, at most until the monotonic deadline. 0, or -1 when it has passed. */
int thread_cond_wait(pthread_cond_t *c, pthread_mutex_t *m, int64_t deadline_ms);

#endif
