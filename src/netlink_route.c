/* SPDX-License-Identifier: MIT */
/* The routes of a network namespace. */
#include "netlink.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>

#include <linux/rtnetlink.h>

#include "netlink_call.h"

_Static_assert(sizeof(struct ctr_route) <= CTR_ROW_MAX, "a row has room for a route");

static bool take_attr(const struct nlattr *attr, int family, struct ctr_route *route)
{
	uint32_t index = 0;

	switch (mnl_attr_get_type(attr)) {
	case RTA_DST:
		return ctr_attr_ip(attr, family, &route->destination);
	case RTA_GATEWAY:
		return ctr_attr_ip(attr, family, &route->gateway);
	case RTA_PREFSRC:
		return ctr_attr_ip(attr, family, &route->source);
	case RTA_PRIORITY:
		return ctr_attr_u32(attr, &route->metric);
	case RTA_TABLE:
		return ctr_attr_u32(attr, &route->table);
	case RTA_OIF:
		if (!ctr_attr_u32(attr, &index))
			return false;
		route->index = (int)index;
		return true;
	default:
		return true;
	}
}

static int parse_route(const struct nlmsghdr *message, const void *filter, void *ret_row)
{
	const struct rtmsg *info = mnl_nlmsg_get_payload(message);
	const int *family = filter;
	struct ctr_route *route = ret_row;
	const struct nlattr *attr;

	if (mnl_nlmsg_get_payload_len(message) < sizeof(*info))
		return -1;
	if (info->rtm_family != AF_INET && info->rtm_family != AF_INET6)
		return 0;
	if (*family != 0 && info->rtm_family != *family)
		return 0;
	/* What the kernel keeps for single destinations is no route. */
	if (info->rtm_flags & RTM_F_CLONED)
		return 0;
	route->destination.family = info->rtm_family;
	route->prefix = info->rtm_dst_len;
	route->table = info->rtm_table;
	route->scope = info->rtm_scope;
	route->protocol = info->rtm_protocol;
	route->type = info->rtm_type;
	route->onlink = (info->rtm_flags & RTNH_F_ONLINK) != 0;
	mnl_attr_for_each(attr, message, sizeof(*info)) {
		if (!take_attr(attr, info->rtm_family, route))
			return -1;
	}
	return 1;
}

int ctr_route_list(int fd, int family, struct ctr_text *ret_rows, struct ctr_err *err)
{
	struct ctr_call call = {
		.fd = fd,
		.op = "routes",
		.target = "",
		.answer = RTM_NEWROUTE,
		.row_size = sizeof(struct ctr_route),
		.parse = parse_route,
		.filter = &family,
		.rows = ret_rows,
		.dump = true,
	};
	struct ctr_request request;
	struct rtmsg *info;

	info = ctr_request_begin(&request, RTM_GETROUTE, 0, sizeof(*info));
	info->rtm_family = (uint8_t)family;
	return ctr_call(&call, &request, err);
}

static void put_target(const struct ctr_route *route, char *ret_text, size_t size)
{
	char destination[INET6_ADDRSTRLEN], gateway[INET6_ADDRSTRLEN];
	const char *via = route->gateway.family ? " via " : "";

	ctr_ip_text(&route->destination, destination);
	gateway[0] = '\0';
	if (route->gateway.family)
		ctr_ip_text(&route->gateway, gateway);
	snprintf(ret_text, size, "%s/%u%s%s", destination, route->prefix, via, gateway);
}

static int change(int fd, const char *op, uint16_t type, uint16_t flags,
		  const struct ctr_route *route, struct ctr_err *err)
{
	char target[2 * INET6_ADDRSTRLEN + 16];
	struct ctr_call call = { .fd = fd, .op = op, .target = target };
	struct ctr_request request;
	struct nlmsghdr *header = (struct nlmsghdr *)request.room;
	struct rtmsg *info;

	put_target(route, target, sizeof(target));
	info = ctr_request_begin(&request, type, flags, sizeof(*info));
	info->rtm_family = (uint8_t)route->destination.family;
	info->rtm_dst_len = route->prefix;
	info->rtm_table = RT_TABLE_UNSPEC; /* said by an attribute */
	info->rtm_protocol = route->protocol;
	info->rtm_scope = route->scope;
	info->rtm_type = route->type;
	info->rtm_flags = route->onlink ? RTNH_F_ONLINK : 0;
	if (route->prefix > 0)
		ctr_put_ip(&request, RTA_DST, &route->destination);
	ctr_put_ip(&request, RTA_GATEWAY, &route->gateway);
	ctr_put_ip(&request, RTA_PREFSRC, &route->source);
	mnl_attr_put_u32(header, RTA_TABLE, route->table);
	if (route->index)
		mnl_attr_put_u32(header, RTA_OIF, (uint32_t)route->index);
	if (route->metric)
		mnl_attr_put_u32(header, RTA_PRIORITY, route->metric);
	return ctr_call(&call, &request, err);
}

int ctr_route_add(int fd, const struct ctr_route *route, struct ctr_err *err)
{
	return change(fd, "add_route", RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, route, err);
}

int ctr_route_delete(int fd, const struct ctr_route *route, struct ctr_err *err)
{
	return change(fd, "delete_route", RTM_DELROUTE, 0, route, err);
}
