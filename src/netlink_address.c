/* SPDX-License-Identifier: MIT */
/* The addresses of links. */
#include "netlink.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#include "netlink_call.h"

_Static_assert(sizeof(struct ctr_address) <= CTR_ROW_MAX, "a row has room for an address");

/* IFA_ADDRESS is the link's own address, but the other end's where IFA_LOCAL comes with it. */
struct found {
	struct ctr_ip address;
	struct ctr_ip local;
};

static bool take_attr(const struct nlattr *attr, int family, struct found *found,
		      struct ctr_address *address)
{
	switch (mnl_attr_get_type(attr)) {
	case IFA_ADDRESS:
		return ctr_attr_ip(attr, family, &found->address);
	case IFA_LOCAL:
		return ctr_attr_ip(attr, family, &found->local);
	case IFA_BROADCAST:
		return ctr_attr_ip(attr, family, &address->broadcast);
	case IFA_FLAGS:
		return ctr_attr_u32(attr, &address->flags);
	default:
		return true;
	}
}

static void settle(const struct found *found, struct ctr_address *address)
{
	address->address = found->local.family ? found->local : found->address;
	if (found->local.family &&
	    memcmp(found->local.bytes, found->address.bytes, CTR_IP_SIZE) != 0)
		address->peer = found->address;
}

static int parse_address(const struct nlmsghdr *message, const void *filter, void *ret_row)
{
	const struct ifaddrmsg *info = mnl_nlmsg_get_payload(message);
	const int *index = filter;
	struct ctr_address *address = ret_row;
	struct found found = { 0 };
	const struct nlattr *attr;

	if (mnl_nlmsg_get_payload_len(message) < sizeof(*info))
		return -1;
	if (info->ifa_family != AF_INET && info->ifa_family != AF_INET6)
		return 0;
	if (*index != 0 && (int)info->ifa_index != *index)
		return 0;
	address->index = (int)info->ifa_index;
	address->prefix = info->ifa_prefixlen;
	address->scope = info->ifa_scope;
	address->flags = info->ifa_flags;
	mnl_attr_for_each(attr, message, sizeof(*info)) {
		if (!take_attr(attr, info->ifa_family, &found, address))
			return -1;
	}
	settle(&found, address);
	return address->address.family ? 1 : -1;
}

int ctr_address_list(int fd, int index, struct ctr_text *ret_rows, struct ctr_err *err)
{
	struct ctr_call call = {
		.fd = fd,
		.op = "addresses",
		.target = "",
		.answer = RTM_NEWADDR,
		.row_size = sizeof(struct ctr_address),
		.parse = parse_address,
		.filter = &index,
		.rows = ret_rows,
		.dump = true,
	};
	struct ctr_request request;

	ctr_request_begin(&request, RTM_GETADDR, 0, sizeof(struct ifaddrmsg));
	return ctr_call(&call, &request, err);
}

static int change(int fd, const char *op, uint16_t type, uint16_t flags,
		  const struct ctr_address *address, struct ctr_err *err)
{
	char text[INET6_ADDRSTRLEN], target[INET6_ADDRSTRLEN + 8];
	struct ctr_call call = { .fd = fd, .op = op, .target = target };
	struct ctr_request request;
	struct ifaddrmsg *info;

	snprintf(target, sizeof(target), "%s/%u", ctr_ip_text(&address->address, text),
		 address->prefix);
	info = ctr_request_begin(&request, type, flags, sizeof(*info));
	info->ifa_family = (uint8_t)address->address.family;
	info->ifa_index = (uint32_t)address->index;
	info->ifa_prefixlen = address->prefix;
	info->ifa_scope = address->scope;
	ctr_put_ip(&request, IFA_LOCAL, &address->address);
	ctr_put_ip(&request, IFA_ADDRESS,
		   address->peer.family ? &address->peer : &address->address);
	ctr_put_ip(&request, IFA_BROADCAST, &address->broadcast);
	mnl_attr_put_u32(ctr_request_header(&request), IFA_FLAGS, address->flags);
	return ctr_call(&call, &request, err);
}

int ctr_address_add(int fd, const struct ctr_address *address, struct ctr_err *err)
{
	return change(fd, "add_address", RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, address, err);
}

int ctr_address_delete(int fd, const struct ctr_address *address, struct ctr_err *err)
{
	return change(fd, "delete_address", RTM_DELADDR, 0, address, err);
}
