/* SPDX-License-Identifier: MIT */
/***
JSON, strictly.
@module ctr.core.json
*/
#include "lua_glue.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "json.h"

#define DEPTH_MAX 128
#define DOCUMENT "ctr.json.document"
#define ARRAY "ctr.json.array"
#define INDENT_MAX 31 /* jansson's */
#define DIGITS_LEAST 15 /* any decimal of so many digits survives a double */
#define DIGITS_MOST 17  /* any double survives so many digits */

/* What jansson allocated; a throw of Lua leaves it to the collector. */
struct document {
	json_t *root;
	char *text;
};

static int document_gc(lua_State *L)
{
	struct document *document = luaL_checkudata(L, 1, DOCUMENT);

	json_decref(document->root);
	free(document->text);
	*document = (struct document){ 0 };
	return 0;
}

static struct document *new_document(lua_State *L)
{
	struct document *document = lua_newuserdata(L, sizeof(*document));

	*document = (struct document){ 0 };
	luaL_getmetatable(L, DOCUMENT);
	lua_setmetatable(L, -2);
	return document;
}

/*
 * Lua to JSON. Every value is put in its container at once, so that the root
 * owns all of it whenever Lua throws.
 */
struct encoder {
	lua_State *L;
	struct document *document;
	int digits; /* what the reals need */
	int depth;
	struct ctr_err *err;
};

static int encode_fail(struct encoder *encoder, int num, const char *why)
{
	return ctr_fail(encoder->err, num, "json.encode", "(%s)", why);
}

/* Puts a value where it belongs, and owns it no longer. key is NULL in an array. */
static int put(struct encoder *encoder, json_t *container, const char *key, json_t *value)
{
	int result;

	if (!value)
		return encode_fail(encoder, ENOMEM, "out of memory");
	if (!container) {
		encoder->document->root = value;
		return 0;
	}
	if (key)
		result = json_object_set_new(container, key, value);
	else
		result = json_array_append_new(container, value);
	/* Of what can be wrong, the key's text is left: both have taken the value over. */
	return result < 0 ? encode_fail(encoder, EILSEQ, "a key is not UTF-8") : 0;
}

static int encode_number(struct encoder *encoder, json_t *container, const char *key)
{
	double number = lua_tonumber(encoder->L, -1);
	char text[32];

	if (!isfinite(number))
		return encode_fail(encoder, EINVAL, "a number is not finite");
	if (number == floor(number) && fabs(number) <= CTRL_EXACT_MAX)
		return put(encoder, container, key, json_integer((json_int_t)number));
	while (encoder->digits < DIGITS_MOST) {
		snprintf(text, sizeof(text), "%.*g", encoder->digits, number);
		if (strtod(text, NULL) == number)
			break;
		encoder->digits++;
	}
	return put(encoder, container, key, json_real(number));
}

static int encode_string(struct encoder *encoder, json_t *container, const char *key)
{
	size_t length;
	const char *text = lua_tolstring(encoder->L, -1, &length);
	json_t *value;

	if (strlen(text) != length)
		return encode_fail(encoder, EINVAL, "a string holds a NUL byte");
	value = json_stringn(text, length);
	if (!value)
		return encode_fail(encoder, EILSEQ, "a string is not UTF-8");
	return put(encoder, container, key, value);
}

/* Whether the table on top of the stack was marked by json.array. */
static bool is_marked(lua_State *L)
{
	bool marked;

	if (!lua_getmetatable(L, -1))
		return false;
	luaL_getmetatable(L, ARRAY);
	marked = lua_rawequal(L, -1, -2);
	lua_pop(L, 2);
	return marked;
}

/* Whether all keys of the table on top of the stack are 1 … n; ret_count is n then. */
static bool is_sequence(lua_State *L, size_t *ret_count)
{
	size_t length = lua_objlen(L, -1), count = 0;

	lua_pushnil(L);
	while (lua_next(L, -2)) {
		double key = lua_type(L, -2) == LUA_TNUMBER ? lua_tonumber(L, -2) : 0;

		lua_pop(L, 1);
		count++;
		if (!(key >= 1 && key <= (double)length) || key != floor(key)) {
			lua_pop(L, 1);
			return false;
		}
	}
	*ret_count = count;
	return count == length;
}

static int encode_value(struct encoder *encoder, json_t *container, const char *key);

