# SPDX-License-Identifier: MIT
#
#   make run     install what is needed, build, and run examples/hello.lua
#   make test    install what is needed, build, lint, and run every spec
#   make help    the other targets

MUSL_CC ?= musl-gcc
PKG_CONFIG ?= pkg-config
OBJCOPY ?= objcopy
comma := ,
LUAJIT ?= luajit
INSTALL ?= install
CFLAGS ?= -O2 -g
LDFLAGS ?=
BUILD ?= build
PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
MANDIR ?= $(PREFIX)/share/man
# Where the shells look for completion, below $(PREFIX)/share.
DATADIR ?= $(PREFIX)/share
COMPLETIONS := bash:bash-completion/completions/lctr zsh:zsh/site-functions/_lctr \
	fish:fish/vendor_completions.d/lctr.fish
LUADIR ?= $(PREFIX)/share/lua/5.1
LIBDIR ?= $(PREFIX)/lib/lua/5.1

.DELETE_ON_ERROR:
.SUFFIXES:

.PHONY: all core modules lctr
all: core lctr
core: $(BUILD)/ctr/core.so $(BUILD)/ctr/ctr-init modules
lctr: $(BUILD)/lctr $(BUILD)/ctr/lctr

# --- flags -------------------------------------------------------------------

WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wwrite-strings
ifeq ($(WERROR),1)
WARNINGS += -Werror
endif
HARDENING := -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
LINK_HARDENING := -Wl,-z,relro,-z,now,-z,noexecstack

# Asked once, and only when something is compiled: `make deps` runs before pkg-config is there.
once = $(eval $(1) := $(shell $(2)))$($(1))
lib_cflags = $(call once,lib_cflags,$(PKG_CONFIG) --cflags luajit libcap jansson)
lib_libs = $(call once,lib_libs,$(PKG_CONFIG) --libs libcap jansson)
lib_dirs = $(call once,lib_dirs,$(foreach lib,libcap jansson libseccomp,$(PKG_CONFIG) --variable=libdir $(lib);))
luajit_dir = $(call once,luajit_dir,$(PKG_CONFIG) --variable=libdir luajit)
multiarch = $(call once,multiarch,$(CC) -print-multiarch)

# LuaJIT throws through the core's frames: -funwind-tables.
CORE_CFLAGS = -std=gnu11 -D_GNU_SOURCE -fPIC -fvisibility=hidden -funwind-tables $(WARNINGS) \
	$(HARDENING) $(lib_cflags) $(launcher_defines) $(CPPFLAGS) $(CFLAGS)

# Not CFLAGS: its size is part of what a start costs. musl brings no kernel headers; the machine's
# come after its own.
INIT_CFLAGS = -std=gnu11 -D_GNU_SOURCE -iquote src -Os -ffunction-sections -fdata-sections \
	-fstack-protector-strong $(WARNINGS) \
	-idirafter /usr/include -idirafter /usr/include/$(multiarch)
INIT_LDFLAGS = -static -Wl,--gc-sections $(LINK_HARDENING) -s

# --- the core and the bootstrap ----------------------------------------------

# A module of its own is what needs a library that most starts do without: src/<name>*.c and
# src/lua_<name>*.c become ctr/core/<name>.so, which links the library, what bindings share, and
# the core's own files that <name>_SHARED names.
MODULES := seccomp netlink systemd edit
seccomp_LIBRARY := libseccomp
netlink_LIBRARY := libmnl
netlink_SHARED := src/clone.c
systemd_LIBRARY := libsystemd
edit_LIBRARY := libedit
GLUE_SOURCES := src/lua_glue.c src/lua_handle.c src/lua_options.c src/err.c src/fd.c \
	src/interrupt.c src/text.c
