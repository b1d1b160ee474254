--- How CRIU is started for a restore: in the container's cgroups, and in a copy of the host's mount
-- namespace, where the container's root lies on itself. CRIU wants a mount for the root; in a
-- namespace of its own there is nothing to be unmounted, whoever is killed.
--
-- It is the bootstrap that becomes CRIU, by a plan: so joining cgroups and mounting are the same as
-- for a start.
-- @module ctr.criu.launch

local bit = require("bit")
local conversation = require("ctr.launch.conversation")
local core = require("ctr.core")
local errors = require("ctr.errors")
local planner = require("ctr.plan")
local program = require("ctr.criu.program")

local M = {}

local MS = { REC = 0x4000, SLAVE = 0x80000 }
local SLOT, RECURSIVE = 0, 1

-- The plan's operations; descriptors are numbers that the child has.
local function operations(config, path, number, cgroups)
  local list = {}
  for _, fd in ipairs(cgroups) do
    list[#list + 1] = { "cgroup_join", { fd }, {} }
  end
  local args, env = { "criu", "swrk", tostring(number) }, program.environment()
  local count = #args
  for _, variable in ipairs(env) do
    args[#args + 1] = variable
  end
  for _, operation in ipairs({
    { "cpu_affinity", {}, {} },
    { "unshare", { planner.CLONE.NEWNS }, {} },
    { "propagation", { bit.bor(MS.SLAVE, MS.REC) }, {} },
    { "open_tree", { SLOT, RECURSIVE, 0, 0, planner.tree_propagation(config) },
      { config.rootfs } },
    { "root_attach_at", { -1 - SLOT }, { config.rootfs } },
    { "find_program", {}, { path } },
    { "exec", { count, #env }, args },
  }) do
    list[#list + 1] = operation
  end
  return list
end

-- Nothing more is said once it is CRIU.
local function await_program(socket)
  local frame, err = conversation.read_frame({ socket = socket })
  if frame then
    return nil, frame.err or errors.new("SystemError", "CRIU could not be started")
  end
  return err == nil or nil, err
end

local function spawn(host, fds, keep, cgroup)
  local image, err = host:image()
  if not image then
    return nil, err
  end
  return core.proc.spawn({ image = image, argv = { "ctr-init", tostring(keep) }, env = {},
    fds = fds, cgroup = cgroup })
end

local function give_up(child)
  core.proc.send_signal(child.pidfd, 9)
  core.proc.wait(child.pidfd, {})
  child.pidfd:close()
end

-- What the child has: streams, our socket, what CRIU is to inherit; then what it does not get.
local function descriptors(options, theirs, control)
  local fds = { unpack(options.fds) }
  fds[#fds + 1] = theirs
  for _, handle in ipairs(options.inherited) do
    fds[#fds + 1] = handle
  end
  local keep, cgroups = #fds, {}
  fds[#fds + 1] = control
  for index, handle in ipairs(options.cgroup_files) do
    cgroups[index] = #fds
    fds[#fds + 1] = handle
  end
  return fds, keep, cgroups
end

local function begin(options, ends)
  local fds, keep, cgroups = descriptors(options, ends.theirs, ends.control)
  local message, err = core.wire.encode(
    operations(options.config, options.path, #options.fds, cgroups), keep)
  if not message then
    return nil, err
  end
  local child
  child, err = spawn(options.host, fds, keep, options.cgroup_dir)
  if not child then
    return nil, err
  end
  ends.control:close()
  ends.theirs:close()
  local ok
  ok, err = core.fd.send(ends.plan, message, nil, true)
  if ok then
    ok, err = await_program(ends.plan)
  end
  if not ok then
    give_up(child)
    return nil, err
  end
  return program.adopt(child, ends.ours)
end

--- Starts it.
-- @tparam table options `host`, `config`, `path` (of CRIU), `fds` (what it has from 0 on),
-- `inherited` (what follows its socket), `cgroup_files` and `cgroup_dir` (by which it joins)
-- @treturn[1] table a session (`ctr.criu.program`)
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.start(options)
  local ends = {}
  local ok, err
  ends.ours, ends.theirs = core.fd.socketpair("seqpacket")
  if not ends.ours then
    return nil, ends.theirs
  end
  ends.plan, ends.control = core.fd.socketpair("stream")
  if ends.plan then
    ok, err = begin(options, ends)
    ends.plan:close()
    ends.control:close()
  else
    err, ends.control = ends.control, nil
  end
  ends.theirs:close()
  if not ok then
    ends.ours:close()
    return nil, err
  end
  return ok
end

return M
