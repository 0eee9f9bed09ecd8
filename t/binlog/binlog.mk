tests: $(B)/t/binlog/driver
$(B)/t/binlog/driver: $(B)/t/binlog/driver.o $(B)/libnode.a $(B)/libcommon.a
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_NODE)
