/* Choosing among 1 000 trunks in memory: the best case, and the worst, where only the last one is free. */
#include <stdio.h>
#include <wtel/trunk.h>

enum { TRUNKS = 1000, ROUNDS = 200000 };

static double nanoseconds(const struct wtel_trunk_load *trunks)
{
	struct wtel_time begin = wtel_time_now();
	size_t index = 0, sum = 0;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		__asm__ volatile("" : : : "memory"); /* each round reads the trunks anew */
		if (!wtel_trunk_choose(&index, trunks, TRUNKS, NULL))
			sum += index;
	}
	__asm__ volatile("" : : "r"(sum));
	return (double)(wtel_time_now().mono - begin.mono) * 1000 / ROUNDS;
}

int main(void)
{
	static struct wtel_trunk_load trunks[TRUNKS];
	double first, last;
	int i;

	for (i = 0; i < TRUNKS; i++)
		trunks[i] = (struct wtel_trunk_load){i + 1, i % 100 + 1, 20, 0, WTEL_TRUNK_ACTIVE, true, true};
	wtel_trunk_sort(trunks, TRUNKS);
	first = nanoseconds(trunks);
	for (i = 0; i < TRUNKS - 1; i++)
		trunks[i].active_calls = 20;
	last = nanoseconds(trunks);
	printf("%.1f %.1f\n", first, last);
	return 0;
}
