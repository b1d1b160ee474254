/* SPDX-License-Identifier: MIT */
#ifndef CTR_NETLINK_H
#define CTR_NETLINK_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "text.h"

/*
 * rtnetlink(7): links, addresses and routes of the network namespace that a
 * socket was opened in, wherever its user is. The kernel wants CAP_NET_ADMIN
 * of who opened the socket and of who sends by it.
 *
 * A refusal carries the kernel's own words behind the target: "eth0 (Device
 * does not exist)". A list is rows of one struct in a ctr_text, which the
 * caller frees; it is whole: what changed while it was read is read again.
 */

#define CTR_MAC_SIZE 6
#define CTR_IP_SIZE 16
#define CTR_ALIAS_SIZE 256 /* IFALIASZ */

/* Opens a socket in the network namespace of the caller, or of netns unless that is -1. */
int ctr_netlink_open(int netns, struct ctr_err *err);
/* Prepares a socket that was opened elsewhere; EINVAL unless it is one of rtnetlink. */
int ctr_netlink_adopt(int fd, struct ctr_err *err);
/* Opens the network namespace that a socket stands for. */
int ctr_netlink_netns(int fd, struct ctr_err *err);

/* An address: family AF_INET or AF_INET6, or 0 for none. */
struct ctr_ip {
	int family;
	uint8_t bytes[CTR_IP_SIZE];
};

/* Reads "10.0.0.1" or "fd00::1"; false for anything else. */
bool ctr_ip_parse(const char *text, struct ctr_ip *ret_ip);
/* Writes the text of an address into room for INET6_ADDRSTRLEN bytes. */
const char *ctr_ip_text(const struct ctr_ip *ip, char *ret_text);

struct ctr_link_stats {
	uint64_t rx_bytes, rx_packets, rx_errors, rx_dropped;
	uint64_t tx_bytes, tx_packets, tx_errors, tx_dropped;
};

struct ctr_link {
	int index;
	unsigned flags; /* IFF_* */
	char name[IFNAMSIZ];
	char kind[IFNAMSIZ]; /* "veth", "bridge", or "" for a device of hardware */
	char alias[CTR_ALIAS_SIZE]; /* words for people, "" */
	bool has_mac;
	uint8_t mac[CTR_MAC_SIZE];
	uint32_t mtu;
	uint32_t txqlen;
	uint32_t master; /* the bridge's index, or 0 */
	uint32_t peer;   /* the other end's index, in its own namespace, or 0 */
	uint8_t operstate; /* IF_OPER_* */
	bool has_hairpin; /* it is a port of a bridge */
	bool hairpin;
	struct ctr_link_stats stats;
};

/* All links. */
int ctr_link_list(int fd, struct ctr_text *ret_rows, struct ctr_err *err);
/* One, by its index, or by its name where index is 0; ENODEV. */
int ctr_link_get(int fd, int index, const char *name, struct ctr_link *ret_link,
		 struct ctr_err *err);

/* What a link is to be; what is not set is left to the kernel, or as it is. */
struct ctr_link_setup {
	char name[IFNAMSIZ]; /* "" */
	const char *alias;   /* NULL; the kernel takes it only where a link is changed */
	bool has_mac;
	uint8_t mac[CTR_MAC_SIZE];
	uint32_t mtu; /* 0 */
	bool has_txqlen;
	uint32_t txqlen;
	bool has_master;
	uint32_t master; /* 0 takes it out of its bridge */
	int netns; /* -1 */
	bool has_up;
	bool up;
	uint32_t rx_queues; /* 0; both only where it is made */
	uint32_t tx_queues;
};

/* Makes a veth pair: each end with its name, in its namespace, at once. */
int ctr_link_add_veth(int fd, const struct ctr_link_setup *end, const struct ctr_link_setup *peer,
		      struct ctr_err *err);
/* Changes a link. what names it in a failure. */
int ctr_link_set(int fd, int index, const struct ctr_link_setup *setup, const char *what,
		 struct ctr_err *err);
/* Whether a port of a bridge gets its own frames back. */
int ctr_link_set_hairpin(int fd, int index, bool hairpin, const char *what, struct ctr_err *err);
int ctr_link_delete(int fd, int index, const char *what, struct ctr_err *err);

struct ctr_address {
	int index; /* the link's */
	struct ctr_ip address;
	struct ctr_ip peer; /* the other end of a point-to-point link */
	struct ctr_ip broadcast;
	uint8_t prefix;
	uint8_t scope; /* RT_SCOPE_* */
	uint32_t flags; /* IFA_F_* */
};

/* The addresses of a link, or of all where index is 0. */
int ctr_address_list(int fd, int index, struct ctr_text *ret_rows, struct ctr_err *err);
int ctr_address_add(int fd, const struct ctr_address *address, struct ctr_err *err);
int ctr_address_delete(int fd, const struct ctr_address *address, struct ctr_err *err);

struct ctr_route {
	struct ctr_ip destination; /* its family is the route's; all zero for the default route */
	uint8_t prefix;
	struct ctr_ip gateway;
	struct ctr_ip source; /* the address that packets get */
	int index; /* the link's, or 0 */
	uint32_t metric;
	uint32_t table;
	uint8_t scope;
	uint8_t protocol;
	uint8_t type; /* RTN_* */
	bool onlink; /* the gateway is on the link, whatever the addresses say */
};

/* The routes of a family, or of both where it is 0. */
int ctr_route_list(int fd, int family, struct ctr_text *ret_rows, struct ctr_err *err);
int ctr_route_add(int fd, const struct ctr_route *route, struct ctr_err *err);
int ctr_route_delete(int fd, const struct ctr_route *route, struct ctr_err *err);

#endif
