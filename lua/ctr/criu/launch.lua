--- How CRIU is started for a restore: in the container's cgroups, and in a copy of the host's
-- mount namespace. There a file system of its own lies on `/tmp`, which shows the container's root,
-- the sources of its outer mounts and the folders of the images: CRIU wants a mount for the root,
-- and takes paths for the sources, which the root of a user namespace has to be let into. Nothing
-- has to be unmounted, whoever is killed, and what CRIU keeps in `/tmp` goes with it.
--
-- It is the bootstrap that becomes CRIU, by a plan: so joining cgroups and mounting are the same as
-- for a start.
-- @module ctr.criu.launch

local bit = require("bit")
local attributes = require("ctr.plan.mount_attributes")
local conversation = require("ctr.launch.conversation")
local core = require("ctr.core")
local errors = require("ctr.errors")
local folders = require("ctr.criu.folders")
local program = require("ctr.criu.program")
local resources = require("ctr.resources")

local M = {}

local MS = { REC = 0x4000, SLAVE = 0x80000 }
local SIGKILL = 9
local TREES = { "tmpfs", "root", "images", "work", "unified" }

-- One of these is covered: the first that CRIU itself is not in.
local FOLDERS = { "/tmp", "/mnt", "/srv" }

--- What is made for CRIU, below the covered folder.
M.ROOT, M.WORK, M.YARD = "/root", "/work", "/yard"

local function attach(number, set, clear, place)
  return { "attach", { number, set, clear, 0, 0 }, { place } }
end

local function add_trees(list, options, numbers)
  local readonly = options.config.readonlyfs and attributes.ATTR.RDONLY or 0
  list[#list + 1] = { "root_attach_at", { numbers.tmpfs }, { options.folder } }
  list[#list + 1] = attach(numbers.root, readonly, 0, M.ROOT)
  list[#list + 1] = attach(numbers.images, 0, 0, folders.IMAGES)
  list[#list + 1] = attach(numbers.work, 0, 0, M.WORK)
  if numbers.unified then
    list[#list + 1] = attach(numbers.unified, 0, 0, M.YARD .. "/unified")
  end
  for index, source in ipairs(options.shown) do
    list[#list + 1] = attach(numbers.sources[index], source.set, source.clear, source.place)
  end
end

local function add_program(list, options)
  local strings = { "criu", "swrk", tostring(#options.fds) }
  local count, env = #strings, program.environment()
  for _, variable in ipairs(env) do
    strings[#strings + 1] = variable
  end
  list[#list + 1] = { "find_program", {}, { options.path } }
  list[#list + 1] = { "exec", { count, #env }, strings }
end

-- The plan's operations; descriptors are numbers that the child has.
local function operations(options, numbers)
  local list = {}
  for _, fd in ipairs(numbers.cgroups) do
    list[#list + 1] = { "cgroup_join", { fd }, {} }
  end
  list[#list + 1] = { "cpu_affinity", {}, {} }
  list[#list + 1] = { "unshare", { options.namespaces }, {} }
  list[#list + 1] = { "propagation", { bit.bor(MS.SLAVE, MS.REC) }, {} }
  add_trees(list, options, numbers)
  add_program(list, options)
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
  core.proc.send_signal(child.pidfd, SIGKILL)
  core.proc.wait(child.pidfd, {})
  child.pidfd:close()
end

-- What the child has: streams, our socket, what CRIU is to inherit; then what it does not get.
local function descriptors(options, theirs, control)
  local fds, numbers = { unpack(options.fds) }, { cgroups = {}, sources = {} }
  local function add(fd)
    fds[#fds + 1] = fd
    return #fds - 1
  end
  add(theirs)
  for _, handle in ipairs(options.inherited) do
    add(handle)
  end
  numbers.keep = add(control)
  for index, handle in ipairs(options.cgroup_files) do
    numbers.cgroups[index] = add(handle)
  end
  for _, name in ipairs(TREES) do
    numbers[name] = options.trees[name] and add(options.trees[name])
  end
  for index, source in ipairs(options.shown) do
    numbers.sources[index] = add(source.handle)
  end
  return fds, numbers
end

local function begin(options, ends)
  local fds, numbers = descriptors(options, ends.theirs, ends.control)
  local message, err = core.wire.encode(operations(options, numbers), numbers.keep)
  if not message then
    return nil, err
  end
  local child
  child, err = spawn(options.host, fds, numbers.keep, options.cgroup_dir)
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

-- What is shown to CRIU beside the sources.
local function open_trees(options)
  local trees = { unified = options.unified }
  options.trees = trees
  local root, err = resources.open({ config = options.config }, "@rootfs")
  trees.root = root
  if root then
    trees.tmpfs, err = core.mount.new("tmpfs", "tmpfs", { "mode=1777" }, {})
  end
  if trees.tmpfs then
    trees.images, err = core.mount.clone("", { dir = options.opened.images })
  end
  if trees.images then
    trees.work, err = core.mount.clone("", { dir = options.opened.work })
  end
  return trees.work, err
end

-- What the child attaches by a row: the sources, and the images before the last.
local function open_parents(options)
  options.shown, options.parents = { unpack(options.sources) }, {}
  local list, err = folders.parents(options.opened.images)
  for _, row in ipairs(list) do
    local tree, problem = core.mount.clone("", { dir = row.handle })
    row.handle:close()
    options.parents[#options.parents + 1] = tree
    row.handle, err = tree, err or problem
    options.shown[#options.shown + 1] = row
  end
  return not err or nil, err
end

local function start(options)
  local ends, session, err = {}
  ends.ours, ends.theirs = core.fd.socketpair("seqpacket")
  if not ends.ours then
    return nil, ends.theirs
  end
  ends.plan, ends.control = core.fd.socketpair("stream")
  if ends.plan then
    session, err = begin(options, ends)
    ends.plan:close()
    ends.control:close()
  else
    err = ends.control
  end
  ends.theirs:close()
  if not session then
    ends.ours:close()
  end
  return session, err
end

--- Chooses the folder that is covered.
-- @tparam string path of CRIU
-- @treturn string
function M.folder(path)
  for _, folder in ipairs(FOLDERS) do
    local handle = core.fd.open(folder, { flags = { "path", "directory", "nofollow" } })
    if handle then
      handle:close()
    end
    if handle and path:sub(1, #folder + 1) ~= folder .. "/" then
      return folder
    end
  end
  return FOLDERS[1]
end

--- Starts it.
-- @tparam table options `host`, `config`, `path` (of CRIU), `fds` (what it has from 0 on),
-- `inherited` (what follows its socket), `cgroup_files` and `cgroup_dir` (by which it joins),
-- `folder`, `opened` (`ctr.criu.folders`), `sources` (`ctr.criu.sources`), `unified` (a mount of
-- the cgroup2 hierarchy, which is closed; optional)
-- @treturn[1] table a session (`ctr.criu.program`)
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.start(options)
  local session
  local ok, err = open_trees(options)
  if ok then
    ok, err = open_parents(options)
  end
  if ok then
    session, err = start(options)
  end
  for _, handles in ipairs({ options.trees, options.parents or {} }) do
    for _, handle in pairs(handles) do
      handle:close()
    end
  end
  return session, err
end

return M
