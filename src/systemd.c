/* SPDX-License-Identifier: MIT */
#include "systemd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <systemd/sd-bus.h>

#define DESTINATION "org.freedesktop.systemd1"
#define MANAGER_PATH "/org/freedesktop/systemd1"
#define MANAGER DESTINATION ".Manager"
#define PRIVATE_ADDRESS "unix:path=/run/systemd/private"
#define ADDRESS_MAX 512
#define JOB_MAX 256
#define RESULT_MAX 32

#define auto_message __attribute__((cleanup(sd_bus_message_unrefp)))
#define auto_error __attribute__((cleanup(sd_bus_error_free)))
#define auto_slot __attribute__((cleanup(sd_bus_slot_unrefp)))
#define auto_text __attribute__((cleanup(free_text)))

/* A job that is waited for: JobRemoved may come before the reply that names it. */
struct job {
	char path[JOB_MAX];
	char removed[8][JOB_MAX];
	char results[8][RESULT_MAX];
	unsigned count;
};

struct ctr_systemd {
	sd_bus *bus;
	struct job job;
};

static void free_text(char **text)
{
	free(*text);
}

static uint64_t now_usec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

static uint64_t to_usec(double seconds)
{
	return seconds <= 0 ? 1 : (uint64_t)(seconds * 1e6);
}

/* systemd's own words, where there are some. */
static int fail_bus(struct ctr_err *err, int result, const char *op, const char *target,
                    const sd_bus_error *error)
{
	const char *words = error && error->message ? error->message : "";

	return ctr_fail(err, -result, op, "%s%s%s", target, *words ? ": " : "", words);
}

static uint64_t left_until(uint64_t deadline)
{
	uint64_t now = now_usec();

	return now < deadline ? deadline - now : 1;
}

static int connect_to(const char *address, sd_bus **ret_bus)
{
	sd_bus *bus = NULL;
	int result = sd_bus_new(&bus);

	if (result >= 0)
		result = sd_bus_set_address(bus, address);
	if (result >= 0)
		result = sd_bus_start(bus);
	if (result < 0) {
		sd_bus_unref(bus);
		return result;
	}
	*ret_bus = bus;
	return 0;
}

/* Until the other end has said who it is: calls would wait for that without their own timeout. */
static int wait_ready(sd_bus *bus, uint64_t deadline)
{
	int ready;

	while ((ready = sd_bus_is_ready(bus)) == 0) {
		int done = sd_bus_process(bus, NULL);

		if (done < 0)
			return done;
		if (done > 0)
			continue;
		if (now_usec() >= deadline)
			return -ETIMEDOUT;
		done = sd_bus_wait(bus, left_until(deadline));
		if (done < 0 && done != -EINTR)
			return done;
	}
	return ready;
}

static int connect_user(sd_bus **ret_bus)
{
	const char *folder = getenv("XDG_RUNTIME_DIR");
	char address[ADDRESS_MAX];

	if (folder && *folder &&
	    (size_t)snprintf(address, sizeof(address), "unix:path=%s/systemd/private", folder) <
	            sizeof(address) &&
	    connect_to(address, ret_bus) == 0)
		return 0;
	return sd_bus_open_user(ret_bus);
}

static int connect_system(sd_bus **ret_bus)
{
	if (connect_to(PRIVATE_ADDRESS, ret_bus) == 0)
		return 0;
	return sd_bus_open_system(ret_bus);
}

int ctr_systemd_open(bool user, double timeout, struct ctr_systemd **ret_bus, struct ctr_err *err)
{
	uint64_t deadline = now_usec() + to_usec(timeout);
	struct ctr_systemd *bus = calloc(1, sizeof(*bus));
	int result;

	if (!bus)
		return ctr_fail(err, ENOMEM, "systemd", "connection");
	result = user ? connect_user(&bus->bus) : connect_system(&bus->bus);
	if (result >= 0)
		result = wait_ready(bus->bus, deadline);
	if (result < 0) {
		sd_bus_close_unref(bus->bus);
		free(bus);
		return fail_bus(err, result, "systemd", user ? "the user's manager" : "the manager",
		                NULL);
	}
	*ret_bus = bus;
	return 0;
}

