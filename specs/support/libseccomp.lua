--- libseccomp's own compiler, for specs that compare.
-- @module specs.support.libseccomp

local ffi = require("ffi")
local words = require("ctr.seccomp.words")

local M = {}

ffi.cdef([[
typedef void *scmp_filter_ctx;
struct scmp_arg_cmp { unsigned int arg; int op; uint64_t datum_a; uint64_t datum_b; };
scmp_filter_ctx seccomp_init(uint32_t def_action);
void seccomp_release(scmp_filter_ctx ctx);
int seccomp_syscall_resolve_name(const char *name);
int seccomp_rule_add_array(scmp_filter_ctx ctx, uint32_t action, int syscall, unsigned int arg_cnt,
  const struct scmp_arg_cmp *arg_array);
int seccomp_export_bpf(scmp_filter_ctx ctx, int fd);
]])

local OPERATORS = { SCMP_CMP_NE = 1, SCMP_CMP_LT = 2, SCMP_CMP_LE = 3, SCMP_CMP_EQ = 4,
  SCMP_CMP_GE = 5, SCMP_CMP_GT = 6, SCMP_CMP_MASKED_EQ = 7 }

local function u64(value)
  local high, low = words.halves(value)
  return high * 0x100000000ULL + low
end

local function comparisons(conditions)
  local array = ffi.new("struct scmp_arg_cmp[?]", #conditions + 1)
  for index, condition in ipairs(conditions) do
    local row = array[index - 1]
    row.arg, row.op = condition.index, OPERATORS[condition.op]
    row.datum_a, row.datum_b = u64(condition.value), u64(condition.value_two or 0)
  end
  return array, #conditions
end

-- As runtimes do, what says the same as the default is passed over.
local function add_rule(lib, context, rule, default)
  local array, count = comparisons(rule.args)
  local action = words.return_value(rule.action, rule.errno_ret)
  if action == default then
    return
  end
  for _, name in ipairs(rule.names) do
    local number = lib.seccomp_syscall_resolve_name(name)
    if number ~= -1 then
      assert(lib.seccomp_rule_add_array(context, action, number, count, array) == 0, name)
    end
  end
end

local function export(lib, context)
  local path = os.tmpname()
  local core = require("ctr.core")
  local file = assert(core.fd.open(path, { flags = { "rdwr", "trunc" } }))
  assert(lib.seccomp_export_bpf(context, file:fd()) == 0)
  file:close()
  local handle = assert(io.open(path, "rb"))
  local bytes = handle:read("*a")
  handle:close()
  os.remove(path)
  return bytes
end

--- Compiles a profile whose rules do not overlap, for the machine's own architecture.
-- @tparam table profile normalised
-- @treturn string
function M.compile(profile)
  local lib = ffi.load("libseccomp.so.2")
  local default = words.return_value(profile.default_action, profile.default_errno_ret)
  local context = lib.seccomp_init(default)
  for _, rule in ipairs(profile.syscalls) do
    add_rule(lib, context, rule, default)
  end
  local bytes = export(lib, context)
  lib.seccomp_release(context)
  return bytes
end

return M
