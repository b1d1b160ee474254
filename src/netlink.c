/* SPDX-License-Identifier: MIT */
#include "netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/rtnetlink.h>
#include <linux/sockios.h>

#include "auto.h"
#include "clone.h"
#include "netlink_call.h"

#define ATTEMPTS 32 /* at a dump that others' changes interrupt */

int ctr_netlink_adopt(int fd, struct ctr_err *err)
{
	static const int options[] = { NETLINK_EXT_ACK, NETLINK_CAP_ACK, NETLINK_GET_STRICT_CHK };
	int domain = 0, protocol = -1, on = 1;
	socklen_t size = sizeof(int);

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) < 0)
		return ctr_fail(err, errno, "getsockopt", "%d", fd);
	if (domain != AF_NETLINK || protocol != NETLINK_ROUTE)
		return ctr_fail(err, EINVAL, "adopt", "%d (not a socket of rtnetlink)", fd);
	/* What an old kernel does not know it does without: words, short answers, filters. */
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		setsockopt(fd, SOL_NETLINK, options[i], &on, sizeof(on));
	return 0;
}

/* What parent and child share while the parent waits: memory, and the table of descriptors. */
struct child {
	int netns;
	int socket;
	int num;
};

CTR_CHILD static void open_child(void *data)
{
	struct child *child = data;

	if (syscall(SYS_setns, child->netns, CLONE_NEWNET) < 0)
		child->num = errno;
	else
		child->socket = (int)syscall(SYS_socket, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC,
					     NETLINK_ROUTE);
	if (child->socket < 0 && child->num == 0)
		child->num = errno;
	for (;;)
		syscall(SYS_exit_group, 0);
}

/* By a child: a program that could not go back would stay in the other namespace. */
static int open_in(int netns, struct ctr_err *err)
{
	struct child child = { .netns = netns, .socket = -1 };
	int pidfd = -1;
	struct clone_args args = {
		.flags = CLONE_FILES | CLONE_PIDFD,
		.pidfd = (uintptr_t)&pidfd,
	};

	if (ctr_clone_vm(&args, open_child, &child) < 0)
		return ctr_fail(err, errno, "clone3", "network namespace");
	syscall(SYS_waitid, P_PIDFD, pidfd, NULL, WEXITED | __WALL, NULL);
	close(pidfd);
	if (child.socket < 0)
		return ctr_fail(err, child.num ? child.num : ECHILD, "setns", "network namespace");
	return child.socket;
}

int ctr_netlink_open(int netns, struct ctr_err *err)
{
	ctr_auto_fd int fd = -1;

	if (netns >= 0) {
		fd = open_in(netns, err);
		if (fd < 0)
			return -1;
	} else {
		fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
		if (fd < 0)
			return ctr_fail(err, errno, "socket", "rtnetlink");
	}
	if (ctr_netlink_adopt(fd, err) < 0)
		return -1;
	return ctr_take_fd(&fd);
}

int ctr_netlink_netns(int fd, struct ctr_err *err)
{
	int netns = ioctl(fd, SIOCGSKNS);

	if (netns < 0)
		return ctr_fail(err, errno, "SIOCGSKNS", "%d", fd);
	fcntl(netns, F_SETFD, FD_CLOEXEC); /* as the kernel made it */
	return netns;
}

bool ctr_ip_parse(const char *text, struct ctr_ip *ret_ip)
{
	struct ctr_ip ip = { .family = strchr(text, ':') ? AF_INET6 : AF_INET };

	if (inet_pton(ip.family, text, ip.bytes) != 1)
		return false;
	*ret_ip = ip;
	return true;
}

const char *ctr_ip_text(const struct ctr_ip *ip, char *ret_text)
{
	if (!inet_ntop(ip->family, ip->bytes, ret_text, INET6_ADDRSTRLEN))
		*ret_text = '\0';
	return ret_text;
}

size_t ctr_ip_size(int family)
{
	return family == AF_INET6 ? 16 : 4;
}

void *ctr_request_begin(struct ctr_request *request, uint16_t type, uint16_t flags, size_t size)
{
	struct nlmsghdr *header;

	memset(request, 0, sizeof(*request));
	header = mnl_nlmsg_put_header(request->room);
	header->nlmsg_type = type;
	header->nlmsg_flags = NLM_F_REQUEST | flags;
	return mnl_nlmsg_put_extra_header(header, size);
}