void ctr_systemd_close(struct ctr_systemd *bus)
{
	if (!bus)
		return;
	sd_bus_close_unref(bus->bus); /* nothing is unsent: each call was answered, or given up */
	free(bus);
}

static int append_pairs(sd_bus_message *message, const struct ctr_unit_property *property)
{
	int result = sd_bus_message_open_container(message, 'a', "(ss)");

	for (size_t i = 0; result >= 0 && i + 1 < property->size; i += 2)
		result = sd_bus_message_append(message, "(ss)", property->texts[i],
		                               property->texts[i + 1]);
	return result < 0 ? result : sd_bus_message_close_container(message);
}

static int append_strings(sd_bus_message *message, const struct ctr_unit_property *property)
{
	int result = sd_bus_message_open_container(message, 'a', "s");

	for (size_t i = 0; result >= 0 && i < property->size; i++)
		result = sd_bus_message_append(message, "s", property->texts[i]);
	return result < 0 ? result : sd_bus_message_close_container(message);
}

static int append_number(sd_bus_message *message, const struct ctr_unit_property *property)
{
	uint64_t number = property->number;

	switch (property->type) {
	case CTR_UNIT_BYTE:
		return sd_bus_message_append(message, "y", (uint8_t)number);
	case CTR_UNIT_I16:
		return sd_bus_message_append(message, "n", (int16_t)number);
	case CTR_UNIT_U16:
		return sd_bus_message_append(message, "q", (uint16_t)number);
	case CTR_UNIT_I32:
		return sd_bus_message_append(message, "i", (int32_t)number);
	case CTR_UNIT_U32:
		return sd_bus_message_append(message, "u", (uint32_t)number);
	case CTR_UNIT_I64:
		return sd_bus_message_append(message, "x", (int64_t)number);
	case CTR_UNIT_DOUBLE:
		return sd_bus_message_append(message, "d", property->real);
	default:
		return -EINVAL;
	}
}

static int append_value(sd_bus_message *message, const struct ctr_unit_property *property)
{
	switch (property->type) {
	case CTR_UNIT_STRING:
		return sd_bus_message_append(message, "s", property->text);
	case CTR_UNIT_BOOL:
		return sd_bus_message_append(message, "b", property->number != 0);
	case CTR_UNIT_U64:
		return sd_bus_message_append(message, "t", property->number);
	case CTR_UNIT_STRINGS:
		return append_strings(message, property);
	case CTR_UNIT_PIDS:
		return sd_bus_message_append_array(message, 'u', property->numbers,
		                                   property->size * sizeof(*property->numbers));
	case CTR_UNIT_BYTES:
		return sd_bus_message_append_array(message, 'y', property->text, property->size);
	case CTR_UNIT_PAIRS:
		return append_pairs(message, property);
	default:
		return append_number(message, property);
	}
}

static int append_property(sd_bus_message *message, const struct ctr_unit_property *property)
{
	static const char *const signatures[] = { "s", "b", "t", "as", "au", "ay", "a(ss)",
	                                          "y", "n", "q", "i",  "u",  "x",  "d" };
	int result = sd_bus_message_open_container(message, 'r', "sv");

	if (result >= 0)
		result = sd_bus_message_append(message, "s", property->name);
	if (result >= 0)
		result = sd_bus_message_open_container(message, 'v', signatures[property->type]);
	if (result >= 0)
		result = append_value(message, property);
	if (result >= 0)
		result = sd_bus_message_close_container(message);
	return result < 0 ? result : sd_bus_message_close_container(message);
}

static int append_properties(sd_bus_message *message, const struct ctr_unit_property *properties,
                             size_t count)
{
	int result = sd_bus_message_open_container(message, 'a', "(sv)");

	for (size_t i = 0; result >= 0 && i < count; i++)
		result = append_property(message, &properties[i]);
	return result < 0 ? result : sd_bus_message_close_container(message);
}

