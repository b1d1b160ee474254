/* SPDX-License-Identifier: MIT */
#ifndef CTR_SYSTEMD_H
#define CTR_SYSTEMD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

/*
 * systemd's units over D-Bus (org.freedesktop.systemd1(5)). Every call has a
 * deadline; a failure is reported with systemd's own words.
 */

struct ctr_systemd; /* a connection */

/* What a property's value is; the D-Bus signature stands behind each. */
enum ctr_unit_type {
	CTR_UNIT_STRING,  /* s: text */
	CTR_UNIT_BOOL,    /* b: number */
	CTR_UNIT_U64,     /* t: number */
	CTR_UNIT_STRINGS, /* as: texts */
	CTR_UNIT_PIDS,    /* au: numbers */
	CTR_UNIT_BYTES,   /* ay: text, size bytes of it */
	CTR_UNIT_PAIRS,   /* a(ss): texts, two by two */
	CTR_UNIT_BYTE,    /* y: number */
	CTR_UNIT_I16,     /* n: number; below zero its bits, as for the others */
	CTR_UNIT_U16,     /* q: number */
	CTR_UNIT_I32,     /* i: number */
	CTR_UNIT_U32,     /* u: number */
	CTR_UNIT_I64,     /* x: number */
	CTR_UNIT_DOUBLE,  /* d: real */
};

struct ctr_unit_property {
	const char *name;
	enum ctr_unit_type type;
	uint64_t number;
	double real;
	const char *text;
	const char *const *texts;
	const uint32_t *numbers;
	size_t size; /* of text, texts or numbers */
};

/*
 * Connects: user says whose manager, the machine's or that of the calling
 * user. The manager's private socket comes first: it needs no message bus.
 * Waits until the manager, or the bus, answers.
 */
int ctr_systemd_open(bool user, double timeout, struct ctr_systemd **ret_bus, struct ctr_err *err);
void ctr_systemd_close(struct ctr_systemd *bus);

/* Starts a transient unit, and waits for its job. ret_result gets "done", "failed", … */
int ctr_systemd_start(struct ctr_systemd *bus, const char *unit,
                      const struct ctr_unit_property *properties, size_t count, double timeout,
                      struct ctr_err *err);
/* Stops a unit, and waits for the job; one that is not there is fine. */
int ctr_systemd_stop(struct ctr_systemd *bus, const char *unit, double timeout,
                     struct ctr_err *err);
/* Changes properties until the next boot. */
int ctr_systemd_set(struct ctr_systemd *bus, const char *unit,
                    const struct ctr_unit_property *properties, size_t count, double timeout,
                    struct ctr_err *err);
/* Moves processes into a unit's cgroup, or into one below it (systemd 238). */
int ctr_systemd_attach(struct ctr_systemd *bus, const char *unit, const char *below,
                       const uint32_t *pids, size_t count, double timeout, struct ctr_err *err);
/* Reads a string property of the manager (unit NULL) or of a unit. The caller frees it. */
int ctr_systemd_get(struct ctr_systemd *bus, const char *unit, const char *name, double timeout,
                    char **ret_text, struct ctr_err *err);

#endif