static int encode_items(struct encoder *encoder, json_t *array, size_t count)
{
	lua_State *L = encoder->L;

	for (size_t i = 1; i <= count; i++) {
		lua_rawgeti(L, -1, (int)i);
		if (encode_value(encoder, array, NULL) < 0)
			return -1;
		lua_pop(L, 1);
	}
	return 0;
}

static int encode_fields(struct encoder *encoder, json_t *object)
{
	lua_State *L = encoder->L;

	lua_pushnil(L);
	while (lua_next(L, -2)) {
		const char *key;
		size_t length;

		if (lua_type(L, -2) != LUA_TSTRING)
			return encode_fail(encoder, EINVAL, "a key is not a string");
		key = lua_tolstring(L, -2, &length);
		if (strlen(key) != length)
			return encode_fail(encoder, EINVAL, "a key holds a NUL byte");
		if (encode_value(encoder, object, key) < 0)
			return -1;
		lua_pop(L, 1);
	}
	return 0;
}

static int encode_table(struct encoder *encoder, json_t *container, const char *key)
{
	bool marked = is_marked(encoder->L);
	size_t count = 0;
	bool sequence = is_sequence(encoder->L, &count);
	json_t *value;

	if (marked && !sequence)
		return encode_fail(encoder, EINVAL, "an array has keys other than 1 to n");
	sequence = marked || (sequence && count > 0);
	value = sequence ? json_array() : json_object();
	if (put(encoder, container, key, value) < 0)
		return -1;
	return sequence ? encode_items(encoder, value, count) : encode_fields(encoder, value);
}

/* Encodes the value on top of the stack, which stays there. */
static int encode_value(struct encoder *encoder, json_t *container, const char *key)
{
	lua_State *L = encoder->L;
	int result;

	switch (lua_type(L, -1)) {
	case LUA_TBOOLEAN:
		return put(encoder, container, key, json_boolean(lua_toboolean(L, -1)));
	case LUA_TNUMBER:
		return encode_number(encoder, container, key);
	case LUA_TSTRING:
		return encode_string(encoder, container, key);
	case LUA_TLIGHTUSERDATA:
		if (lua_touserdata(L, -1) == NULL)
			return put(encoder, container, key, json_null());
		break;
	case LUA_TTABLE:
		/* A table that holds itself ends here, too. */
		if (encoder->depth == DEPTH_MAX)
			return encode_fail(encoder, ELOOP, "too deep");
		luaL_checkstack(L, 6, "json");
		encoder->depth++;
		result = encode_table(encoder, container, key);
		encoder->depth--;
		return result;
	}
	return ctr_fail(encoder->err, EINVAL, "json.encode", "(a %s has no JSON)",
			luaL_typename(L, -1));
}

static size_t dump_flags(const struct encoder *encoder, int64_t indent)
{
	size_t flags = JSON_SORT_KEYS | JSON_ENCODE_ANY | JSON_REAL_PRECISION(encoder->digits);

	return flags | (indent > 0 ? JSON_INDENT((size_t)indent) : JSON_COMPACT);
}

/***
Writes a value as JSON, keys sorted. A table whose keys are 1 to n is an array, and so is an empty
one that `array` marked; any other is an object.
@function encode
@param value of tables, strings, numbers, booleans and `null`
@tparam[opt] table options `indent`: spaces per level, at most 31 (default: all on one line)
@treturn[1] string
@return[2] nil
@treturn[2] ctr.Error `SystemError`: `ELOOP` beyond a depth of 128, `EILSEQ` for what is not UTF-8,
`EINVAL` for what JSON has not
*/
static int l_encode(lua_State *L)
{
	static const char *const options[] = { "indent", NULL };
	struct encoder encoder = { .L = L, .digits = DIGITS_LEAST };
	struct ctr_err err;
	int64_t indent;

	luaL_checkany(L, 1);
	ctrL_check_options(L, 2, options);
	indent = ctrL_opt_int(L, 2, "indent", 0);
	luaL_argcheck(L, indent <= INDENT_MAX, 2, "option 'indent' is too large");
	lua_settop(L, 2);
	encoder.document = new_document(L);
	encoder.err = &err;
	lua_pushvalue(L, 1);
	if (encode_value(&encoder, NULL, NULL) < 0) {
		/* lua_next may have left keys: only what is pushed now counts. */
		return ctrL_push_err(L, &err);
	}
	encoder.document->text = json_dumps(encoder.document->root, dump_flags(&encoder, indent));
	if (!encoder.document->text) {
		ctr_fail(&err, ENOMEM, "json.encode", "%s", "");
		return ctrL_push_err(L, &err);
	}
	lua_pushstring(L, encoder.document->text);
	return 1;
}

