/* Plans as lists: building blocks, words, printing. The safety case is in plan_check.c. */
#include "manager/decide/plan.h"

#include <string.h>

struct step *plan_add(struct plan *p, enum step_kind kind, enum phase phase, int host)
{
    struct step *s;

    /* One more than fits is counted, so that plan_check can see it. */
    if (p->steps >= PLAN_STEPS_MAX) {
        p->steps = PLAN_STEPS_MAX + 1;
        return NULL;
    }
    s = &p->step[p->steps++];
    memset(s, 0, sizeof(*s));
    s->kind = kind;
    s->phase = phase;
    s->host = host;
    s->peer = NO_HOST;
    return s;
}

const char *step_word(enum step_kind kind)
{
#define X(k, word, text) word,
    static const char *const words[] = {STEP_KINDS(X)};
#undef X

    return words[kind];
}

int step_in_words(const char *words, enum step_kind kind)
{
    const char *word = step_word(kind);
    size_t len = strlen(word);

    for (const char *p = words; *p; p += strspn(p, " ")) {
        size_t n = strcspn(p, " ");

        if (n == len && strncmp(p, word, len) == 0)
            return 1;
        p += n;
    }
    return 0;
}

const char *phase_title(enum phase p)
{
    static const char *const titles[PHASE_COUNT] = {
        [PHASE_CHECK] = "Phase 1: Configuration Check Phase",
        [PHASE_SHUTDOWN] = "Phase 2: Dead Master Shutdown Phase",
        [PHASE_REJECT] = "Phase 2: Rejecting updates Phase",
        [PHASE_LATEST] = "Phase 3.1: Getting Latest Slaves Phase",
        [PHASE_SAVE] = "Phase 3.2: Saving Dead Master's Binlog Phase",
        [PHASE_NEW_MASTER] = "Phase 3.3: New Master Recovery Phase",
        [PHASE_TAKE_OVER] = "Phase 3: New master activation Phase",
        [PHASE_SLAVES] = "Phase 4: Slaves Recovery Phase",
        [PHASE_SWITCH] = "Phase 4: Switching slaves in parallel",
        [PHASE_CLEANUP] = "Phase 5: New master cleanup phase",
    };

    return titles[p];
}

int step_has_undo(enum step_kind kind)
{
    return kind == STEP_LOCK || kind == STEP_STOP_IO || kind == STEP_FENCE_AGENT ||
           kind == STEP_START_SQL || kind == STEP_LOCK_MONITOR || kind == STEP_SEMISYNC_OFF ||
           kind == STEP_HOOK_CHANGE_STOP || kind == STEP_FREEZE || kind == STEP_LOCK_TABLES ||
           kind == STEP_HOOK_CHANGE_START;
}

static void add_host(const struct topo *t, int host, struct buf *out)
{
    buf_adds(out, topo_name(t, host));
}

void step_print(const struct topo *t, const struct step *s, struct buf *out)
{
#define X(k, word, text) text,
    static const char *const texts[] = {STEP_KINDS(X)};
#undef X

    for (const char *p = texts[s->kind]; *p; p++) {
        if (p[0] == '%' && p[1] == 'h')
            add_host(t, s->host, out), p++;
        else if (p[0] == '%' && p[1] == 'p')
            add_host(t, s->peer, out), p++;
        else
            buf_addc(out, *p);
    }
    if (*s->note)
        buf_addf(out, ": %s", s->note);
}

static const char *fail_mark(const struct step *s)
{
    switch (s->on_fail) {
    case DROP_HOST:
        return "  [left out on failure]";
    case NOTE_ONLY:
        return "  [noted on failure]";
    case STOP_AND_UNDO:
        break;
    }
    return "";
}

void plan_print(const struct topo *t, const struct plan *p, struct buf *out)
{
    int phase = -1;

    for (int i = 0; i < p->steps; i++) {
        const struct step *s = &p->step[i];

        if ((int)s->phase != phase)
            buf_addf(out, "%s\n", phase_title(s->phase));
        phase = (int)s->phase;
        buf_addf(out, "%4d%c ", i + 1, s->beside ? '|' : ' ');
        step_print(t, s, out);
        buf_addf(out, "%s\n", fail_mark(s));
    }
}