/* JobRemoved(u id, o job, s unit, s result) */
static int on_job_removed(sd_bus_message *message, void *data, sd_bus_error *error)
{
	struct job *job = data;
	const char *path, *unit, *result;
	unsigned slot = job->count % 8;
	uint32_t id;

	(void)error;
	if (sd_bus_message_read(message, "uoss", &id, &path, &unit, &result) < 0)
		return 0;
	snprintf(job->removed[slot], JOB_MAX, "%s", path);
	snprintf(job->results[slot], RESULT_MAX, "%s", result);
	job->count++;
	return 0;
}

static const char *result_of(const struct job *job)
{
	for (unsigned i = 0; i < job->count && i < 8; i++) {
		if (strcmp(job->removed[i], job->path) == 0)
			return job->results[i];
	}
	return NULL;
}

static int wait_job(struct ctr_systemd *bus, const char *op, const char *unit, uint64_t deadline,
                    struct ctr_err *err)
{
	const char *result;

	while (!(result = result_of(&bus->job))) {
		int done = sd_bus_process(bus->bus, NULL);

		if (done < 0)
			return fail_bus(err, done, op, unit, NULL);
		if (done > 0)
			continue;
		if (now_usec() >= deadline)
			return ctr_fail(err, ETIMEDOUT, op, "%s (systemd does not finish)", unit);
		done = sd_bus_wait(bus->bus, left_until(deadline));
		if (done < 0 && done != -EINTR)
			return fail_bus(err, done, op, unit, NULL);
	}
	if (strcmp(result, "done") != 0)
		return ctr_fail(err, 0, op, "%s: the job ended as %s", unit, result);
	return 0;
}

/* Calls a method that makes a job, with a message that is complete, and waits for the job. */
static int run_job(struct ctr_systemd *bus, sd_bus_message *message, const char *op,
                   const char *unit, double timeout, struct ctr_err *err)
{
	uint64_t deadline = now_usec() + to_usec(timeout);
	auto_error sd_bus_error error = SD_BUS_ERROR_NULL;
	auto_message sd_bus_message *reply = NULL;
	auto_slot sd_bus_slot *slot = NULL;
	const char *path;
	int result;

	memset(&bus->job, 0, sizeof(bus->job));
	result = sd_bus_match_signal(bus->bus, &slot, NULL, MANAGER_PATH, MANAGER, "JobRemoved",
	                             on_job_removed, &bus->job);
	if (result < 0)
		return fail_bus(err, result, op, unit, NULL);
	/* Who is not subscribed hears nothing; who is already, is told so. */
	sd_bus_set_method_call_timeout(bus->bus, to_usec(timeout));
	sd_bus_call_method(bus->bus, DESTINATION, MANAGER_PATH, MANAGER, "Subscribe", NULL, NULL,
	                   NULL);
	result = sd_bus_call(bus->bus, message, left_until(deadline), &error, &reply);
	if (result < 0)
		return fail_bus(err, result, op, unit, &error);
	result = sd_bus_message_read(reply, "o", &path);
	if (result < 0)
		return fail_bus(err, result, op, unit, NULL);
	snprintf(bus->job.path, JOB_MAX, "%s", path);
	return wait_job(bus, op, unit, deadline, err);
}

static int new_call(struct ctr_systemd *bus, const char *method, sd_bus_message **ret_message)
{
	return sd_bus_message_new_method_call(bus->bus, ret_message, DESTINATION, MANAGER_PATH,
	                                      MANAGER, method);
}

int ctr_systemd_start(struct ctr_systemd *bus, const char *unit,
                      const struct ctr_unit_property *properties, size_t count, double timeout,
                      struct ctr_err *err)
{
	auto_message sd_bus_message *message = NULL;
	int result = new_call(bus, "StartTransientUnit", &message);

	if (result >= 0)
		result = sd_bus_message_append(message, "ss", unit, "fail");
	if (result >= 0)
		result = append_properties(message, properties, count);
	if (result >= 0)
		result = sd_bus_message_append(message, "a(sa(sv))", 0);
	if (result < 0)
		return fail_bus(err, result, "start", unit, NULL);
	return run_job(bus, message, "start", unit, timeout, err);
}

