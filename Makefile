# Kagemusha: one Makefile, GNU make, non-recursive. `make help` lists the targets.
B       ?= build
PREFIX  ?= /usr/local
DESTDIR ?=
UNITDIR ?= $(PREFIX)/lib/systemd/system
ifeq ($(origin CC),default)
CC      := gcc
endif
VERSION := 0.1.0

# What the goals need is installed before anything is asked of pkg-config below. DEPS=no leaves
# the machine as it is; without root t/deps only tells what is missing (status 77).
GOALS      := $(or $(MAKECMDGOALS),all)
QUIET_GOALS := help format clean
DEPS       ?= yes
DEPS_NEEDED := $(if $(filter-out $(QUIET_GOALS),$(GOALS)),build) \
               $(if $(filter test test-all test-san demo bench campaign,$(GOALS)),test) \
               $(if $(filter bench,$(GOALS)),bench) \
               $(if $(filter check lint,$(GOALS)),check) $(if $(filter test-trixie,$(GOALS)),trixie)
ifeq ($(DEPS)$(if $(strip $(DEPS_NEEDED)),yes),yesyes)
DEPS_OUTPUT := $(shell t/deps $(DEPS_NEEDED) >&2)
ifneq ($(filter-out 0 77,$(.SHELLSTATUS)),)
$(error what $(GOALS) needs could not be installed)
endif
endif
export DEPS := no

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
        -Wold-style-definition -Wformat=2 -Wwrite-strings -Wvla -Wundef -Wswitch-enum \
        -Wimplicit-fallthrough -Wcast-qual -Wpointer-arith -Wnull-dereference -Wconversion -fno-common
ifeq ($(findstring clang,$(CC)),)
WARN += -Wlogical-op -Wduplicated-cond -Wduplicated-branches -Wjump-misses-init -Wstack-usage=16384
HARDEN_CC := -ftrivial-auto-var-init=zero
endif
# SAN=address,undefined builds with sanitizers, and then without FORTIFY. Give it a B of its own.
ifdef SAN
HARDEN := -fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all
else
HARDEN := -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fstack-clash-protection \
          -fcf-protection $(HARDEN_CC)
HARDEN_LD := -Wl,-z,relro,-z,now,-z,noexecstack
endif
# Warnings are errors in a checkout; a release is also built by compilers that nobody has seen yet.
WERROR   ?= $(if $(wildcard .git),-Werror)
OPT      ?= -O2 -g
# The client library is whatever stands behind the name mysqlclient: Connector/C or Oracle's own.
MYSQL_CFLAGS ?= $(shell pkg-config --cflags mysqlclient 2>/dev/null | sed 's/-I/-isystem /g')
MYSQL_LIBS   ?= $(shell pkg-config --libs mysqlclient 2>/dev/null)
PKGS     := json-c libssh2 libcrypto libsystemd libmicrohttpd sqlite3
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
NODE_SQL := $(wildcard node/sql/*.c)
NODE    := $(filter-out $(NODE_SQL),$(wildcard node/*.c node/*/*.c))
TESTS   := $(wildcard t/value/*.c t/plan/*.c)
OBJ      = $(patsubst %.c,$(B)/%.o,$(1))
CTESTS   = $(patsubst %.c,$(B)/%.t,$(TESTS))
# One program under MHA's names; it looks at the name it was called by.
MASTERHA := $(addprefix masterha_,manager check_repl check_ssh check_status stop master_switch \
              conf_host secondary_check master_monitor)
# And those of its programs for database hosts.
MHA_NODE := save_binary_logs filter_mysqlbinlog
MHA_SQL  := purge_relay_logs apply_diff_relay_logs
# What clang-format lays out: `make format FILES=common/buf.c` does one file.
FILES    ?= $(shell find common manager node t -name '*.[ch]')

.DEFAULT_GOAL := all
include $(wildcard t/*/*.mk)

all: $(addprefix $(B)/,kagemusha kagemusha-node kagemusha-node-sql $(MASTERHA) $(MHA_NODE) $(MHA_SQL)) ## builds the programs
tests: $(CTESTS) $(B)/t/sql/driver ## builds the tests that are written in C

# Other flags or another compiler: everything anew.
FLAGS := $(CC) $(CFLAGS) $(LDFLAGS)
ifneq ($(filter-out $(QUIET_GOALS),$(GOALS)),)
ifneq ($(file <$(B)/.flags),$(FLAGS))
$(shell mkdir -p $(B))$(file >$(B)/.flags,$(FLAGS))
endif
endif

$(B)/%.o: %.c $(B)/.flags
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -MMD -MP -c -o $@ $<

$(B)/libcommon.a: $(call OBJ,$(COMMON))
$(B)/libdecide.a: $(call OBJ,$(DECIDE))
$(B)/libmanager.a: $(call OBJ,$(filter-out manager/cmd/main.c,$(MANAGER)))
$(B)/libnode.a: $(call OBJ,$(filter-out node/main.c,$(NODE)))
$(B)/lib%.a:
	@rm -f $@; ar rcs $@ $^

$(B)/kagemusha: $(B)/manager/cmd/main.o $(B)/libmanager.a $(B)/libdecide.a $(B)/libcommon.a
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_MANAGER)
$(B)/kagemusha-node: $(B)/node/main.o $(B)/libnode.a $(B)/libcommon.a
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_NODE)
$(B)/kagemusha-node-sql: $(call OBJ,$(NODE_SQL)) $(B)/libnode.a $(B)/libcommon.a
	$(CC) $(LDFLAGS) -o $@ $^ $(MYSQL_LIBS) $(LIBS_NODE)
