$(B)/t/plan/plan.t: $(B)/t/plan/world/world.o
