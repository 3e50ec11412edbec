#include <criterion/criterion.h>
#include <wtel/sim.h>
Test(sim, new)
{
	struct wtel_sim *sim;
	cr_assert_eq(wtel_sim_new(&sim, NULL, NULL), 0);
	wtel_sim_free(sim);
}
