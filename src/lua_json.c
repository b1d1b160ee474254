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
#define INDENT_MAX 31
#define KEYS_FEW 16 /* more are rare, and sorted on the heap */

/* What was allocated; a throw of Lua leaves it to the collector. */
struct document {
	json_t *root;
	struct ctr_text text;
};

static int document_gc(lua_State *L)
{
	struct document *document = luaL_checkudata(L, 1, DOCUMENT);

	json_decref(document->root);
	ctr_text_free(&document->text);
	document->root = NULL;
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
 * Lua to JSON, written as the tables are walked: jansson would build a tree of
 * its own first, at five times the cost, and a state is written at each start.
 */
struct encoder {
	lua_State *L;
	struct ctr_text *text;
	int indent;
	int depth;
	struct ctr_err *err;
};

static int encode_fail(struct encoder *encoder, int num, const char *why)
{
	return ctr_fail(encoder->err, num, "json.encode", "(%s)", why);
}

static int add(struct encoder *encoder, const char *data, size_t size)
{
	if (ctr_text_add(encoder->text, data, size) < 0)
		return encode_fail(encoder, ENOMEM, "out of memory");
	return 0;
}

/* Begins a line at the depth of now, where there are lines. */
static int add_break(struct encoder *encoder)
{
	if (encoder->indent == 0)
		return 0;
	if (add(encoder, "\n", 1) < 0)
		return -1;
	for (int i = 0; i < encoder->depth * encoder->indent; i++) {
		if (add(encoder, " ", 1) < 0)
			return -1;
	}
	return 0;
}

static int encode_number(struct encoder *encoder)
{
	double number = lua_tonumber(encoder->L, -1);

	if (!isfinite(number))
		return encode_fail(encoder, EINVAL, "a number is not finite");
	if (ctr_json_add_number(encoder->text, number) < 0)
		return encode_fail(encoder, ENOMEM, "out of memory");
	return 0;
}

static int encode_string(struct encoder *encoder, int index)
{
	size_t length;
	const char *string = lua_tolstring(encoder->L, index, &length);

	if (ctr_json_add_string(encoder->text, string, length) == 0)
		return 0;
	if (errno == EILSEQ)
		return encode_fail(encoder, errno, "a string is not UTF-8");
	if (errno == EINVAL)
		return encode_fail(encoder, errno, "a string holds a NUL byte");
	return encode_fail(encoder, ENOMEM, "out of memory");
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

static int encode_value(struct encoder *encoder);

static int encode_items(struct encoder *encoder, size_t count)
{
	lua_State *L = encoder->L;

	for (size_t i = 1; i <= count; i++) {
		if ((i > 1 && add(encoder, ",", 1) < 0) || add_break(encoder) < 0)
			return -1;
		lua_rawgeti(L, -1, (int)i);
		if (encode_value(encoder) < 0)
			return -1;
		lua_pop(L, 1);
	}
	return 0;
}

/* Collects the first keys and counts all; they are the table's own strings, and live as long. */
static int collect_keys(struct encoder *encoder, int table, const char **keys, int room)
{
	lua_State *L = encoder->L;
	int count = 0;

	lua_pushnil(L);
	while (lua_next(L, table)) {
		lua_pop(L, 1);
		if (lua_type(L, -1) != LUA_TSTRING)
			return encode_fail(encoder, EINVAL, "a key is not a string");
		if (count < room)
			keys[count] = lua_tostring(L, -1);
		count++;
	}
	return count;
}

static int compare_keys(const void *left, const void *right)
{
	return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static int encode_field(struct encoder *encoder, int table, const char *key)
{
	lua_State *L = encoder->L;

	lua_pushstring(L, key);
	if (add_break(encoder) < 0 || encode_string(encoder, -1) < 0)
		return -1;
	if (add(encoder, ": ", encoder->indent > 0 ? 2 : 1) < 0)
		return -1;
	lua_rawget(L, table);
	if (encode_value(encoder) < 0)
		return -1;
	lua_pop(L, 1);
	return 0;
}

static int encode_fields(struct encoder *encoder)
{
	int table = lua_gettop(encoder->L);
	const char *few[KEYS_FEW], **keys = few;
	int count = collect_keys(encoder, table, keys, KEYS_FEW);

	if (count < 0)
		return -1;
	if (count > KEYS_FEW) {
		keys = lua_newuserdata(encoder->L, (size_t)count * sizeof(*keys));
		collect_keys(encoder, table, keys, count);
	}
	qsort(keys, (size_t)count, sizeof(*keys), compare_keys);
	for (int i = 0; i < count; i++) {
		if (i > 0 && add(encoder, ",", 1) < 0)
			return -1;
		if (encode_field(encoder, table, keys[i]) < 0)
			return -1;
	}
	lua_settop(encoder->L, table);
	return count;
}

static int encode_table(struct encoder *encoder)
{
	bool marked = is_marked(encoder->L);
	size_t count = 0;
	bool sequence = is_sequence(encoder->L, &count);
	int fields;

	if (marked && !sequence)
		return encode_fail(encoder, EINVAL, "an array has keys other than 1 to n");
	sequence = marked || (sequence && count > 0);
	if (add(encoder, sequence ? "[" : "{", 1) < 0)
		return -1;
	encoder->depth++;
	fields = sequence ? encode_items(encoder, count) : encode_fields(encoder);
	encoder->depth--;
	if (fields < 0 || (count + (size_t)fields > 0 && add_break(encoder) < 0))
		return -1;
	return add(encoder, sequence ? "]" : "}", 1);
}

/* Encodes the value on top of the stack, which stays there. */
static int encode_value(struct encoder *encoder)
{
	lua_State *L = encoder->L;

	switch (lua_type(L, -1)) {
	case LUA_TBOOLEAN:
		return lua_toboolean(L, -1) ? add(encoder, "true", 4) : add(encoder, "false", 5);
	case LUA_TNUMBER:
		return encode_number(encoder);
	case LUA_TSTRING:
		return encode_string(encoder, -1);
	case LUA_TLIGHTUSERDATA:
		if (lua_touserdata(L, -1) == NULL)
			return add(encoder, "null", 4);
		break;
	case LUA_TTABLE:
		/* A table that holds itself ends here, too. */
		if (encoder->depth == DEPTH_MAX)
			return encode_fail(encoder, ELOOP, "too deep");
		luaL_checkstack(L, 6, "json");
		return encode_table(encoder);
	}
	return ctr_fail(encoder->err, EINVAL, "json.encode", "(a %s has no JSON)",
			luaL_typename(L, -1));
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
	struct encoder encoder = { .L = L };
	struct ctr_err err;
	int64_t indent;

	luaL_checkany(L, 1);
	ctrL_check_options(L, 2, options);
	indent = ctrL_opt_int(L, 2, "indent", 0);
	luaL_argcheck(L, indent >= 0 && indent <= INDENT_MAX, 2, "option 'indent' is out of range");
	lua_settop(L, 2);
	encoder.indent = (int)indent;
	encoder.text = &new_document(L)->text;
	encoder.err = &err;
	lua_pushvalue(L, 1);
	if (encode_value(&encoder) < 0)
		return ctrL_push_err(L, &err);
	lua_pushlstring(L, encoder.text->data, encoder.text->size);
	ctr_text_free(encoder.text);
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

static const luaL_Reg json_functions[] = {
	{ "encode", l_encode },
	{ "decode", l_decode },
	{ "array", l_array },
	{ NULL, NULL },
};

void ctrL_open_json(lua_State *L)
{
	ctrL_new_class(L, DOCUMENT, document_class);
	/* Without __index: the mark must not look like one that stands in for a table's content. */
	luaL_newmetatable(L, ARRAY);
	lua_pop(L, 1);
	luaL_newlib(L, json_functions);
	lua_pushlightuserdata(L, NULL);
	lua_setfield(L, -2, "null");
	lua_setfield(L, -2, "json");
}
