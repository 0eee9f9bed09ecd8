# A manager without SSH, for t/replay.t.
tests: $(B)/t/replay/serve
$(B)/t/replay/serve: $(B)/t/replay/serve.o $(B)/libcommon.a
	$(CC) $(LDFLAGS) -o $@ $^ -l:libjson-c.a -lcrypto -lm
