/*
 * A hostile manager client of the simulator: any bytes, in any pieces, logged in or not, with the clock running in
 * between.
 *
 * Input: one byte of options, then pieces: a byte says how long the piece is (up to 127) and, with its top bit, that a
 * second passes after it. Nothing may crash, and what is sent must stay bounded and belong to whole messages.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <wtel/sim.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char login[] = "Action: Login\r\nUsername: wtel\r\nSecret: wtel\r\n\r\n";

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void drain(struct wtel_sim_client *client)
{
	struct wtel_slice out = wtel_sim_output(client, NULL);

	require(out.length <= 32u << 20);
	require(!out.length || memcmp(out.data + out.length - 2, "\r\n", 2) == 0);
	wtel_sim_sent(client, out.length);
}

static void play(struct wtel_sim *sim, struct wtel_sim_client *client, const uint8_t *data, size_t size)
{
	struct wtel_time now = {0, 1760000000 * INT64_C(1000000)};

	while (size) {
		size_t length = *data & 0x7f;
		bool passes = *data & 0x80;

		data++;
		size--;
		if (length > size)
			length = size;
		require(wtel_sim_feed(sim, client, data, length, now) == 0);
		data += length;
		size -= length;
		if (passes) {
			now.mono += 1000000;
			now.wall += 1000000;
			require(wtel_sim_tick(sim, now) == 0);
			drain(client);
		}
	}
	now.mono += INT64_C(3600000000);
	require(wtel_sim_tick(sim, now) == 0);
	drain(client);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const endpoints[] = {"1001", "1097", "1098", "carrier", NULL};
	static const char *const registrations[] = {"carrier", NULL};
	struct wtel_sim_options options = WTEL_SIM_OPTIONS_INIT;
	struct wtel_time now = {0, 1760000000 * INT64_C(1000000)};
	struct wtel_sim_client *client;
	struct wtel_sim *sim;

	if (!size)
		return 0;
	options.endpoints = *data & 1 ? endpoints : NULL;
	options.registrations = *data & 2 ? registrations : NULL;
	options.timestamps = !(*data & 4);
	options.agent_pickup = *data & 8 ? 0 : 500000;
	require(wtel_sim_new(&sim, &options, NULL) == 0);
	require(wtel_sim_connect(sim, &client, now) == 0);
	if (!(*data & 16))
		require(wtel_sim_feed(sim, client, login, strlen(login), now) == 0);
	if (*data & 32)
		require(wtel_sim_call_in(sim, "carrier", "15557654321", "15550001000", now) == 0);
	play(sim, client, data + 1, size - 1);
	wtel_sim_free(sim);
	return 0;
}
