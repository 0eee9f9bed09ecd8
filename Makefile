# Kagemusha: one Makefile, GNU make, non-recursive. `make help` lists the targets.
B       ?= build
PREFIX  ?= /usr/local
DESTDIR ?=
CC      ?= gcc
VERSION := 0.1.0

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
        -Wold-style-definition -Wformat=2 -Wwrite-strings -Wvla -Wundef -Wswitch-enum \
        -Wimplicit-fallthrough -Wcast-qual -Wpointer-arith -Wnull-dereference -Wconversion -fno-common
ifeq ($(findstring clang,$(CC)),)
WARN += -Wlogical-op -Wduplicated-cond -Wduplicated-branches -Wjump-misses-init -Wstack-usage=16384
HARDEN_CC := -ftrivial-auto-var-init=zero
endif
# SAN=address,undefined builds with sanitizers, and then without FORTIFY.
ifdef SAN
HARDEN := -fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all
else
HARDEN := -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fstack-clash-protection \
          -fcf-protection $(HARDEN_CC)
HARDEN_LD := -Wl,-z,relro,-z,now,-z,noexecstack
endif
WERROR   ?= -Werror
OPT      ?= -O2 -g
# The client library is whatever stands behind the name mysqlclient: Connector/C or Oracle's own.
MYSQL_CFLAGS ?= $(shell pkg-config --cflags mysqlclient 2>/dev/null | sed 's/-I/-isystem /g')
MYSQL_LIBS   ?= $(shell pkg-config --libs mysqlclient 2>/dev/null)
PKGS     := json-c libssh2 libcrypto libsystemd libmicrohttpd
CFLAGS   := -std=c11 -D_GNU_SOURCE -DKAGEMUSHA_VERSION='"$(VERSION)"' $(OPT) $(WARN) $(WERROR) $(HARDEN) \
            -fPIE -pthread -I. $(shell pkg-config --cflags $(PKGS) 2>/dev/null | sed 's/-I/-isystem /g') \
            $(MYSQL_CFLAGS) $(EXTRA_CFLAGS)
LDFLAGS  := -pie -pthread $(HARDEN) $(HARDEN_LD)
LIBS_MANAGER := $(MYSQL_LIBS) -liniparser $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lm
# The agent needs libc and libcrypto at run time and nothing else: json-c goes in statically.
LIBS_NODE := -l:libjson-c.a -lcrypto -lm

COMMON  := $(wildcard common/*.c)
DECIDE  := $(wildcard manager/decide/*.c)
MANAGER := $(wildcard manager/act/*.c manager/cmd/*.c manager/scan/*.c)
NODE    := $(wildcard node/*.c node/*/*.c)
OBJ      = $(patsubst %.c,$(B)/%.o,$(1))
CTESTS  := $(patsubst %.c,$(B)/%.t,$(wildcard t/value/*.c t/plan/*.c))

all: $(B)/kagemusha $(B)/kagemusha-node

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -MMD -MP -c -o $@ $<

$(B)/libcommon.a: $(call OBJ,$(COMMON))
	@rm -f $@; ar rcs $@ $^
$(B)/libdecide.a: $(call OBJ,$(DECIDE))
	@rm -f $@; ar rcs $@ $^
$(B)/libmanager.a: $(call OBJ,$(filter-out manager/cmd/main.c,$(MANAGER)))
	@rm -f $@; ar rcs $@ $^
$(B)/libnode.a: $(call OBJ,$(filter-out node/main.c,$(NODE)))
	@rm -f $@; ar rcs $@ $^

$(B)/kagemusha: $(B)/manager/cmd/main.o $(B)/libmanager.a $(B)/libdecide.a $(B)/libcommon.a
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_MANAGER)
$(B)/kagemusha-node: $(B)/node/main.o $(B)/libnode.a $(B)/libcommon.a
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_NODE)

$(B)/t/value/%.t: $(B)/t/value/%.o $(B)/libmanager.a $(B)/libnode.a $(B)/libdecide.a $(B)/libcommon.a
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_MANAGER)
$(B)/t/plan/%.t: $(B)/t/plan/%.o $(B)/libdecide.a $(B)/libcommon.a
	$(CC) $(LDFLAGS) -o $@ $^ -l:libjson-c.a -lcrypto -lm

-include $(wildcard $(B)/*/*.d $(B)/*/*/*.d)
.SECONDARY:
.PHONY: all
