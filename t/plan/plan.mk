$(B)/t/plan/plan.t: $(B)/t/plan/world/world.o
$(B)/t/plan/switch.t: $(B)/t/plan/world/world.o