module_sources = $(wildcard src/$(1).c src/$(1)_*.c src/lua_$(1).c src/lua_$(1)_*.c)
MODULE_SOURCES := $(foreach name,$(MODULES),$(call module_sources,$(name)))
BUILT_MODULES := $(foreach name,$(MODULES),$(if $(call module_sources,$(name)),$(name)))
modules: $(BUILT_MODULES:%=$(BUILD)/ctr/core/%.so)

# The modules that lctr holds as well, with their libraries.
HELD_MODULES := seccomp
held_libs = $(call once,held_libs,$(PKG_CONFIG) --libs $(foreach name,$(HELD_MODULES),$($(name)_LIBRARY)))
HELD_OBJECTS = $(foreach name,$(HELD_MODULES),$(patsubst %.c,$(BUILD)/obj/%.o,$(call module_sources,$(name))))

LAUNCHER_SOURCES := src/lctr.c src/lctr_heap.c
STATIC_SOURCES := src/lctr_static.c
CORE_SOURCES := $(filter-out $(LAUNCHER_SOURCES) $(STATIC_SOURCES) $(MODULE_SOURCES),$(wildcard src/*.c))
CORE_OBJECTS := $(CORE_SOURCES:%.c=$(BUILD)/obj/%.o)
MODULE_OBJECTS := $(MODULE_SOURCES:%.c=$(BUILD)/obj/%.o)
INIT_SOURCES := $(wildcard bootstrap/*.c) src/err.c src/path.c src/mount.c src/wire.c
INIT_OBJECTS := $(INIT_SOURCES:%.c=$(BUILD)/obj/init/%.o)

$(BUILD)/ctr/core.so: $(CORE_OBJECTS)
	@mkdir -p $(@D)
	$(CC) -shared $(LINK_HARDENING) $(LDFLAGS) -o $@ $^ $(lib_libs)

define module_rule
$(BUILD)/ctr/core/$(1).so: $(patsubst %.c,$(BUILD)/obj/%.o,$(call module_sources,$(1)) $($(1)_SHARED) $(GLUE_SOURCES))
	@mkdir -p $$(@D)
	$$(CC) -shared $$(LINK_HARDENING) $$(LDFLAGS) -o $$@ $$^ $$(shell $$(PKG_CONFIG) --libs $$($(1)_LIBRARY))
endef
$(foreach name,$(BUILT_MODULES),$(eval $(call module_rule,$(name))))

$(BUILD)/ctr/ctr-init: $(INIT_OBJECTS)
	@mkdir -p $(@D)
	$(MUSL_CC) $(INIT_LDFLAGS) -o $@ $^

$(BUILD)/obj/init/%.o: %.c
	@mkdir -p $(@D)
	$(MUSL_CC) $(INIT_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CORE_CFLAGS) -MMD -MP -c -o $@ $<

# --- lctr: LuaJIT, the core, the bootstrap and the Lua modules in one file ---
#
# Twice: $(BUILD)/lctr is static, for then it starts in two thirds of the time; but a static program
# loads no C modules. $(BUILD)/ctr/lctr, the whole one, does: the other goes on as it where one may be
# needed (src/lctr.c). STATIC= makes both alike, where there are no static libraries.

STATIC ?= -static-pie -Wl,-z,pack-relative-relocs
LUA_SOURCES := $(wildcard lua/ctr/*.lua lua/ctr/*/*.lua lua/ctr/*/*/*.lua)
LUA_OBJECTS := $(LUA_SOURCES:%.lua=$(BUILD)/obj/%.bc.o)
LAUNCHER_OBJECTS := $(LAUNCHER_SOURCES:%.c=$(BUILD)/obj/%.o) $(BUILD)/obj/modules.o
WHOLE_OBJECTS := $(patsubst $(BUILD)/obj/src/lctr.o,$(BUILD)/obj/whole/src/lctr.o,$(LAUNCHER_OBJECTS))
STATIC_OBJECTS := $(STATIC_SOURCES:%.c=$(BUILD)/obj/%.o)
PROGRAM_OBJECTS := $(CORE_OBJECTS) $(HELD_OBJECTS) $(BUILD)/obj/bytecode.o

# The name that a module's bytecode has as a symbol, after luaJIT_BC_.
symbol_of = $(subst /,_,$(patsubst %/init,%,$(patsubst lua/%.lua,%,$(1))))

$(BUILD)/obj/lua/%.bc.o: lua/%.lua
	@mkdir -p $(@D)
	$(LUAJIT) -bg -t o -n $(call symbol_of,$<) $< $@

# Apart from all other data, beside the heap, which a short command does not touch either: of a part
# that is touched the kernel may map the whole.
$(BUILD)/obj/bytecode.o: $(LUA_OBJECTS)
	$(CC) -r -nostdlib -o $@ $^
	$(OBJCOPY) --rename-section .rodata=.lctr_bytecode,alloc,load,data,contents $@

# The table that src/lctr.c finds them by (src/lctr_modules.h): new where a module has come or gone.
$(BUILD)/obj/modules.c: FORCE
	@mkdir -p $(@D)
	@{ echo '#include "lctr_modules.h"'; \
	for symbol in $(foreach file,$(LUA_SOURCES),$(call symbol_of,$(file))); do \
		echo "extern const char luaJIT_BC_$$symbol[];"; done; \
	echo 'const struct lctr_module lctr_modules[] = {'; \
	for row in $(foreach file,$(LUA_SOURCES),$(patsubst %/init,%,$(patsubst lua/%.lua,%,$(file))):$(call symbol_of,$(file))); do \
		echo "{ \"$${row%:*}\", luaJIT_BC_$${row#*:} },"; done | tr / .; \
	echo '{ 0, 0 } };'; } >$@.new; \
	cmp -s $@.new $@ || cp $@.new $@
$(BUILD)/obj/modules.o: $(BUILD)/obj/modules.c
	$(CC) $(CORE_CFLAGS) -iquote src -MMD -MP -c -o $@ $<

# What it holds, and where the modules lie that it does not hold.
LAUNCHER_DEFINES = -DCTR_INIT_IMAGE='"$(BUILD)/ctr/ctr-init"' -DCTR_LIBDIR='"$(LIBDIR)"' \
	-DCTR_COMMIT='"$(shell cat $(BUILD)/commit)"'
STATIC_LAUNCHER := $(BUILD)/obj/src/lctr.o
WHOLE_LAUNCHER := $(BUILD)/obj/whole/src/lctr.o
$(STATIC_LAUNCHER): launcher_defines = $(LAUNCHER_DEFINES) $(if $(STATIC),-DCTR_IS_STATIC)
$(WHOLE_LAUNCHER): launcher_defines = $(LAUNCHER_DEFINES)
$(STATIC_LAUNCHER) $(WHOLE_LAUNCHER): $(BUILD)/ctr/ctr-init $(BUILD)/commit

$(WHOLE_LAUNCHER): src/lctr.c
	@mkdir -p $(@D)
	$(CC) $(CORE_CFLAGS) -MMD -MP -c -o $@ $<

# The commit that it is built from, empty where the project is no repository of its own.
.PHONY: FORCE
$(BUILD)/commit: FORCE
	@mkdir -p $(@D)
	@commit=; if [ "$$(git rev-parse --show-toplevel 2>/dev/null)" = "$$(pwd -P)" ]; then \
		commit=$$(git rev-parse --short=12 HEAD 2>/dev/null); fi; \
	[ -f $@ ] && [ "$$(cat $@)" = "$$commit" ] || printf '%s\n' "$$commit" >$@

# LuaJIT gets its memory by the functions that src/lctr_heap.c wraps.
LAUNCHER_WRAPS := $(addprefix -Wl$(comma)--wrap=,mmap64 mremap munmap)
link_launcher = $(CC) $(LINK_HARDENING) -static-libgcc $(LAUNCHER_WRAPS) $(LDFLAGS) -o $@ $^ \
	-Wl,--whole-archive $(luajit_dir)/libluajit-5.1.a -Wl,--no-whole-archive \
	$(addprefix -L,$(lib_dirs)) -Wl,-Bstatic $(held_libs) $(lib_libs)

STATIC_WRAPS := $(addprefix -Wl$(comma)--wrap=,dlopen dlsym dlclose dlerror)
$(BUILD)/obj/lctr: $(LAUNCHER_OBJECTS) $(if $(STATIC),$(STATIC_OBJECTS)) $(PROGRAM_OBJECTS)
	$(link_launcher) $(if $(STATIC),$(STATIC) $(STATIC_WRAPS),-Wl$(comma)-E -Wl$(comma)-Bdynamic) -lm -ldl
# -E: the C modules that a program loads find LuaJIT in here; so all of it has to be there.
$(BUILD)/obj/whole/lctr: $(WHOLE_OBJECTS) $(PROGRAM_OBJECTS)
	$(link_launcher) -Wl,-E -Wl,-Bdynamic -lm -ldl

# Without its heap the program does nothing but print it. In it are the modules of what engines call
# all day, and what those require when they are loaded; others are loaded when they are required.
HEAP_MODULES := $(addprefix ctr.,interpreted cli \
	$(addprefix cli.,attached create delete exec kill log run start state) \
	cgroup.ownership cgroup.view config.mount_options config.rules.ids container ending execution \
	factory hooks launch.userns plan.cgroup_mounts plan.hooks plan.network seccomp seccomp.cache \
	start.first start.further)
$(BUILD)/obj/heap $(BUILD)/obj/whole/heap: $(BUILD)/obj/%heap: $(BUILD)/obj/%lctr Makefile
	env -i $< $(HEAP_MODULES) >$@

$(BUILD)/lctr: $(BUILD)/obj/lctr $(BUILD)/obj/heap
$(BUILD)/ctr/lctr: $(BUILD)/obj/whole/lctr $(BUILD)/obj/whole/heap
# Copied, as an installed one is: objcopy(1) writes small pieces, the kernel keeps them so, and to read
# them at each start takes a twentieth of its CPU time.
$(BUILD)/lctr $(BUILD)/ctr/lctr:
	@mkdir -p $(@D)
	$(OBJCOPY) --update-section .lctr_heap=$(filter %heap,$^) $< $@.new
	cp $@.new $@ && rm $@.new

-include $(CORE_OBJECTS:.o=.d) $(MODULE_OBJECTS:.o=.d) $(INIT_OBJECTS:.o=.d) $(LAUNCHER_OBJECTS:.o=.d) \
	$(STATIC_OBJECTS:.o=.d) $(WHOLE_LAUNCHER:.o=.d)

# --- packages ----------------------------------------------------------------

# These targets see to what they need; plain `make` installs nothing.
SELF_SUFFICIENT := run test test-vm lint bench check-c sanitize fuzz defences
.PHONY: deps
deps:
	@sh tools/deps.sh build test

ifneq ($(filter $(SELF_SUFFICIENT),$(MAKECMDGOALS)),)
$(CORE_OBJECTS) $(MODULE_OBJECTS) $(INIT_OBJECTS) $(LUA_OBJECTS) $(LAUNCHER_OBJECTS) $(STATIC_OBJECTS) \
	$(WHOLE_LAUNCHER): | deps
endif

# --- running -----------------------------------------------------------------

$(BUILD)/rootfs: tools/rootfs.sh | deps
	sh tools/rootfs.sh $@

.PHONY: run
run: all $(BUILD)/rootfs
	@$(BUILD)/lctr examples/hello.lua $(BUILD)/rootfs

# --- checking ----------------------------------------------------------------

LINTED_LUA = $(wildcard .luacheckrc .busted lua specs examples bench tools rockspec/*.rockspec)
LINT_OBJECTS := $(patsubst %.c,$(BUILD)/lint/%.o,$(CORE_SOURCES) $(MODULE_SOURCES) $(LAUNCHER_SOURCES) $(STATIC_SOURCES)) \
	$(patsubst %.c,$(BUILD)/lint/init/%.o,$(INIT_SOURCES))
-include $(LINT_OBJECTS:.o=.d)

# Compiled apart from the build, so that no object made without -Werror hides a warning.
$(BUILD)/lint/init/%.o: %.c | deps
	@mkdir -p $(@D)
	@$(MUSL_CC) $(INIT_CFLAGS) -Werror -MMD -MP -c -o $@ $<

$(BUILD)/lint/%.o: %.c | deps
	@mkdir -p $(@D)
	@$(CC) $(CORE_CFLAGS) -Werror -MMD -MP -c -o $@ $<

$(BUILD)/lint/src/lctr.o: launcher_defines = $(LAUNCHER_DEFINES)
$(BUILD)/lint/src/lctr.o: $(BUILD)/ctr/ctr-init $(BUILD)/commit

.PHONY: lint lint-lua test test-vm
lint: $(LINT_OBJECTS) lint-lua
lint-lua: | deps
	@luacheck --quiet $(LINTED_LUA)

# SPECS=specs/unit runs a part of them.
SPECS ?= specs
test: all lint $(BUILD)/rootfs
	@sh tools/specs.sh $(SPECS)

# `make test` runs these too.
test-vm: all $(BUILD)/rootfs
	@sh tools/specs.sh specs/vm

.PHONY: bench check-c
bench: all $(BUILD)/bench/floor $(BUILD)/rootfs
	@$(LUAJIT) tools/private.lua sh bench/run.sh $(LUAJIT) $(abspath $(BUILD)) $(abspath bench)

$(BUILD)/bench/floor: bench/floor.c | deps
	@mkdir -p $(@D)
	$(MUSL_CC) -O2 -static -pthread -idirafter /usr/include -idirafter /usr/include/$(multiarch) \
		-o $@ $<

check-c: $(BUILD)/ctr/ctr-init $(BUILD)/commit | deps
	@sh tools/deps.sh check
	cppcheck --quiet --error-exitcode=1 --inline-suppr --std=c11 \
		--enable=warning,performance,portability --suppress=missingIncludeSystem \
		-I src src bootstrap
	clang-tidy --quiet $(CORE_SOURCES) $(MODULE_SOURCES) $(LAUNCHER_SOURCES) $(STATIC_SOURCES) $(wildcard bootstrap/*.c) -- \
		-std=gnu11 -D_GNU_SOURCE -iquote src $(lib_cflags) $(LAUNCHER_DEFINES)

# --- with sanitizers: LD_PRELOAD=$(cc -print-file-name=libasan.so) luajit … ---

SAN_CFLAGS = -std=gnu11 -D_GNU_SOURCE -iquote src -fPIC -g -O1 -fno-omit-frame-pointer \
	-fsanitize=address,undefined -fno-sanitize-recover=undefined $(WARNINGS) $(lib_cflags)
SAN_CORE := $(CORE_SOURCES:%.c=$(BUILD)/san/obj/%.o)
# The sanitizer looks after its own malloc.
SAN_INIT := $(patsubst %.c,$(BUILD)/san/obj/%.o,$(filter-out bootstrap/alloc.c,$(INIT_SOURCES)))
SAN_MODULES := $(MODULE_SOURCES:%.c=$(BUILD)/san/obj/%.o)
-include $(SAN_CORE:.o=.d) $(SAN_INIT:.o=.d) $(SAN_MODULES:.o=.d)

.PHONY: sanitize
sanitize: $(BUILD)/san/ctr/core.so $(BUILD)/san/ctr/ctr-init \
	$(BUILT_MODULES:%=$(BUILD)/san/ctr/core/%.so)

$(BUILD)/san/obj/%.o: %.c | deps
	@mkdir -p $(@D)
	$(CC) $(SAN_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/san/ctr/core.so: $(SAN_CORE)
	@mkdir -p $(@D)
	$(CC) -shared -fsanitize=address,undefined -o $@ $^ $(lib_libs)

define san_module_rule
$(BUILD)/san/ctr/core/$(1).so: $(patsubst %.c,$(BUILD)/san/obj/%.o,$(call module_sources,$(1)) $($(1)_SHARED) $(GLUE_SOURCES))
	@mkdir -p $$(@D)
	$$(CC) -shared -fsanitize=address,undefined -o $$@ $$^ $$(shell $$(PKG_CONFIG) --libs $$($(1)_LIBRARY))
endef
$(foreach name,$(BUILT_MODULES),$(eval $(call san_module_rule,$(name))))

$(BUILD)/san/ctr/ctr-init: $(SAN_INIT)
	@mkdir -p $(@D)
	$(CC) -static-libasan -static-libubsan -fsanitize=address,undefined -o $@ $^

# --- fuzzing, and proof that the specs have power ----------------------------

FUZZ_SECONDS ?= 60
FUZZ_CFLAGS = -std=gnu11 -D_GNU_SOURCE -iquote src -g -O1 -fsanitize=fuzzer,address,undefined \
	-fno-sanitize-recover=undefined

.PHONY: fuzz defences
# What libFuzzer finds out goes to build/: the corpus of the project stays as it is.
fuzz: $(BUILD)/fuzz/wire_fuzz $(BUILD)/fuzz/netlink_fuzz core
	@for name in wire netlink; do \
		mkdir -p $(BUILD)/fuzz/$$name && \
		$(BUILD)/fuzz/$${name}_fuzz -max_total_time=$(FUZZ_SECONDS) -print_final_stats=1 \
			-artifact_prefix=$(BUILD)/fuzz/ $(BUILD)/fuzz/$$name fuzz/corpus/$$name || exit 1; \
	done
	$(LUAJIT) fuzz/config_fuzz.lua $(FUZZ_SECONDS)

$(BUILD)/fuzz/wire_fuzz: fuzz/wire_fuzz.c src/wire.c src/err.c src/wire.h src/err.h
	@sh tools/deps.sh fuzz
	@mkdir -p $(@D)
	clang $(FUZZ_CFLAGS) -o $@ $(filter %.c,$^)

$(BUILD)/fuzz/netlink_fuzz: fuzz/netlink_fuzz.c $(wildcard src/netlink*.[ch]) src/clone.c src/err.c \
		src/text.c | deps
	@sh tools/deps.sh fuzz
	@mkdir -p $(@D)
	clang $(FUZZ_CFLAGS) -o $@ $(filter %.c,$^) $(shell $(PKG_CONFIG) --libs libmnl)

# Takes minutes. DEFENCES="masked console": those with such a word in their names.
defences: all $(BUILD)/rootfs
	@$(LUAJIT) tools/defences.lua $(DEFENCES)

# --- installing --------------------------------------------------------------

MAN_PAGES := $(wildcard docs/man/*.[158])
ANNOTATIONS := $(wildcard docs/annotations/*.lua)

.PHONY: install install-rock install-lua install-core install-lctr uninstall
install: install-lua install-core install-lctr
# What a rock holds: luarocks puts LUADIR and LIBDIR in its own tree.
install-rock: install-lua install-core

install-lua:
	@for file in $(LUA_SOURCES:lua/%=%); do \
		$(INSTALL) -D -m 644 "lua/$$file" "$(DESTDIR)$(LUADIR)/$$file" || exit 1; \
	done

install-core: core
	$(INSTALL) -D -m 755 $(BUILD)/ctr/core.so "$(DESTDIR)$(LIBDIR)/ctr/core.so"
	$(INSTALL) -D -m 755 $(BUILD)/ctr/ctr-init "$(DESTDIR)$(LIBDIR)/ctr/ctr-init"
	@for name in $(BUILT_MODULES); do \
		$(INSTALL) -D -m 755 "$(BUILD)/ctr/core/$$name.so" "$(DESTDIR)$(LIBDIR)/ctr/core/$$name.so" \
			|| exit 1; \
	done

# lctr alone serves a machine: the whole one, and the modules that that does not hold, come with it.
install-lctr: lctr install-core
	$(INSTALL) -D -m 755 $(BUILD)/lctr "$(DESTDIR)$(BINDIR)/lctr"
	$(INSTALL) -D -m 755 $(BUILD)/ctr/lctr "$(DESTDIR)$(LIBDIR)/ctr/lctr"
	@for page in $(MAN_PAGES); do \
		$(INSTALL) -D -m 644 "$$page" "$(DESTDIR)$(MANDIR)/man$${page##*.}/$${page##*/}" || exit 1; \
	done
	@for file in $(ANNOTATIONS); do \
		$(INSTALL) -D -m 644 "$$file" "$(DESTDIR)$(DATADIR)/ctr/annotations/$${file##*/}" || exit 1; \
	done
	@for row in $(COMPLETIONS); do \
		$(BUILD)/lctr completion $${row%%:*} >$(BUILD)/completion && \
		$(INSTALL) -D -m 644 $(BUILD)/completion "$(DESTDIR)$(DATADIR)/$${row#*:}" || exit 1; \
	done

uninstall:
	rm -f "$(DESTDIR)$(BINDIR)/lctr" $(foreach page,$(MAN_PAGES),"$(DESTDIR)$(MANDIR)/man$(subst .,,$(suffix $(page)))/$(notdir $(page))")
	rm -f $(foreach row,$(COMPLETIONS),"$(DESTDIR)$(DATADIR)/$(lastword $(subst :, ,$(row)))")
	rm -rf "$(DESTDIR)$(LUADIR)/ctr" "$(DESTDIR)$(LIBDIR)/ctr" "$(DESTDIR)$(DATADIR)/ctr"

# What is made of the schema and of the docstrings; a spec sees that it is what they say.
.PHONY: reference clean help
reference:
	@sh tools/deps.sh docs
	sh tools/documentation.sh lua/ctr/documentation.lua
	$(LUAJIT) tools/reference.lua >docs/configuration.md
	$(LUAJIT) tools/manual.lua >docs/man/ctr-config.5
	$(LUAJIT) tools/annotations.lua docs/annotations
	$(LUAJIT) tools/api.lua >docs/api.md
	$(LUAJIT) tools/api.lua primitives >docs/primitives.md

clean:
	rm -rf $(BUILD)

help:
	@echo "make            build lctr, the module ctr.core and ctr-init in $(BUILD)/"
	@echo "make run        install packages, build, run examples/hello.lua (as root)"
	@echo "make test       install packages, build, lint, run all specs (SPECS=specs/unit: some)"
	@echo "make test-vm    run specs/vm in a virtual machine (sh tools/vm/run.sh COMMAND: one command)"
	@echo "make deps       install the Debian packages that are missing (as root)"
	@echo "make lint       warnings as errors, luacheck"
	@echo "make check-c    cppcheck and clang-tidy"
	@echo "make sanitize   the core and the bootstrap with ASan and UBSan in $(BUILD)/san/"
	@echo "make fuzz       the fuzz targets, for FUZZ_SECONDS=$(FUZZ_SECONDS) each"
	@echo "make defences   take each defence out: a spec must fail (minutes)"
	@echo "make reference  write what is made of the schema and the docstrings anew"
	@echo "make bench      compare with other runtimes"
	@echo "make install    to PREFIX=$(PREFIX), below DESTDIR; uninstall takes it away"
	@echo "make clean      remove $(BUILD)/"
