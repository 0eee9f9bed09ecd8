/* What is known of an operation that did not end, as the executor needs it; see resume.h. */
#include "common/clock.h"
#include "common/log.h"
#include "manager/act/resume.h"
#include "manager/act/step.h"

#include <string.h>
#include <unistd.h>

#define NOTE_MS 1000

/* 1 when the journal that a note is a copy of is on this machine. */
static int is_local(const struct story *s)
{
    char self[256] = "";
    (void)gethostname(self, sizeof self - 1);
    return strcmp(self, s->manager) == 0 && access(s->dir, F_OK) == 0;
}

static int read_note(struct group *g, int host, struct story *s)
{
    struct group_host *h = &g->host[host];
    struct json_object *reply = NULL;
    int found = 0;
    struct err e;
    if (!h->agent || agent_call(h->agent, "note_get", operation_note_request(g, host), &reply,
                                clock_mono_ms() + NOTE_MS, &e) < 0)
        return 0;
    if (story_of_note(g, json_get_str(reply, "text", ""), s, &e) == 0)
        found = 1;
    else
        story_release(s);
    json_object_put(reply);
    return found;
}

int resume_find_note(struct group *g, struct story *s, struct err *e)
{
    (void)e;
    for (int i = 0; i < g->hosts; i++) {
        if (!read_note(g, i, s))
            continue;
        if (!is_local(s))
            return 1;
        story_release(s);
        agent_call(g->host[i].agent, "note_del", operation_note_request(g, i), NULL,
                   clock_mono_ms() + NOTE_MS, NULL);
    }
    return 0;
}

static void add(struct exec *x, struct step *step, const struct story_step *from)
{
    *step = (struct step){.kind = from->kind, .host = from->host, .peer = from->peer};
    x->done[x->dones++] = (struct exec_done){.step = step,
                                             .part = PLAN_FENCE,
                                             .result = from->was_so ? STEP_ALREADY : STEP_OK,
                                             .earlier = 1};
}

/* A note tells no steps: every one that can be taken back may have been begun. */
static int seed_all(struct exec *x, const struct story *s, struct step *step)
{
    int n = 0;
    for (int i = 0; i < s->before->hosts; i++) {
        const struct topo_repl *r = &s->before->host[i].repl;
        struct story_step from = {.host = i, .peer = NO_HOST};
        if (!(s->replicas >> i & 1))
            continue;
        from.kind = STEP_START_SQL;
        if (r->sql == THREAD_NO)
            add(x, &step[n++], &from);
        from.kind = STEP_STOP_IO;
        add(x, &step[n++], &from);
        from.kind = STEP_RESCUE;
        add(x, &step[n++], &from);
    }
    add(x, &step[n++],
        &(struct story_step){.kind = STEP_FENCE_AGENT, .host = s->dead, .peer = NO_HOST});
    if (x->g->host[s->dead].conf->master_ip_failover_script[0])
        add(x, &step[n++],
            &(struct story_step){.kind = STEP_HOOK_IP_STOP, .host = s->dead, .peer = NO_HOST});
    return n;
}

static unsigned proof_of(const char *text)
{
    return (strstr(text, "agent-killed") ? (unsigned)PROOF_AGENT_KILLED : 0) |
           (strstr(text, "power-off") ? (unsigned)PROOF_POWER_OFF : 0) |
           (strstr(text, "vip-verified") ? (unsigned)PROOF_VIP_VERIFIED : 0);
}

/* A proof that was had holds for whoever goes on, unless the old master answers again: then nothing
 * is promoted, or it is fenced anew. */
void resume_seed(struct exec *x, const struct story *s, struct step *step)
{
    x->before = s->before;
    x->proof = proof_of(s->proof);
    x->position = s->opened_at;
    x->reached = s->reached;
    gtid_copy(&x->level, &s->level);
    if (s->kind == INTERRUPTED_NOTE)
        step += seed_all(x, s, step);
    for (int i = 0; i < s->steps; i++)
        add(x, &step[i], &s->step[i]);
}
