# What ends or stops a manager exactly at a step, for t/resume.t.
tests: $(B)/t/resume/stop_at.so
$(B)/t/resume/stop_at.so: t/resume/stop_at.c $(B)/.flags
	@mkdir -p $(@D)
	$(CC) -std=c11 -D_GNU_SOURCE -O2 $(WARN) $(WERROR) -fPIC -shared -o $@ $< -ldl
