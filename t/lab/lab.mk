# The lab's small programs. Included by the top Makefile; `make -f t/lab/lab.mk` builds them alone.
B            ?= build
CC           ?= gcc
CFLAGS       ?= -std=c11 -D_GNU_SOURCE -O2 -g -Wall -Wextra -I.
LAB_SESSION  := t/lab/session.c t/lab/session.h
LAB_MYSQL     = $(shell pkg-config --cflags mysqlclient | sed 's/-I/-isystem /g')
LAB_LIBS      = $(shell pkg-config --libs mysqlclient)
LAB_PROGRAMS := $(B)/lab/enter $(B)/lab/reaper $(B)/lab/writer $(B)/lab/sampler

lab: $(LAB_PROGRAMS)

$(B)/lab/enter $(B)/lab/reaper: $(B)/lab/%: t/lab/%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $<

$(B)/lab/writer $(B)/lab/sampler: $(B)/lab/%: t/lab/%.c $(LAB_SESSION)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LAB_MYSQL) $(LDFLAGS) -o $@ $< t/lab/session.c $(LAB_LIBS)

.PHONY: lab
