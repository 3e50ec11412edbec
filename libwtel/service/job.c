/* Work of the rooms above that is done in dispatches. */
#include "service/service.h"

enum { JOB_PATIENCE = 30000000 };

/* The first of a list: for the others that was done already. */
static void schedule(struct wtel_service *service, const struct service_link *list)
{
	if (!service->dispatching && list->next == list)
		loop_arm(&service->loop, 0);
}

void job_add(struct wtel_service *service, struct service_job *job)
{
	job->code = 0;
	schedule(service, &service->jobs_new);
	service_list_add(&service->jobs_new, &job->link);
}

void job_due(struct wtel_service *service, struct service_job *job)
{
	service_list_remove(&job->link);
	schedule(service, &service->jobs_due);
	service_list_add(&service->jobs_due, &job->link);
}

/* The earliest deadline is looked for only once the last one that was found has come. */
static void end_late(struct wtel_service *service)
{
	struct service_link *at = service->jobs.next;

	if (service->now.mono < service->jobs_deadline)
		return;
	service->jobs_deadline = INT64_MAX;
	while (at != &service->jobs) {
		struct service_job *job = (struct service_job *)at;

		at = at->next;
		if (job->deadline > service->now.mono) {
			if (job->deadline < service->jobs_deadline)
				service->jobs_deadline = job->deadline;
			continue;
		}
		job->code = WTEL_ETIMEOUT;
		job_due(service, job);
	}
}

void job_step_all(struct wtel_service *service)
{
	while (service->jobs_new.next != &service->jobs_new) {
		struct service_job *job = (struct service_job *)service->jobs_new.next;

		service_list_remove(&job->link);
		service_list_add(&service->jobs, &job->link);
		job->deadline = service->now.mono + JOB_PATIENCE;
		if (job->deadline < service->jobs_deadline)
			service->jobs_deadline = job->deadline;
		job->begin(job);
	}
	end_late(service);
}

static void finish(struct wtel_service *service, struct service_job *job, int code)
{
	service_list_remove(&job->link);
	service_enter(service);
	job->finish(job, code);
	service_leave(service);
}

void job_complete_all(struct wtel_service *service)
{
	while (service->jobs_due.next != &service->jobs_due && !service->closing) {
		struct service_job *job = (struct service_job *)service->jobs_due.next;

		finish(service, job, job->code);
	}
}

void job_end_all(struct wtel_service *service)
{
	struct service_link *const lists[] = {&service->jobs_due, &service->jobs, &service->jobs_new};
	size_t i;

	for (i = 0; i < sizeof(lists) / sizeof(*lists); i++)
		while (lists[i]->next != lists[i]) {
			struct service_job *job = (struct service_job *)lists[i]->next;

			finish(service, job, i ? WTEL_ECLOSED : job->code);
		}
}

int64_t job_deadline(const struct wtel_service *service)
{
	if (service->jobs_new.next != &service->jobs_new || service->jobs_due.next != &service->jobs_due)
		return 0;
	return service->jobs_deadline;
}