void ctr_put_ip(struct ctr_request *request, uint16_t type, const struct ctr_ip *ip)
{
	if (ip->family)
		mnl_attr_put(ctr_request_header(request), type, ctr_ip_size(ip->family), ip->bytes);
}

bool ctr_attr_u8(const struct nlattr *attr, uint8_t *ret_value)
{
	if (mnl_attr_get_payload_len(attr) < sizeof(*ret_value))
		return false;
	memcpy(ret_value, mnl_attr_get_payload(attr), sizeof(*ret_value));
	return true;
}

bool ctr_attr_u32(const struct nlattr *attr, uint32_t *ret_value)
{
	if (mnl_attr_get_payload_len(attr) < sizeof(*ret_value))
		return false;
	memcpy(ret_value, mnl_attr_get_payload(attr), sizeof(*ret_value));
	return true;
}

bool ctr_attr_text(const struct nlattr *attr, char *ret_text, size_t size)
{
	const char *text = mnl_attr_get_payload(attr);
	size_t length = strnlen(text, mnl_attr_get_payload_len(attr));

	if (length >= size)
		length = size - 1;
	memcpy(ret_text, text, length);
	ret_text[length] = '\0';
	return true;
}

bool ctr_attr_ip(const struct nlattr *attr, int family, struct ctr_ip *ret_ip)
{
	size_t size = ctr_ip_size(family);

	if (mnl_attr_get_payload_len(attr) < size)
		return false;
	ret_ip->family = family;
	memcpy(ret_ip->bytes, mnl_attr_get_payload(attr), size);
	return true;
}

/* The kernel's own words about a refusal, printable; "" where there are none. */
static void take_words(const struct nlmsghdr *message, const struct nlmsgerr *failure,
		       char *ret_words, size_t size)
{
	size_t skipped = sizeof(*failure);
	const struct nlattr *attr;

	ret_words[0] = '\0';
	if (!(message->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	/* What was refused is repeated, unless the flag says that only its header is. */
	if (!(message->nlmsg_flags & NLM_F_CAPPED) && failure->msg.nlmsg_len > NLMSG_HDRLEN)
		skipped += failure->msg.nlmsg_len - NLMSG_HDRLEN;
	if (skipped >= mnl_nlmsg_get_payload_len(message))
		return;
	mnl_attr_for_each(attr, message, skipped) {
		if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_MSG)
			ctr_attr_text(attr, ret_words, size);
	}
	for (char *at = ret_words; *at; at++) {
		if (*at < ' ' || *at > '~')
			*at = '?';
	}
}

static int take_error(const struct ctr_call *call, const struct nlmsghdr *message,
		      struct ctr_err *err)
{
	const struct nlmsgerr *failure = mnl_nlmsg_get_payload(message);
	char words[128];

	if (mnl_nlmsg_get_payload_len(message) < sizeof(*failure))
		return ctr_fail(err, EBADMSG, call->op, "%s", call->target);
	if (failure->error == 0)
		return 1;
	take_words(message, failure, words, sizeof(words));
	if (words[0])
		return ctr_fail(err, -failure->error, call->op, "%s (%s)", call->target, words);
	return ctr_fail(err, -failure->error, call->op, "%s", call->target);
}

/* The end of a dump may tell that it failed. */
static int take_done(const struct ctr_call *call, const struct nlmsghdr *message,
		     struct ctr_err *err)
{
	int result = 0;

	if (mnl_nlmsg_get_payload_len(message) >= sizeof(result))
		memcpy(&result, mnl_nlmsg_get_payload(message), sizeof(result));
	if (result < 0)
		return ctr_fail(err, -result, call->op, "%s", call->target);
	return 1;
}

static int take_row(const struct ctr_call *call, const struct nlmsghdr *message,
		    struct ctr_err *err)
{
	_Alignas(16) char row[CTR_ROW_MAX] = { 0 };
	int parsed;

	if (!call->rows || message->nlmsg_type != call->answer)
		return 0;
	parsed = call->parse(message, call->filter, row);
	if (parsed < 0)
		return ctr_fail(err, EBADMSG, call->op, "%s", call->target);
	if (parsed > 0 && ctr_text_add(call->rows, row, call->row_size) < 0)
		return ctr_fail(err, errno, call->op, "%s", call->target);
	return 0;
}

static int take_message(struct ctr_exchange *exchange, const struct nlmsghdr *message,
			struct ctr_err *err)
{
	const struct ctr_call *call = exchange->call;

	if (message->nlmsg_seq != exchange->seq)
		return 0;
	if (message->nlmsg_flags & NLM_F_DUMP_INTR)
		exchange->interrupted = true;
	switch (message->nlmsg_type) {
	case NLMSG_NOOP:
		return 0;
	case NLMSG_ERROR:
		return take_error(call, message, err);
	case NLMSG_DONE:
		return take_done(call, message, err);
	case NLMSG_OVERRUN:
		return ctr_fail(err, EOVERFLOW, call->op, "%s", call->target);
	default:
		return take_row(call, message, err);
	}
}

/* Whether a whole message lies there. libmnl's own check takes lengths for signed numbers. */
static bool is_whole(const struct nlmsghdr *message, size_t left)
{
	return left >= sizeof(*message) && message->nlmsg_len >= sizeof(*message) &&
	       message->nlmsg_len <= left;
}

int ctr_exchange_take(struct ctr_exchange *exchange, const void *data, size_t size,
		      struct ctr_err *err)
{
	const char *at = data;
	size_t left = size;

	while (is_whole((const struct nlmsghdr *)at, left)) {
		const struct nlmsghdr *message = (const struct nlmsghdr *)at;
		size_t step = NLMSG_ALIGN((size_t)message->nlmsg_len);
		int taken = take_message(exchange, message, err);

		if (taken != 0)
			return taken;
		if (step >= left)
			return 0;
		at += step;
		left -= step;
	}
	if (left > 0)
		return ctr_fail(err, EBADMSG, exchange->call->op, "%s", exchange->call->target);
	return 0;
}

static int send_request(const struct ctr_call *call, const struct nlmsghdr *header,
			struct ctr_err *err)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	ssize_t sent;

	do {
		sent = sendto(call->fd, header, header->nlmsg_len, 0, (struct sockaddr *)&kernel,
			      sizeof(kernel));
	} while (sent < 0 && errno == EINTR);
	if (sent < 0)
		return ctr_fail(err, errno, call->op, "%s", call->target);
	return 0;
}

