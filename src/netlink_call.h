/* SPDX-License-Identifier: MIT */
#ifndef CTR_NETLINK_CALL_H
#define CTR_NETLINK_CALL_H

#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/netlink.h>

#include "err.h"
#include "netlink.h"
#include "text.h"

/* What the families of netlink requests share. */

/* More than the longest request has: names are short, and lists there are none. */
#define CTR_REQUEST_SIZE 1024
/* The kernel's dumps come in pieces of at most so much. */
#define CTR_ANSWER_SIZE 32768
#define CTR_ROW_MAX 512

struct ctr_request {
	_Alignas(struct nlmsghdr) char room[CTR_REQUEST_SIZE];
};

/* Begins a request whose fixed part has a size, all zero; returns the fixed part. */
void *ctr_request_begin(struct ctr_request *request, uint16_t type, uint16_t flags, size_t size);
static inline struct nlmsghdr *ctr_request_header(struct ctr_request *request)
{
	return (struct nlmsghdr *)request->room;
}

/* A request, and what becomes of its answers. */
struct ctr_call {
	int fd;
	const char *op; /* both for a failure */
	const char *target;
	uint16_t answer; /* the type of the answers that have rows */
	size_t row_size; /* at most CTR_ROW_MAX */
	/* Fills a row, all zero before: 1, 0 to leave it out, -1 where the message is malformed. */
	int (*parse)(const struct nlmsghdr *message, const void *filter, void *ret_row);
	const void *filter;
	struct ctr_text *rows; /* where they are added; NULL where there are none */
	bool dump;
};

/* Sends the request, and reads all that answers it. */
int ctr_call(const struct ctr_call *call, struct ctr_request *request, struct ctr_err *err);

/* An exchange that goes on. */
struct ctr_exchange {
	const struct ctr_call *call;
	uint32_t seq;
	bool interrupted; /* the dump has to be read again */
};

/*
 * Takes one datagram of the kernel's: 1 when the exchange is over, 0 when more
 * is to come. What answers another request is passed over.
 */
int ctr_exchange_take(struct ctr_exchange *exchange, const void *data, size_t size,
		      struct ctr_err *err);

/* What attributes hold, where they have room for it. */
bool ctr_attr_u8(const struct nlattr *attr, uint8_t *ret_value);
bool ctr_attr_u32(const struct nlattr *attr, uint32_t *ret_value);
/* A text is cut to the room that there is. */
bool ctr_attr_text(const struct nlattr *attr, char *ret_text, size_t size);
bool ctr_attr_ip(const struct nlattr *attr, int family, struct ctr_ip *ret_ip);

/* The size of a family's addresses. */
size_t ctr_ip_size(int family);
/* Adds an address; one of family 0 is left out. */
void ctr_put_ip(struct ctr_request *request, uint16_t type, const struct ctr_ip *ip);

#endif
