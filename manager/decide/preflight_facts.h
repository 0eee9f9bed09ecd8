/* Private to the checks before a start: what every one of them looks at. */
#ifndef KAGEMUSHA_PREFLIGHT_FACTS_H
#define KAGEMUSHA_PREFLIGHT_FACTS_H

#include "manager/decide/preflight.h"

struct preflight_facts {
    const struct topo *t;
    const struct preflight *p;
    struct verdict verdict;
    enum mode mode;
    int gtid; /* mode is one of the two by GTID */
    int master;
    struct findings *out;
};

/* The checks that MHA does not have, behind its own. Warnings and remarks only. */
void preflight_fitness(const struct preflight_facts *f);

#endif