/*
 * The kernel has answered when the request is sent, and goes on with a dump as
 * it is read: there is nothing to wait for. Who else sends is not the kernel.
 */
static int read_datagram(const struct ctr_call *call, void *data, size_t size, size_t *ret_size,
			 struct ctr_err *err)
{
	struct sockaddr_nl from = { 0 };
	struct iovec iov = { .iov_base = data, .iov_len = size };
	struct msghdr message = {
		.msg_name = &from,
		.msg_namelen = sizeof(from),
		.msg_iov = &iov,
		.msg_iovlen = 1,
	};
	ssize_t got;

	do {
		got = recvmsg(call->fd, &message, MSG_DONTWAIT);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return ctr_fail(err, errno, call->op, "%s", call->target);
	if (message.msg_flags & MSG_TRUNC)
		return ctr_fail(err, EMSGSIZE, call->op, "%s", call->target);
	*ret_size = from.nl_pid == 0 ? (size_t)got : 0;
	return 0;
}

static int exchange_once(struct ctr_exchange *exchange, const struct nlmsghdr *header,
			 struct ctr_err *err)
{
	_Alignas(struct nlmsghdr) char answer[CTR_ANSWER_SIZE];
	int taken = 0;

	if (send_request(exchange->call, header, err) < 0)
		return -1;
	while (taken == 0) {
		size_t size = 0;

		if (read_datagram(exchange->call, answer, sizeof(answer), &size, err) < 0)
			return -1;
		taken = ctr_exchange_take(exchange, answer, size, err);
	}
	return taken;
}

int ctr_call(const struct ctr_call *call, struct ctr_request *request, struct ctr_err *err)
{
	/* No two requests of a program have one number: an old answer is not taken for a new one. */
	static atomic_uint last_seq;
	struct nlmsghdr *header = ctr_request_header(request);

	header->nlmsg_flags |= call->dump ? NLM_F_DUMP : NLM_F_ACK;
	for (int i = 0; i < ATTEMPTS; i++) {
		struct ctr_exchange exchange = { .call = call };

		exchange.seq = header->nlmsg_seq = atomic_fetch_add(&last_seq, 1) + 1;
		if (call->rows)
			call->rows->size = 0;
		if (exchange_once(&exchange, header, err) < 0)
			return -1;
		if (!exchange.interrupted)
			return 0;
	}
	return ctr_fail(err, EINTR, call->op, "%s (it changes all the time)", call->target);
}
