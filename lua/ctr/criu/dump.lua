--- A checkpoint: what CRIU is told of a running container, and what becomes of that.
-- @module ctr.criu.dump

local asked = require("ctr.criu.asked")
local before = require("ctr.criu.before")
local core = require("ctr.core")
local errors = require("ctr.errors")
local failure = require("ctr.criu.failure")
local folders = require("ctr.criu.folders")
local hierarchy = require("ctr.criu.hierarchy")
local messages = require("ctr.criu.messages")
local mounts = require("ctr.criu.mounts")
local needs = require("ctr.criu.needs")
local options_module = require("ctr.criu.options")
local planner = require("ctr.plan")
local process_module = require("ctr.process")
local program = require("ctr.criu.program")
local starter = require("ctr.start")
local status_module = require("ctr.criu.status")
local streams = require("ctr.criu.streams")

local M = {}

local LOG = "dump.log"
local MAP_MAX = 65536
local FREEZER_OF_V2 = 31400 -- the first version that freezes there

-- Since which version namespaces that are joined by path are left to their owner.
local OUTER = {
  NEWNET = { 31100, "net", "extRootNetNS" }, NEWPID = { 31500, "pid", "extRootPidNS" },
}
M.OUTER = OUTER

-- CRIU's name of a namespace that is another's.
local function outer_name(row, path, version)
  local ok, err = program.check_version(version, row[1], "a namespace of another's")
  local handle
  if ok then
    handle, err = core.ns.open(path)
  end
  if not handle then
    return nil, err
  end
  local stat = core.path.stat(handle, "")
  handle:close()
  return ("%s[%.0f]:%s"):format(row[2], stat.ino, row[3])
end

