/* Time: monotonic for deadlines, wall for people. */
#ifndef KAGEMUSHA_CLOCK_H
#define KAGEMUSHA_CLOCK_H

#include <stdint.h>

/* Since some moment of the past; never jumps. */
int64_t clock_mono_ms(void);
int64_t clock_mono_us(void);
int64_t clock_wall_ms(void); /* since 1970 */

/* Sleeps; ends early on a signal. */
void clock_sleep_ms(int64_t ms);

/* Milliseconds from now until a monotonic deadline, 0 when it has passed, at most INT32_MAX: fit
 * for poll(2). */
int clock_left_ms(int64_t deadline_ms);

/* A process that stood still finds its time over and the answer unread. Whoever waits at another
 * thread and wakes up so late after the deadline waits once more, for so long. */
#define CLOCK_LATE_MS  200
#define CLOCK_GRACE_MS 500

/* "20260301142359": the time stamp in MHA's file names. out holds 15 bytes. */
void clock_stamp(int64_t wall_ms, char out[15]);

#endif
