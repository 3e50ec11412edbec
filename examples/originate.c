/*
 * Originates one call and prints how it ended.
 *
 *   WTEL_AMI=ami://user:secret@host:5038 WTEL_DB=sqlite:calls.db ./originate 1001 +15551234567
 */
#include <stdio.h>
#include <string.h>
#include <wtel/wtel.h>

static void on_queued(int code, const char *text, const struct wtel_call *call, const struct wtel_trunk *trunk,
		      void *user)
{
	if (!code)
		printf("%s through %s\n", call->call_id, trunk->name);
	else
		fprintf(stderr, "not originated: %s\n", text);
	*(int *)user = code;
}

/* Connects, originates, waits for the call's end. */
static int make_call(struct wtel_service *service, const char *extension, const char *number)
{
	struct wtel_originate request = WTEL_ORIGINATE_INIT;
	struct wtel_service_stats stats = {0};
	struct wtel_observer *observer = NULL;
	char call_id[WTEL_CALL_ID_SIZE];
	struct wtel_notice notice;
	int code = wtel_observer_new(&observer, service, 0, NULL, NULL);
	int queued = 0, ended = 0;

	while (!code && !stats.synchronised) {
		code = wtel_service_wait(service, -1) < 0 ? WTEL_EIO : 0;
		wtel_service_stats(service, &stats);
	}
	request.extension = extension;
	request.number = number;
	if (!code)
		code = wtel_service_originate(service, call_id, &request, on_queued, &queued);
	while (!code && !queued && !ended) {
		code = wtel_service_wait(service, -1) < 0 ? WTEL_EIO : 0;
		while (wtel_observer_next(observer, &notice) == 1) {
			if (!notice.call || strcmp(notice.call->call_id, call_id) != 0)
				continue;
			if (notice.type == WTEL_NOTICE_CALL_FAILOVER)
				printf("failed (%s), trying %s\n", notice.text, notice.name);
			else
				printf("%s\n", wtel_call_state_name(notice.call->state));
			if (notice.type == WTEL_NOTICE_CALL_HANGUP) {
				printf("%s, %lld s billed\n", wtel_disposition_name(notice.call->disposition),
				       (long long)wtel_call_billsec(notice.call));
				ended = 1;
			}
		}
	}
	wtel_observer_free(observer);
	return code ? code : queued;
}

int main(int argc, char **argv)
{
	struct wtel_store_options store_options = WTEL_STORE_OPTIONS_INIT;
	struct wtel_service_options options = WTEL_SERVICE_OPTIONS_INIT;
	struct wtel_config *config = NULL;
	struct wtel_service *service = NULL;
	struct wtel_store *store = NULL;
	struct wtel_detail detail = {"", ""};
	int code;

	if (argc != 3) {
		fprintf(stderr, "usage: originate EXTENSION NUMBER\n");
		return 2;
	}
	code = wtel_config_read(&config, NULL, NULL, NULL, NULL, &detail);
	if (!code) {
		store_options.url = config->db;
		store_options.password = config->db_password;
		code = wtel_store_open(&store, &store_options, NULL, &detail);
	}
	if (!code)
		code = wtel_store_migrate(store, NULL, NULL);
	if (!code) {
		options.hosts = config->hosts;
		options.host_count = config->host_count;
		options.store = store;
		options.country = config->country;
		code = wtel_service_new(&service, &options, NULL, &detail);
	}
	if (!code)
		code = make_call(service, argv[1], argv[2]);
	if (code)
		fprintf(stderr, "originate: %s\n", detail.text[0] ? detail.text : wtel_error_text(code));
	wtel_service_free(service);
	wtel_store_close(store);
	wtel_config_free(config);
	return code ? 1 : 0;
}
