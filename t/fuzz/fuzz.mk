# Fuzzing of what reads foreign bytes. Each target runs for FUZZ_SECONDS over the seeds, which real
# servers wrote (t/fuzz/corpus); what it finds is left in build/fuzz/NAME.
FUZZ_SECONDS ?= 600
FUZZ_TARGETS := $(patsubst t/fuzz/%.c,%,$(filter-out t/fuzz/seeds.c,$(wildcard t/fuzz/*.c)))
FUZZ_CC      := clang -std=c11 -D_GNU_SOURCE -g -O1 -I. -fsanitize=address,undefined \
                -fno-sanitize-recover=all -pthread $(shell pkg-config --cflags json-c libcrypto 2>/dev/null)
FUZZ_OBJS     = $(patsubst %.c,$(B)/fuzz/%.o,$(wildcard common/*.c) \
                $(filter-out node/main.c node/sql/%,$(wildcard node/*.c node/*/*.c)))
FUZZ_SKIP    := $(patsubst %.c,$(B)/fuzz/%.o,$(shell grep -ls 'include <\(mysql\|libssh2\|iniparser\).*h>' \
                common/*.c common/*.h | sed 's/h$$/c/') $(wildcard common/db*.c common/sql_*.c))

# The same over the seeds alone, for t/fuzz/seeds.t.
FUZZ_SEEDS   := $(addprefix $(B)/t/fuzz/seeds-,$(FUZZ_TARGETS))
tests: $(FUZZ_SEEDS)
$(FUZZ_SEEDS): $(B)/t/fuzz/seeds-%: $(B)/t/fuzz/%.o $(B)/t/fuzz/seeds.o $(B)/libnode.a $(B)/libcommon.a
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_NODE)

$(B)/fuzz/%.o: %.c
	@mkdir -p $(@D)
	$(FUZZ_CC) $(MYSQL_CFLAGS) -DKAGEMUSHA_VERSION='"fuzz"' -fsanitize=fuzzer-no-link \
	    -MMD -MP -c -o $@ $<
$(B)/fuzz/libfuzzed.a: $(filter-out $(FUZZ_SKIP),$(FUZZ_OBJS))
	@rm -f $@; ar rcs $@ $^
$(B)/fuzz/target-%: t/fuzz/%.c $(B)/fuzz/libfuzzed.a
	$(FUZZ_CC) -fsanitize=fuzzer -o $@ $^ $(LIBS_NODE)

fuzz: $(addprefix $(B)/fuzz/target-,$(FUZZ_TARGETS)) ## fuzzes the parsers of foreign bytes; FUZZ_SECONDS=600 each
	for name in $(FUZZ_TARGETS); do \
	    mkdir -p $(B)/fuzz/$$name && \
	    UBSAN_OPTIONS=print_stacktrace=1 $(B)/fuzz/target-$$name -max_total_time=$(FUZZ_SECONDS) \
	        -max_len=16384 -print_final_stats=1 -artifact_prefix=$(B)/fuzz/$$name/found- \
	        $(B)/fuzz/$$name t/fuzz/seeds t/fuzz/replica >$(B)/fuzz/$$name.log 2>&1 || \
	        { tail -n 40 $(B)/fuzz/$$name.log; exit 1; }; \
	    tail -n 8 $(B)/fuzz/$$name.log; \
	done
-include $(FUZZ_OBJS:.o=.d)
.PHONY: fuzz
