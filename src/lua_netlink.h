/* SPDX-License-Identifier: MIT */
#ifndef CTR_LUA_NETLINK_H
#define CTR_LUA_NETLINK_H

#include "lua_glue.h"
#include "netlink.h"

/* What the files of the binding to netlink share. All of it may throw. */

/* Pushes an owner of rows. */
struct ctr_text *ctrL_push_rows(lua_State *L);
/* Pushes a list of what push makes of each row, and frees the rows. */
int ctrL_push_list(lua_State *L, struct ctr_text *rows, size_t size,
		   void (*push)(lua_State *L, const void *row));
/* Sets field key of the table on top of the stack to the words of bits. */
void ctrL_set_flags(lua_State *L, const char *key, uint64_t bits, const struct ctrL_name *names);
/* Sets field key of the table on top of the stack. */
void ctrL_set_number(lua_State *L, const char *key, uint64_t value);
/* The index of a link. */
int ctrL_check_index(lua_State *L, int arg);

/* Sets a field to the text of an address; one of family 0 is left out. */
void ctrL_set_ip(lua_State *L, const char *key, const struct ctr_ip *ip);
/* Reads the address in a field; family 0 where it is left out. */
void ctrL_opt_ip(lua_State *L, int arg, const char *key, struct ctr_ip *ret_ip);
/* Reads the length of a prefix of a family's addresses. */
uint8_t ctrL_opt_prefix(lua_State *L, int arg, int family);
/* The words of RT_SCOPE_*. */
extern const struct ctrL_name ctrL_scopes[];
/* Sets a field to the word of a value, or to the number where it has none. */
void ctrL_set_word(lua_State *L, const char *key, uint64_t value, const struct ctrL_name *names);

/* Add their functions to the table on top of the stack. */
void ctrL_add_netlink_addresses(lua_State *L);
void ctrL_add_netlink_routes(lua_State *L);

#endif
