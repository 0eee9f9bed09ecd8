/* What a running manager tells; see board.h. */
#include "manager/act/board.h"

#include "common/clock.h"
#include "common/json.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct board {
    pthread_mutex_t lock;
    struct board_view view;
    uint64_t version;
    _Atomic int64_t promised_ms; /* monotonic; 0: nobody promised anything */
};

struct board *board_new(const char *app, const char *file)
{
    struct board *b = mem_zalloc(sizeof(*b));

    pthread_mutex_init(&b->lock, NULL);
    snprintf(b->view.app, sizeof(b->view.app), "%s", app);
    snprintf(b->view.file, sizeof(b->view.file), "%s", file);
    b->view.state = STATUS_NONE;
    b->view.possible = -1;
    return b;
}

void board_free(struct board **b)
{
    if (!*b)
        return;
    pthread_mutex_destroy(&(*b)->lock);
    free(*b);
    *b = NULL;
}

struct board_view *board_edit(struct board *b)
{
    pthread_mutex_lock(&b->lock);
    b->version++;
    return &b->view;
}

void board_done(struct board *b)
{
    pthread_mutex_unlock(&b->lock);
}

void board_read(struct board *b, struct board_view *out)
{
    pthread_mutex_lock(&b->lock);
    *out = b->view;
    pthread_mutex_unlock(&b->lock);
}

uint64_t board_version(struct board *b)
{
    uint64_t version;

    pthread_mutex_lock(&b->lock);
    version = b->version;
    pthread_mutex_unlock(&b->lock);
    return version;
}

void board_state(struct board *b, enum status_code c, const char *master)
{
    struct board_view *v;

    if (!b)
        return;
    v = board_edit(b);
    if (v->state != c)
        v->state_wall_ms = clock_wall_ms();
    v->state = c;
    if (master)
        snprintf(v->master, sizeof(v->master), "%s", master);
    board_done(b);
}

void board_ping(struct board *b, int64_t us, int misses)
{
    if (!b)
        return;
    pthread_mutex_lock(&b->lock);
    b->version += misses != b->view.misses || b->view.error[0];
    b->view.misses = misses;
    if (us >= 0) {
        b->view.ping_us = us;
        b->view.ping_wall_ms = clock_wall_ms();
        b->view.error[0] = b->view.reason[0] = '\0';
        snprintf(b->view.verdict, sizeof(b->view.verdict), "alive");
    }
    pthread_mutex_unlock(&b->lock);
}

void board_note(struct board *b, const char *fmt, ...)
{
    struct board_view *v;
    va_list ap;

    if (!b)
        return;
    v = board_edit(b);
    va_start(ap, fmt);
    vsnprintf(v->last.note, sizeof(v->last.note), fmt, ap);
    va_end(ap);
    board_done(b);
}

void board_beat(struct board *b, int64_t ms)
{
    if (b)
        atomic_store(&b->promised_ms, clock_mono_ms() + ms);
}

int64_t board_late_ms(struct board *b)
{
    int64_t promised = atomic_load(&b->promised_ms), now = clock_mono_ms();

    return promised && now > promised ? now - promised : 0;
}

static struct json_object *host_object(const struct board_host *h)
{
    struct json_object *o = json_object_new_object();

    json_put_str(o, "host", h->label);
    json_put_bool(o, "up", h->up);
    json_put_bool(o, "replica", h->replica);
    if (h->replica) {
        json_put_bool(o, "io", h->io);
        json_put_bool(o, "sql", h->sql);
        json_put_int(o, "behind_s", h->behind_s);
    }
    if (h->paused)
        json_put_bool(o, "paused", 1);
    if (h->retired)
        json_put_bool(o, "retired", 1);
    json_put_str(o, "reason", h->reason);
    return o;
}

static struct json_object *failover_object(const struct board_failover *f)
{
    struct json_object *o = json_object_new_object(), *steps = json_object_new_array();

    json_put_int(o, "begun_ms", f->begun_wall_ms);
    json_put_int(o, "ended_ms", f->ended_wall_ms);
    json_put_int(o, "code", f->code);
    json_put_int(o, "us", f->us);
    json_put_str(o, "dead", f->dead);
    json_put_str(o, "new_master", f->new_master);
    json_put_str(o, "phase", f->phase);
    json_put_str(o, "doing", f->doing);
    json_put_str(o, "note", f->note);
    json_put_str(o, "text", f->text);
    for (int i = 0; i < f->steps; i++) {
        struct json_object *s = json_object_new_object();

        json_put_str(s, "word", f->step[i].word);
        json_put_str(s, "host", f->step[i].host);
        json_put_int(s, "result", f->step[i].result);
        json_put_int(s, "us", f->step[i].us);
        json_object_array_add(steps, s);
    }
    json_object_object_add(o, "steps", steps);
    return o;
}

void board_json(const struct board_view *v, struct buf *out)
{
    struct json_object *o = json_object_new_object(), *hosts = json_object_new_array();

    json_put_str(o, "app", v->app);
    json_put_str(o, "conf", v->file);
    json_put_int(o, "pid", getpid());
    json_put_int(o, "written_ms", clock_wall_ms());
    json_put_str(o, "state", status_word(v->state));
    json_put_int(o, "state_ms", v->state_wall_ms);
    json_put_str(o, "master", v->master);
    json_put_int(o, "ping_us", v->ping_us);
    json_put_int(o, "ping_ms", v->ping_wall_ms);
    json_put_int(o, "misses", v->misses);
    json_put_str(o, "verdict", v->verdict);
    json_put_str(o, "reason", v->reason);
    json_put_int(o, "possible", v->possible);
    json_put_str(o, "possible_reason", v->possible_reason);
    json_put_str(o, "candidate", v->candidate);
    json_put_int(o, "candidates", v->candidates);
    json_put_int(o, "paused_until_ms", v->paused_until_wall_ms);
    json_put_str(o, "pause_reason", v->pause_reason);
    json_put_str(o, "error", v->error);
    for (int i = 0; i < v->hosts; i++)
        json_object_array_add(hosts, host_object(&v->host[i]));
    json_object_object_add(o, "hosts", hosts);
    if (v->last.begun_wall_ms)
        json_object_object_add(o, "failover", failover_object(&v->last));
    json_print(o, out);
    buf_addc(out, '\n');
    json_object_put(o);
}
