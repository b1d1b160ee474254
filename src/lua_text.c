/* SPDX-License-Identifier: MIT */
/***
Bytes.
@module ctr.core.text
*/
#include "lua_glue.h"

#include <inttypes.h>
#include <stdio.h>

#define FNV_BASIS 0xcbf29ce484222325ULL
#define FNV_PRIME 0x100000001b3ULL

/***
A sum that tells damaged bytes from whole ones (FNV-1a, 64 bits). Against whoever means to deceive
it is no help.
@function checksum
@tparam string text
@treturn string 16 hexadecimal digits
*/
static int l_checksum(lua_State *L)
{
	uint64_t hash = FNV_BASIS;
	char digits[17];
	size_t size;
	const char *text = luaL_checklstring(L, 1, &size);

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ (unsigned char)text[i]) * FNV_PRIME;
	snprintf(digits, sizeof(digits), "%016" PRIx64, hash);
	lua_pushstring(L, digits);
	return 1;
}

static const luaL_Reg text_functions[] = {
	{ "checksum", l_checksum },
	{ NULL, NULL },
};

void ctrL_open_text(lua_State *L)
{
	luaL_newlib(L, text_functions);
	lua_setfield(L, -2, "text");
}