$(B)/masterha_%: $(B)/kagemusha
	@ln -sf kagemusha $@
$(addprefix $(B)/,$(MHA_NODE)): $(B)/kagemusha-node
	@ln -sf kagemusha-node $@
$(addprefix $(B)/,$(MHA_SQL)): $(B)/kagemusha-node-sql
	@ln -sf kagemusha-node-sql $@

$(B)/t/value/%.t: $(B)/t/value/%.o $(B)/libmanager.a $(B)/libnode.a $(B)/libdecide.a $(B)/libcommon.a
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_MANAGER)
$(B)/t/plan/%.t: $(B)/t/plan/%.o $(B)/libdecide.a $(B)/libcommon.a
	$(CC) $(LDFLAGS) -o $@ $^ -l:libjson-c.a -lcrypto -lm

dev: ## builds all and the C tests with sanitizers, for a debugger, into B/dev
	+$(MAKE) B=$(B)/dev SAN=address,undefined OPT='-Og -g3' WERROR=-Werror all tests

test: all tests ## runs all tests, on real servers too; ONLY=word picks by name
	B=$(B) t/run test $(ONLY)
test-fast: all tests ## runs the tests that need no server
	B=$(B) t/run fast $(ONLY)
test-all: all tests ## runs the full product of servers and modes
	B=$(B) t/run test-all $(ONLY)
test-san: ## runs all tests of `make test` with ASan and UBSan
	+$(MAKE) B=$(B)/san SAN=address,undefined OPT='-O1 -g' test
test-trixie: ## builds and runs test-fast in a Debian 13 root of its own
	t/trixie
check: ## format, two compilers, analysers, layering, sizes; ONLY=word picks one
	t/run check $(ONLY)
lint: ## the quick part of check
	t/run check format shellcheck banned words headers sizes
demo: all ## a failover before your eyes; SERVER=mariadb|mysql MODE=gtid|position
	B=$(B) t/demo $(SERVER) $(MODE)
bench: all ## measures, and holds the bars
	B=$(B) t/bench/run $(ONLY)
campaign: all ## random faults on real servers; ROUNDS=200 SEED=1 SERVER=mariadb MODE=gtid
	B=$(B) t/campaign --seed $(or $(SEED),1) --rounds $(or $(ROUNDS),20) --server $(or $(SERVER),mariadb) \
	    --mode $(or $(MODE),gtid)
format: ## lays out the C sources
	clang-format -i $(FILES)
clean: ## removes what was built here; build/servers and labs stay
	rm -rf $(addprefix $(B)/,common manager node t dev san run) $(B)/*.a $(addprefix $(B)/,kagemusha* masterha_* $(MHA_NODE) $(MHA_SQL))

MAN = $(wildcard docs/man/*.$(1))
SHARE = $(DESTDIR)$(PREFIX)/share
install: all ## DESTDIR and PREFIX as usual
	install -d $(DESTDIR)$(PREFIX)/bin $(addprefix $(SHARE)/,man/man5 man/man8 doc/kagemusha/examples \
	    kagemusha/hooks kagemusha/perl/MHA bash-completion/completions)
	install -m 755 $(B)/kagemusha $(B)/kagemusha-node $(B)/kagemusha-node-sql $(DESTDIR)$(PREFIX)/bin
	for name in $(MASTERHA); do ln -sf kagemusha $(DESTDIR)$(PREFIX)/bin/$$name || exit 1; done
	for name in $(MHA_NODE); do ln -sf kagemusha-node $(DESTDIR)$(PREFIX)/bin/$$name || exit 1; done
	for name in $(MHA_SQL); do ln -sf kagemusha-node-sql $(DESTDIR)$(PREFIX)/bin/$$name || exit 1; done
	$(if $(call MAN,5),install -m 644 $(call MAN,5) $(DESTDIR)$(PREFIX)/share/man/man5)
	$(if $(call MAN,8),install -m 644 $(call MAN,8) $(DESTDIR)$(PREFIX)/share/man/man8)
	install -m 755 conf/hooks/* $(SHARE)/kagemusha/hooks
	chmod 644 $(SHARE)/kagemusha/hooks/*.sh
	install -m 644 conf/perl/MHA/* $(SHARE)/kagemusha/perl/MHA
	install -m 644 conf/completion/kagemusha $(SHARE)/bash-completion/completions
	for name in $(MASTERHA); do ln -sf kagemusha $(SHARE)/bash-completion/completions/$$name || exit 1; done
	install -m 644 conf/samples/* $(SHARE)/doc/kagemusha/examples
	install -d $(DESTDIR)$(UNITDIR)
	sed 's|/usr/local/bin|$(PREFIX)/bin|' conf/systemd/kagemusha@.service >$(DESTDIR)$(UNITDIR)/kagemusha@.service
deb: ## builds Debian packages into B/deb
	conf/debian/build $(B)/deb

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-12s %s\n", $$1, $$2}' Makefile $(wildcard t/*/*.mk)

-include $(wildcard $(addprefix $(B)/,common/*.d node/*.d node/*/*.d manager/*/*.d t/*/*.d t/*/*/*.d))
.SECONDARY:
.PHONY: all tests dev test test-fast test-all test-san test-trixie check lint demo bench campaign format clean install deb help
