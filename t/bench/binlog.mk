bench: $(B)/t/bench/binlog
$(B)/t/bench/binlog: $(B)/t/bench/binlog.o $(B)/libnode.a $(B)/libcommon.a
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_NODE)
