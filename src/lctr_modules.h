/* SPDX-License-Identifier: MIT */
/* The bytecode of the library's Lua modules. The table is made when lctr is built (Makefile). */
#ifndef LCTR_MODULES_H
#define LCTR_MODULES_H

struct lctr_module {
	const char *name; /* as for require */
	const char *code; /* which says itself where it ends */
};

/* The last one has no name. */
extern const struct lctr_module lctr_modules[] __attribute__((visibility("hidden")));

#endif
