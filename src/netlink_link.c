/* SPDX-License-Identifier: MIT */
/* The links of a network namespace. */
#include "netlink.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>

#include "netlink_call.h"

_Static_assert(sizeof(struct ctr_link) <= CTR_ROW_MAX, "a row has room for a link");

static bool take_stats(const struct nlattr *attr, struct ctr_link_stats *ret_stats)
{
	struct rtnl_link_stats64 stats = { 0 };
	size_t size = mnl_attr_get_payload_len(attr);

	/* Kernels add to its end. */
	if (size < offsetof(struct rtnl_link_stats64, multicast))
		return false;
	memcpy(&stats, mnl_attr_get_payload(attr), size < sizeof(stats) ? size : sizeof(stats));
	*ret_stats = (struct ctr_link_stats){
		.rx_bytes = stats.rx_bytes,
		.rx_packets = stats.rx_packets,
		.rx_errors = stats.rx_errors,
		.rx_dropped = stats.rx_dropped,
		.tx_bytes = stats.tx_bytes,
		.tx_packets = stats.tx_packets,
		.tx_errors = stats.tx_errors,
		.tx_dropped = stats.tx_dropped,
	};
	return true;
}

static bool take_port(const struct nlattr *port, struct ctr_link *link)
{
	const struct nlattr *attr;
	uint8_t hairpin;

	mnl_attr_for_each_nested(attr, port) {
		if (mnl_attr_get_type(attr) != IFLA_BRPORT_MODE)
			continue;
		if (!ctr_attr_u8(attr, &hairpin))
			return false;
		link->has_hairpin = true;
		link->hairpin = hairpin != 0;
	}
	return true;
}

static bool take_info(const struct nlattr *info, struct ctr_link *link)
{
	const struct nlattr *attr, *port = NULL;
	char master[IFNAMSIZ] = "";

	mnl_attr_for_each_nested(attr, info) {
		switch (mnl_attr_get_type(attr)) {
		case IFLA_INFO_KIND:
			ctr_attr_text(attr, link->kind, sizeof(link->kind));
			break;
		case IFLA_INFO_SLAVE_KIND:
			ctr_attr_text(attr, master, sizeof(master));
			break;
		case IFLA_INFO_SLAVE_DATA:
			port = attr;
			break;
		default:
			break;
		}
	}
	return !port || strcmp(master, "bridge") != 0 || take_port(port, link);
}

static bool take_mac(const struct nlattr *attr, struct ctr_link *link)
{
	/* Other kinds of hardware have other sizes: those have no mac. */
	if (mnl_attr_get_payload_len(attr) == CTR_MAC_SIZE) {
		memcpy(link->mac, mnl_attr_get_payload(attr), CTR_MAC_SIZE);
		link->has_mac = true;
	}
	return true;
}

static bool take_attr(const struct nlattr *attr, struct ctr_link *link)
{
	switch (mnl_attr_get_type(attr)) {
	case IFLA_IFNAME:
		return ctr_attr_text(attr, link->name, sizeof(link->name));
	case IFLA_IFALIAS:
		return ctr_attr_text(attr, link->alias, sizeof(link->alias));
	case IFLA_ADDRESS:
		return take_mac(attr, link);
	case IFLA_MTU:
		return ctr_attr_u32(attr, &link->mtu);
	case IFLA_TXQLEN:
		return ctr_attr_u32(attr, &link->txqlen);
	case IFLA_MASTER:
		return ctr_attr_u32(attr, &link->master);
	case IFLA_LINK:
		return ctr_attr_u32(attr, &link->peer);
	case IFLA_OPERSTATE:
		return ctr_attr_u8(attr, &link->operstate);
	case IFLA_STATS64:
		return take_stats(attr, &link->stats);
	case IFLA_LINKINFO:
		return take_info(attr, link);
	default:
		return true;
	}
}

static int parse_link(const struct nlmsghdr *message, const void *filter, void *ret_row)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(message);
	struct ctr_link *link = ret_row;
	const struct nlattr *attr;

	(void)filter; /* there is none */
	if (mnl_nlmsg_get_payload_len(message) < sizeof(*info))
		return -1;
	link->index = info->ifi_index;
	link->flags = info->ifi_flags;
	mnl_attr_for_each(attr, message, sizeof(*info)) {
		if (!take_attr(attr, link))
			return -1;
	}
	return link->name[0] != '\0' ? 1 : -1;
}

int ctr_link_list(int fd, struct ctr_text *ret_rows, struct ctr_err *err)
{
	struct ctr_call call = {
		.fd = fd,
		.op = "links",
		.target = "",
		.answer = RTM_NEWLINK,
		.row_size = sizeof(struct ctr_link),
		.parse = parse_link,
		.rows = ret_rows,
		.dump = true,
	};
	struct ctr_request request;

	ctr_request_begin(&request, RTM_GETLINK, 0, sizeof(struct ifinfomsg));
	return ctr_call(&call, &request, err);
}

