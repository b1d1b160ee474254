/* SPDX-License-Identifier: MIT */
/*
 * Feeds what reads the kernel's answers with any bytes: sendto(2) and
 * recvmsg(2) are this file's. With libFuzzer:
 *
 *   clang -g -fsanitize=fuzzer,address,undefined -D_GNU_SOURCE -iquote src \
 *       fuzz/netlink_fuzz.c src/netlink*.c src/clone.c src/err.c src/text.c -lmnl -o netlink_fuzz
 *   ./netlink_fuzz fuzz/corpus/netlink
 *
 * Without it: with replay.c.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/netlink.h>

#include "netlink.h"

#define RECORDED_SEQ 7 /* of the requests that the corpus answers */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t *answer;
static size_t answer_size;
static uint32_t seq;

static void require(int holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "netlink_fuzz: %s\n", what);
	abort();
}

ssize_t sendto(int fd, const void *data, size_t size, int flags, __CONST_SOCKADDR_ARG to,
	       socklen_t to_size)
{
	(void)fd;
	(void)flags;
	(void)to;
	(void)to_size;
	require(size >= sizeof(struct nlmsghdr), "a request without a header");
	seq = ((const struct nlmsghdr *)data)->nlmsg_seq;
	return (ssize_t)size;
}

/* What was recorded answers the request of now. */
static void renumber(uint8_t *data, size_t size)
{
	size_t at = 0;

	while (size - at >= sizeof(struct nlmsghdr)) {
		struct nlmsghdr header;

		memcpy(&header, data + at, sizeof(header));
		if (header.nlmsg_seq == RECORDED_SEQ)
			memcpy(data + at + offsetof(struct nlmsghdr, nlmsg_seq), &seq, sizeof(seq));
		if (header.nlmsg_len < sizeof(header) || header.nlmsg_len > size - at)
			return;
		at += NLMSG_ALIGN(header.nlmsg_len);
		if (at > size)
			return;
	}
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
	size_t size = answer_size;

	(void)fd;
	(void)flags;
	if (!answer) {
		errno = EAGAIN;
		return -1;
	}
	require(size <= message->msg_iov->iov_len, "too long an answer");
	memcpy(message->msg_iov->iov_base, answer, size);
	renumber(message->msg_iov->iov_base, size);
	message->msg_flags = 0;
	answer = NULL; /* there is no second one */
	return (ssize_t)size;
}

static void check(int result, const struct ctr_err *err)
{
	require(result == 0 || (err->num != 0 && err->op[0]), "a failure that says nothing");
}

static void check_links(struct ctr_text *rows)
{
	const struct ctr_link *link = (const void *)rows->data;

	for (size_t i = 0; i < rows->size / sizeof(*link); i++) {
		require(memchr(link[i].name, '\0', sizeof(link[i].name)) != NULL, "a name");
		require(memchr(link[i].kind, '\0', sizeof(link[i].kind)) != NULL, "a kind");
		require(memchr(link[i].alias, '\0', sizeof(link[i].alias)) != NULL, "an alias");
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ctr_link_setup setup = { .netns = -1 };
	struct ctr_text rows = { 0 };
	struct ctr_link link;
	struct ctr_err err;

	if (size > 32768)
		return 0;
	answer_size = size;
	answer = data;
	check(ctr_link_list(0, &rows, &err), &err);
	check_links(&rows);
	answer = data;
	check(ctr_link_get(0, 1, "", &link, &err), &err);
	answer = data;
	check(ctr_address_list(0, 0, &rows, &err), &err);
	answer = data;
	check(ctr_route_list(0, 0, &rows, &err), &err);
	answer = data;
	check(ctr_link_set(0, 1, &setup, "", &err), &err);
	ctr_text_free(&rows);
	return 0;
}
