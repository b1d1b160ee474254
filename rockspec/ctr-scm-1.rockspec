rockspec_format = "3.0"
package = "ctr"
version = "scm-1"
source = {
  url = "git+https://github.com/ctr-authors/ctr.git",
}
description = {
  summary = "Containers for Lua: libcontainer's API, and starts that are data",
  detailed = "Describes, validates, plans and drives Linux containers from Lua. A C core exports "
    .. "the kernel's primitives; everything that decides is Lua.",
  license = "MIT",
  labels = { "containers", "linux", "oci" },
}
supported_platforms = { "linux" }
dependencies = {
  "lua == 5.1",
}
-- `make deps` installs them on Debian.
external_dependencies = {
  PKG_CONFIG = { program = "pkg-config" },
  MUSL = { program = "musl-gcc" },
  LUAJIT = { header = "luajit-2.1/luajit.h" },
  LIBCAP = { header = "sys/capability.h" },
  JANSSON = { header = "jansson.h" },
  LIBSECCOMP = { header = "seccomp.h" },
  LIBMNL = { header = "libmnl/libmnl.h" },
  LIBSYSTEMD = { header = "systemd/sd-bus.h" },
  LIBEDIT = { header = "histedit.h" },
}
build = {
  type = "make",
  build_target = "core",
  install_target = "install-rock",
  build_variables = {
    CFLAGS = "$(CFLAGS)",
  },
  install_variables = {
    LUADIR = "$(LUADIR)",
    LIBDIR = "$(LIBDIR)",
  },
  copy_directories = {},
}