int ctr_systemd_stop(struct ctr_systemd *bus, const char *unit, double timeout,
                     struct ctr_err *err)
{
	auto_error sd_bus_error error = SD_BUS_ERROR_NULL;
	auto_message sd_bus_message *message = NULL;
	int result = new_call(bus, "StopUnit", &message);

	if (result >= 0)
		result = sd_bus_message_append(message, "ss", unit, "replace");
	if (result < 0)
		return fail_bus(err, result, "stop", unit, NULL);
	result = run_job(bus, message, "stop", unit, timeout, err);
	/* One that failed stays known until it is forgotten: its name could not be used again. */
	sd_bus_call_method(bus->bus, DESTINATION, MANAGER_PATH, MANAGER, "ResetFailedUnit", &error,
	                   NULL, "s", unit);
	if (result < 0 && (err->num == ENOENT || err->num == EBADR))
		return 0;
	return result;
}

int ctr_systemd_set(struct ctr_systemd *bus, const char *unit,
                    const struct ctr_unit_property *properties, size_t count, double timeout,
                    struct ctr_err *err)
{
	auto_error sd_bus_error error = SD_BUS_ERROR_NULL;
	auto_message sd_bus_message *message = NULL;
	int result = new_call(bus, "SetUnitProperties", &message);

	if (result >= 0)
		result = sd_bus_message_append(message, "sb", unit, 1);
	if (result >= 0)
		result = append_properties(message, properties, count);
	if (result >= 0)
		result = sd_bus_call(bus->bus, message, to_usec(timeout), &error, NULL);
	if (result < 0)
		return fail_bus(err, result, "set", unit, &error);
	return 0;
}

int ctr_systemd_attach(struct ctr_systemd *bus, const char *unit, const char *below,
                       const uint32_t *pids, size_t count, double timeout, struct ctr_err *err)
{
	auto_error sd_bus_error error = SD_BUS_ERROR_NULL;
	auto_message sd_bus_message *message = NULL;
	int result = new_call(bus, "AttachProcessesToUnit", &message);

	if (result >= 0)
		result = sd_bus_message_append(message, "ss", unit, below);
	if (result >= 0)
		result = sd_bus_message_append_array(message, 'u', pids, count * sizeof(*pids));
	if (result >= 0)
		result = sd_bus_call(bus->bus, message, to_usec(timeout), &error, NULL);
	if (result < 0)
		return fail_bus(err, result, "attach", unit, &error);
	return 0;
}

/* The object of a unit, by its name. */
static int unit_path(const char *unit, char **ret_path, struct ctr_err *err)
{
	int result = sd_bus_path_encode(MANAGER_PATH "/unit", unit, ret_path);

	return result < 0 ? fail_bus(err, result, "get", unit, NULL) : 0;
}

/* The interface of a unit's kind has its cgroup: "Scope" for "x.scope". */
static int unit_interface(const char *unit, char *ret_interface, size_t size)
{
	const char *dot = strrchr(unit, '.');

	if (!dot || !dot[1])
		return -1;
	snprintf(ret_interface, size, "%s.%c%s", DESTINATION, dot[1] - 'a' + 'A', dot + 2);
	return 0;
}

int ctr_systemd_get(struct ctr_systemd *bus, const char *unit, const char *name, double timeout,
                    char **ret_text, struct ctr_err *err)
{
	auto_error sd_bus_error error = SD_BUS_ERROR_NULL;
	auto_text char *path = NULL;
	char interface[64] = MANAGER;
	int result;

	if (unit && unit_path(unit, &path, err) < 0)
		return -1;
	if (unit && unit_interface(unit, interface, sizeof(interface)) < 0)
		return ctr_fail(err, EINVAL, "get", "%s (not a unit's name)", unit);
	sd_bus_set_method_call_timeout(bus->bus, to_usec(timeout));
	result = sd_bus_get_property_string(bus->bus, DESTINATION, path ? path : MANAGER_PATH,
	                                    interface, name, &error, ret_text);
	if (result < 0)
		return fail_bus(err, result, "get", name, &error);
	return 0;
}