/* JSON to Lua. */

static int push_value(lua_State *L, json_t *value, int depth, struct ctr_err *err);

static int push_array(lua_State *L, json_t *array, int depth, struct ctr_err *err)
{
	size_t index;
	json_t *item;

	lua_createtable(L, (int)json_array_size(array), 0);
	luaL_getmetatable(L, ARRAY);
	lua_setmetatable(L, -2);
	json_array_foreach(array, index, item) {
		if (push_value(L, item, depth + 1, err) < 0)
			return -1;
		lua_rawseti(L, -2, (int)index + 1);
	}
	return 0;
}

static int push_object(lua_State *L, json_t *object, int depth, struct ctr_err *err)
{
	const char *key;
	json_t *field;

	lua_createtable(L, 0, (int)json_object_size(object));
	json_object_foreach(object, key, field) {
		if (push_value(L, field, depth + 1, err) < 0)
			return -1;
		lua_setfield(L, -2, key);
	}
	return 0;
}

static int push_value(lua_State *L, json_t *value, int depth, struct ctr_err *err)
{
	if (depth > DEPTH_MAX)
		return ctr_fail(err, ELOOP, "json.decode", "(too deep)");
	luaL_checkstack(L, 4, "json");
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return push_object(L, value, depth, err);
	case JSON_ARRAY:
		return push_array(L, value, depth, err);
	case JSON_STRING:
		lua_pushlstring(L, json_string_value(value), json_string_length(value));
		break;
	case JSON_INTEGER:
		ctrL_push_i64(L, json_integer_value(value));
		break;
	case JSON_REAL:
		lua_pushnumber(L, json_real_value(value));
		break;
	case JSON_NULL:
		lua_pushlightuserdata(L, NULL);
		break;
	default:
		lua_pushboolean(L, json_is_true(value));
		break;
	}
	return 0;
}

static json_t *parse(lua_State *L, const char *text, size_t size, struct ctr_err *err)
{
	char *quoted = lua_newuserdata(L, ctr_json_quote_room(size));
	json_error_t problem;
	json_t *root;

	size = ctr_json_quote(text, size, quoted);
	root = json_loadb(quoted, size, JSON_REJECT_DUPLICATES, &problem);
	if (!root)
		ctr_fail(err, EBADMSG, "json.decode", "line %d column %d (%s)", problem.line,
			 problem.column, problem.text);
	return root;
}

/***
Reads a JSON document: an object or an array, and nothing behind it. Integers beyond 2^53 become
decimal strings, null becomes `null`, arrays are marked as by `array`.
@function decode
@tparam string text
@treturn[1] table
@return[2] nil
@treturn[2] ctr.Error `SystemError`: `EBADMSG` for what is no JSON, has a key twice, or a NUL in a
string; `ELOOP` beyond a depth of 128
*/
static int l_decode(lua_State *L)
{
	size_t size;
	const char *text = luaL_checklstring(L, 1, &size);
	struct document *document = new_document(L);
	struct ctr_err err;

	document->root = parse(L, text, size, &err);
	if (!document->root || push_value(L, document->root, 1, &err) < 0)
		return ctrL_push_err(L, &err);
	json_decref(document->root);
	document->root = NULL;
	return 1;
}

/***
Marks a table as an array, for when it is empty.
@function array
@tparam table table
@treturn table the same
*/
static int l_array(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 1);
	luaL_getmetatable(L, ARRAY);
	lua_setmetatable(L, 1);
	return 1;
}

static const luaL_Reg document_class[] = {
	{ "__gc", document_gc },
	{ NULL, NULL },
};

static const luaL_Reg array_class[] = {
	{ NULL, NULL },
};

static const luaL_Reg json_functions[] = {
	{ "encode", l_encode },
	{ "decode", l_decode },
	{ "array", l_array },
	{ NULL, NULL },
};

void ctrL_open_json(lua_State *L)
{
	ctrL_new_class(L, DOCUMENT, document_class);
	ctrL_new_class(L, ARRAY, array_class);
	luaL_newlib(L, json_functions);
	lua_pushlightuserdata(L, NULL);
	lua_setfield(L, -2, "null");
	lua_setfield(L, -2, "json");
}
