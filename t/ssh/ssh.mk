# The client that t/ssh.t drives.
$(B)/t/ssh/client: $(B)/t/ssh/client.o $(B)/libcommon.a
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_MANAGER)
tests: $(B)/t/ssh/client
