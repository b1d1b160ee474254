---@meta ctr.core.seccomp
-- Made by `make reference`: change it in the schema and in the docstrings.

local ctr_core_seccomp = {}

---The system calls of an architecture.
---@param arch string libseccomp's name: `"x86_64"`
---@return table # numbers by name
---@return number # the number at which the table begins: not 0 for mips and x32
function ctr_core_seccomp.syscalls(arch) end

---The kernel's number of an architecture (AUDIT_ARCH_…), as filters see it.
---@param arch string
---@return (number|nil) # nil for one that libseccomp does not know
function ctr_core_seccomp.arch(arch) end

---The machine's own architecture.
---@return (string|nil)
function ctr_core_seccomp.native() end

---Says whether libseccomp has heard of a system call, on any architecture.
---@param name string
---@return boolean
function ctr_core_seccomp.is_known(name) end

---The architectures that libseccomp knows.
---@return string[]
function ctr_core_seccomp.archs() end

---The version of libseccomp.
---@return string
function ctr_core_seccomp.version() end

---Says whether the kernel knows what a filter may return.
---@param action number SECCOMP_RET_…
---@return boolean
function ctr_core_seccomp.has_action(action) end

---Says whether the kernel knows a flag of a filter.
---
---Nothing is loaded.
---@param flag number SECCOMP_FILTER_FLAG_…
---@return boolean
function ctr_core_seccomp.has_flag(flag) end

return ctr_core_seccomp
