/*
 * The pure parser alone: Asterisk's events from standard input, whatever brought them there.
 *
 *   (printf 'Action: Login\r\nUsername: u\r\nSecret: s\r\n\r\n'; cat) | nc 127.0.0.1 5038 | ./listen
 */
#include <stdio.h>
#include <unistd.h>
#include <wtel/ami.h>

/* Prints what may be trusted; says what may not. */
static void print(struct wtel_ami_guard *guard, const struct wtel_ami_message *message)
{
	struct wtel_ami_event event;

	if (wtel_ami_guard_judge(guard, message) != WTEL_AMI_TRUSTED) {
		printf("(forged, from %s)\n", guard->source);
		return;
	}
	if (wtel_ami_event_decode(&event, message))
		return;
	printf("%-20.*s", (int)message->head.length, message->head.data);
	if (event.channel.name.data)
		printf(" %.*s", (int)event.channel.name.length, event.channel.name.data);
	if (event.other.name.data)
		printf(" -> %.*s", (int)event.other.name.length, event.other.name.data);
	if (event.status.data)
		printf(" %.*s", (int)event.status.length, event.status.data);
	if (event.type == WTEL_AMI_HANGUP)
		printf(" cause %d, SIP %d", event.cause, event.tech_cause);
	putchar('\n');
}

int main(void)
{
	struct wtel_ami_guard guard = {0};
	struct wtel_ami_message message;
	struct wtel_ami_parser *parser;
	char *room;
	size_t size;
	ssize_t length;
	int code = wtel_ami_parser_new(&parser, NULL, NULL);

	if (code) {
		fprintf(stderr, "listen: %s\n", wtel_error_text(code));
		return 1;
	}
	while (!(code = wtel_ami_parser_reserve(parser, &room, &size, 65536)) && (length = read(0, room, size)) > 0) {
		wtel_ami_parser_commit(parser, (size_t)length);
		while ((code = wtel_ami_parser_next(parser, &message)) == 1)
			print(&guard, &message);
	}
	wtel_ami_parser_free(parser);
	return code < 0;
}
