/* SPDX-License-Identifier: MIT */
/*
 * What LuaJIT loads C modules with, for the static lctr: it loads none. libc's own dlopen(3) would
 * bring a second libc into the process, of whatever version lies on the machine (-Wl,--wrap).
 */
#include <stddef.h>

void *__wrap_dlopen(const char *file, int mode);
void *__wrap_dlsym(void *handle, const char *name);
int __wrap_dlclose(void *handle);
char *__wrap_dlerror(void);

void *__wrap_dlopen(const char *file, int mode)
{
	(void)file;
	(void)mode;
	return NULL;
}

void *__wrap_dlsym(void *handle, const char *name)
{
	(void)handle;
	(void)name;
	return NULL;
}

int __wrap_dlclose(void *handle)
{
	(void)handle;
	return -1;
}

char *__wrap_dlerror(void)
{
	static char message[] = "a static program loads no C modules, and ctr/lctr was not found";

	return message;
}
