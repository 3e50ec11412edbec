#include "gateway/verify.h"

#include <openssl/crypto.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include <wtel/peer.h>

struct queue {
	struct verify_job *first, **end;
};

struct verify {
	struct wtel_allocator allocator;
	struct ev_loop *loop;
	ev_async finished;
	pthread_t thread;
	bool running;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t wake;
	struct queue waiting, tried;
	bool ends;
};

static void push(struct queue *queue, struct verify_job *job)
{
	job->next = NULL;
	*queue->end = job;
	queue->end = &job->next;
}

static struct verify_job *take(struct queue *queue)
{
	struct verify_job *job = queue->first;

	if (job) {
		queue->first = job->next;
		if (!queue->first)
			queue->end = &queue->first;
	}
	return job;
}

static void try_one(struct verify_job *job)
{
	job->good = wtel_peer_verify(job->hash, job->secret);
	OPENSSL_cleanse(job->secret, sizeof(job->secret));
}

static void *work(void *user)
{
	struct verify *verify = user;
	struct verify_job *job;

	pthread_mutex_lock(&verify->lock);
	while (!verify->ends) {
		job = take(&verify->waiting);
		if (!job) {
			pthread_cond_wait(&verify->wake, &verify->lock);
			continue;
		}
		pthread_mutex_unlock(&verify->lock);
		try_one(job);
		pthread_mutex_lock(&verify->lock);
		push(&verify->tried, job);
		ev_async_send(verify->loop, &verify->finished);
	}
	pthread_mutex_unlock(&verify->lock);
	return NULL;
}

static void deliver(struct ev_loop *loop, ev_async *watcher, int events)
{
	struct verify *verify = watcher->data;
	struct verify_job *job;

	(void)loop;
	(void)events;
	for (;;) {
		pthread_mutex_lock(&verify->lock);
		job = take(&verify->tried);
		pthread_mutex_unlock(&verify->lock);
		if (!job)
			return;
		job->queued = false;
		job->done(job);
	}
}

int verify_new(struct verify **out, struct ev_loop *loop, const struct wtel_allocator *allocator)
{
	struct verify *verify = gateway_allocate(allocator, sizeof(*verify));

	if (!verify)
		return WTEL_ENOMEM;
	verify->allocator = *allocator;
	verify->loop = loop;
	verify->waiting.end = &verify->waiting.first;
	verify->tried.end = &verify->tried.first;
	pthread_mutex_init(&verify->lock, NULL);
	pthread_cond_init(&verify->wake, NULL);
	ev_async_init(&verify->finished, deliver);
	verify->finished.data = verify;
	ev_async_start(loop, &verify->finished);
	*out = verify;
	return 0;
}

void verify_free(struct verify *verify)
{
	struct wtel_allocator allocator;

	if (!verify)
		return;
	allocator = verify->allocator;
	if (verify->running) {
		pthread_mutex_lock(&verify->lock);
		verify->ends = true;
		pthread_cond_signal(&verify->wake);
		pthread_mutex_unlock(&verify->lock);
		pthread_join(verify->thread, NULL);
	}
	ev_async_stop(verify->loop, &verify->finished);
	pthread_cond_destroy(&verify->wake);
	pthread_mutex_destroy(&verify->lock);
	gateway_release(&allocator, verify);
}

/* The program's signals are the program's. */
static bool start(struct verify *verify)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	verify->running = pthread_create(&verify->thread, NULL, work, verify) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return verify->running;
}

void verify_add(struct verify *verify, struct verify_job *job)
{
	job->queued = true;
	pthread_mutex_lock(&verify->lock);
	if (verify->running || start(verify)) {
		push(&verify->waiting, job);
		pthread_cond_signal(&verify->wake);
	} else {
		/* Without a thread it is refused. */
		OPENSSL_cleanse(job->secret, sizeof(job->secret));
		job->good = false;
		push(&verify->tried, job);
		ev_async_send(verify->loop, &verify->finished);
	}
	pthread_mutex_unlock(&verify->lock);
}