local function outer_namespaces(config, version)
  local list = {}
  for kind, joined in pairs(planner.namespaces(config).joined) do
    if OUTER[kind] then
      local name, err = outer_name(OUTER[kind], joined.path, version)
      if not name then
        return nil, errors.with_path(err, ("namespaces[%d]"):format(joined.index))
      end
      list[#list + 1] = name
    end
  end
  return list
end

-- Where CRIU freezes the processes. The freezer of cgroup v1 has it wait for ever for one that was
-- stopped by a signal before: such containers it goes through process by process.
local function freezer_of(container, version)
  local node = container.cgroup:find("freezer")
  local is_unified = node and node.hierarchy.type == "cgroup2"
  if not node or is_unified and version < FREEZER_OF_V2
    or not is_unified and before.find_stopped(container) then
    return nil
  end
  return node.full
end

local function page_server(options)
  local server = options.page_server
  return server and server.port ~= 0 and server or nil
end

local function request_options(container, options, opened, version)
  local request = options_module.common(options)
  local outer, err = outer_namespaces(container.configuration, version)
  if not outer then
    return nil, err
  end
  request.images_dir_fd = core.fd.number(opened.images)
  request.work_dir_fd = core.fd.number(opened.work)
  request.log_file = LOG
  request.root = container.configuration.rootfs
  request.pid = container.init_pid
  request.leave_running = options.leave_running
  request.tcp_skip_in_flight = options.tcp_skip_in_flight
  request.freeze_cgroup = freezer_of(container, version)
  request.ps = page_server(options)
  request.external = outer
  if options.parent_image ~= "" then
    local ok, problem = folders.check_parent(opened.images, options.parent_image)
    if not ok then
      return nil, problem
    end
    request.parent_img, request.track_mem = options.parent_image, true
  end
  return request
end

-- What a pre-dump, which takes memory alone, has no use for; returns what is to be noted with the
-- images.
local function add_outside(request, container, options, version)
  local list, rows = mounts.outer(container)
  if not list then
    return nil, rows
  end
  request.ext_mnt = {}
  for index, mount in ipairs(list) do
    request.ext_mnt[index] = { key = mount.mountpoint, val = mount.key }
  end
  local links, outer, null = streams.of(container, rows)
  local null_files = streams.null_files(container, rows, outer)
  for _, keys in ipairs({ outer, null_files }) do
    for _, key in ipairs(keys) do
      table.insert(request.external, key)
    end
  end
  return { mounts = list, criu = version, links = links, null = null,
    null_files = null_files, options = options_module.repeated(options) }
end

-- CRIU lets the container go on when it fails; where it was killed itself, nobody has done so.
local function let_go_on(container, was_paused)
  if not was_paused and container.cgroup:freezer_state() ~= "THAWED" then
    container.cgroup:freeze("THAWED")
  end
end

-- What is done while CRIU serves pages: it was told to go on, and is killed where that fails.
local function while_serving(session, status)
  return function(script)
    local ok, err = true, nil
    if script == "status-ready" then
      ok, err = status:tell("serving")
    end
    session.refused = session.refused or not ok and err or nil
    session.is_given_up = not ok
    return ok, err
  end
end

-- Asks CRIU; what it says, and who refused a step.
local function ask(how, message, on_tick, on_notify)
  local session, err = program.start(how.path)
  if not session then
    return nil, err
  end
  session.on_answered = how.options.lazy_pages and while_serving(session, how.status) or nil
  session:every(on_tick)
  local response
  response, err = session:request(message, on_notify)
  -- After a pre-dump it would wait for another request.
  local result = session:finish(session.is_given_up)
  local is_pre_dump = message.type == messages.types.PRE_DUMP
  if not session.refused and response and response.success
    and (is_pre_dump or result and result.code == 0) then
    return true
  end
  return nil, session.refused or { response = response, err = err }
end

local function run(container, request, how)
  local options, opened, status = how.options, how.opened, how.status
  local kind = options.pre_dump and "PRE_DUMP" or "DUMP"
  -- CRIU waits for the end of a pid namespace, which comes when this program's own processes in it
  -- were reaped.
  local function on_tick()
    process_module.reap(starter.others_of(container))
    return status:tick()
  end
  local ok, err = ask(how, { type = messages.types[kind], opts = request }, on_tick,
    function(script)
      -- All images are written, and the container is still there.
      if script == "post-dump" and how.facts then
        local noted, problem = needs.write(opened.images, container, how.facts)
        if not noted then
          return nil, problem
        end
      end
      return status:tell(script)
    end)
  if ok then
    status:finish(opened.work)
    return true
  end
  let_go_on(container, how.was_paused)
  if errors.is(err) then
    return nil, err
  end
  return nil, failure.error({ what = options.pre_dump and "pre-dump" or "dump", dir = opened.work,
    folder = opened.work_path, log = LOG, response = err.response, err = err.err })
end

local function dump(container, how)
  local options, opened = how.options, how.opened
  local request, err = request_options(container, options, opened, how.version)
  if not request then
    return nil, err
  end
  if not options.pre_dump then
    how.facts, err = add_outside(request, container, options, how.version)
  end
  if how.facts or options.pre_dump then
    how.status, err = status_module.new(options, how.version)
  end
  if not how.status then
    return nil, err
  end
  how.status:fill(request)
  how.status:count(container, options, opened, LOG)
  local yard = hierarchy.yard(how.version)
  request.cgroup_yard = yard
    and ("/proc/%d/fd/%d"):format(core.proc.getpid(), core.fd.number(yard))
  local ok
  ok, err = run(container, request, how)
  how.status:close()
  if yard then
    yard:close()
  end
  return ok, err
end

-- The group of the root of the container's user namespace, where it has one.
local function group_inside(container)
  if not planner.namespaces(container.configuration).user then
    return nil
  end
  local text = core.path.read(container.host:procfs(), container.init_pid .. "/gid_map", MAP_MAX)
  for inside, outside in (text or ""):gmatch("(%d+) +(%d+) +%d+") do
    if inside == "0" then
      return tonumber(outside)
    end
  end
  return nil
end

--- Takes a checkpoint of a container whose lock is held, and that runs.
-- @tparam ctr.Container container
-- @tparam table options parsed
-- @tparam boolean was_paused
-- @treturn[1] true
-- @treturn[1] ?ctr.Error what is not in it (`ctr.criu.before`)
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.checkpoint(container, options, was_paused)
  local version, path = program.version(container.factory)
  if not version then
    return nil, path
  end
  local ok, warning = asked.of_dump(options, version, path, container.host)
  if ok then
    ok, warning = before.check(container, options, was_paused)
  end
  if not ok then
    return nil, warning
  end
  local opened, err = folders.open(options, true, group_inside(container))
  if not opened then
    return nil, err
  end
  ok, err = dump(container, { options = options, opened = opened, version = version, path = path,
    was_paused = was_paused })
  opened:close()
  return ok, err or warning
end

return M
