# The SQL layer's driver; t/sql.t runs it against real servers.
$(B)/t/sql/driver: $(patsubst %.c,$(B)/%.o,$(wildcard t/sql/*.c)) $(B)/libcommon.a
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_MANAGER)