int ctr_link_get(int fd, int index, const char *name, struct ctr_link *ret_link,
		 struct ctr_err *err)
{
	struct ctr_text rows = { 0 };
	struct ctr_call call = {
		.fd = fd,
		.op = "link",
		.target = name,
		.answer = RTM_NEWLINK,
		.row_size = sizeof(struct ctr_link),
		.parse = parse_link,
		.rows = &rows,
	};
	struct ctr_request request;
	struct ifinfomsg *info;
	int result;

	info = ctr_request_begin(&request, RTM_GETLINK, 0, sizeof(*info));
	info->ifi_index = index;
	if (index == 0)
		mnl_attr_put_strz(ctr_request_header(&request), IFLA_IFNAME, name);
	result = ctr_call(&call, &request, err);
	if (result == 0 && rows.size != sizeof(*ret_link))
		result = ctr_fail(err, EBADMSG, call.op, "%s", name);
	if (result == 0)
		memcpy(ret_link, rows.data, sizeof(*ret_link));
	ctr_text_free(&rows);
	return result;
}

static void put_setup(struct nlmsghdr *header, struct ifinfomsg *info,
		      const struct ctr_link_setup *setup)
{
	if (setup->has_up) {
		info->ifi_change = IFF_UP;
		info->ifi_flags = setup->up ? IFF_UP : 0;
	}
	if (setup->name[0])
		mnl_attr_put_strz(header, IFLA_IFNAME, setup->name);
	if (setup->alias)
		mnl_attr_put_strz(header, IFLA_IFALIAS, setup->alias);
	if (setup->has_mac)
		mnl_attr_put(header, IFLA_ADDRESS, CTR_MAC_SIZE, setup->mac);
	if (setup->mtu)
		mnl_attr_put_u32(header, IFLA_MTU, setup->mtu);
	if (setup->has_txqlen)
		mnl_attr_put_u32(header, IFLA_TXQLEN, setup->txqlen);
	if (setup->rx_queues)
		mnl_attr_put_u32(header, IFLA_NUM_RX_QUEUES, setup->rx_queues);
	if (setup->tx_queues)
		mnl_attr_put_u32(header, IFLA_NUM_TX_QUEUES, setup->tx_queues);
	if (setup->has_master)
		mnl_attr_put_u32(header, IFLA_MASTER, setup->master);
	if (setup->netns >= 0)
		mnl_attr_put_u32(header, IFLA_NET_NS_FD, (uint32_t)setup->netns);
}

int ctr_link_add_veth(int fd, const struct ctr_link_setup *end, const struct ctr_link_setup *peer,
		      struct ctr_err *err)
{
	struct ctr_call call = { .fd = fd, .op = "add_veth", .target = end->name };
	struct ctr_request request;
	struct nlmsghdr *header = (struct nlmsghdr *)request.room;
	struct nlattr *info, *data, *other;
	struct ifinfomsg *part;

	part = ctr_request_begin(&request, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, sizeof(*part));
	put_setup(header, part, end);
	info = mnl_attr_nest_start(header, IFLA_LINKINFO);
	mnl_attr_put_strz(header, IFLA_INFO_KIND, "veth");
	data = mnl_attr_nest_start(header, IFLA_INFO_DATA);
	other = mnl_attr_nest_start(header, VETH_INFO_PEER);
	part = mnl_nlmsg_put_extra_header(header, sizeof(*part));
	put_setup(header, part, peer);
	mnl_attr_nest_end(header, other);
	mnl_attr_nest_end(header, data);
	mnl_attr_nest_end(header, info);
	return ctr_call(&call, &request, err);
}

int ctr_link_set(int fd, int index, const struct ctr_link_setup *setup, const char *what,
		 struct ctr_err *err)
{
	struct ctr_call call = { .fd = fd, .op = "set_link", .target = what };
	struct ctr_request request;
	struct ifinfomsg *info;

	info = ctr_request_begin(&request, RTM_SETLINK, 0, sizeof(*info));
	info->ifi_index = index;
	put_setup(ctr_request_header(&request), info, setup);
	return ctr_call(&call, &request, err);
}

int ctr_link_set_hairpin(int fd, int index, bool hairpin, const char *what, struct ctr_err *err)
{
	struct ctr_call call = { .fd = fd, .op = "set_hairpin", .target = what };
	struct ctr_request request;
	struct nlmsghdr *header = (struct nlmsghdr *)request.room;
	struct ifinfomsg *info;
	struct nlattr *port;

	info = ctr_request_begin(&request, RTM_SETLINK, 0, sizeof(*info));
	info->ifi_family = AF_BRIDGE;
	info->ifi_index = index;
	port = mnl_attr_nest_start(header, IFLA_PROTINFO);
	mnl_attr_put_u8(header, IFLA_BRPORT_MODE, hairpin);
	mnl_attr_nest_end(header, port);
	return ctr_call(&call, &request, err);
}

int ctr_link_delete(int fd, int index, const char *what, struct ctr_err *err)
{
	struct ctr_call call = { .fd = fd, .op = "delete_link", .target = what };
	struct ctr_request request;
	struct ifinfomsg *info;

	info = ctr_request_begin(&request, RTM_DELLINK, 0, sizeof(*info));
	info->ifi_index = index;
	return ctr_call(&call, &request, err);
}
