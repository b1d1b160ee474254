--- What a checkpoint and a restore may be told: libcontainer's `CriuOpts` in snake_case, and what
-- newer runtimes have beside it. Pure.
-- @module ctr.criu.options

local bit = require("bit")
local fields = require("ctr.config.schema.fields")
local shape = require("ctr.config.shape")
local sorted = require("ctr.sorted")

local M = {}

local NEWNET = 0x40000000
local PORT_MAX = 65535
local SINCE_SKIP = 31900 -- the first version that may leave packets be

-- CRIU's numbers.
local CGROUP_MODES = {
  ignore = 0, none = 1, props = 2, soft = 3, full = 4, strict = 5, default = 6,
}

--- CRIU's modes for cgroups, by their words.
M.cgroup_modes = CGROUP_MODES

local NETWORK_LOCKS = { iptables = 1, nftables = 2, skip = 3 }

local NETWORK_WORDS = { network = NEWNET, net = NEWNET, NEWNET = NEWNET }

-- libcontainer's enumeration is CRIU's, with 0 for what is not said.
local function mode_of(value)
  if type(value) ~= "number" then
    return value
  end
  for word, number in pairs(CGROUP_MODES) do
    if number == value and value ~= 0 then
      return word
    end
  end
  return value == 0 and "default" or nil, "must be one of CRIU's modes, 0 to 6"
end

local function is_relative(path)
  if path:sub(1, 1) ~= "/" then
    return true
  end
  return nil, "must be relative to images_directory"
end

local function is_function(value)
  if type(value) == "function" then
    return true
  end
  return nil, "must be a function"
end

local function is_complete_server(server)
  if (server.address == "") == (server.port == 0) then
    return true
  end
  return nil, "is required", server.address == "" and "address" or "port"
end

local function is_lsm_profile(text)
  if text == "" or text:find("^%l+:.+$") then
    return true
  end
  return nil, "must be TYPE:NAME, like selinux:LABEL"
end

local NAME_MAX = 15 -- bytes of an interface's name

local function interface(about)
  return shape.string({ empty = false, max = NAME_MAX, about = about })
end

M.options = shape.record({
  images_directory = shape.string({
    empty = false, about = "Where the images are; a checkpoint makes it, but nothing above it.",
  }),
  work_directory = fields.text("Where the log and statistics go: images_directory without it."),
  parent_image = fields.text("An earlier pre-dump's folder, relative to images_directory.",
    is_relative),
  leave_running = fields.switch("The container goes on after the checkpoint."),
  tcp_established = fields.switch("Established TCP connections are taken along."),
  tcp_close = fields.switch("Established TCP connections are closed after the restore."),
  tcp_skip_in_flight = fields.switch("TCP connections that are not accepted yet are left out."),
  external_unix_connections = fields.switch("Unix sockets may lead out of the container."),
  shell_job = fields.switch("The container's session and terminal are the caller's."),
  file_locks = fields.switch("File locks are taken along."),
  link_remap = fields.switch("Unlinked files that are open are linked in their folders."),
  pre_dump = fields.switch("Only memory is taken, and the container goes on."),
  page_server = shape.record({
    address = fields.text("Its address."),
    port = shape.integer({ default = 0, min = 0, max = PORT_MAX, about = "Its port." }),
  }, { optional = true, check = is_complete_server, about = "Pages go there, and not to files." }),
  veth_pairs = shape.list(shape.record({
    container_interface_name = interface("Its name in the container."),
    host_interface_name = interface("Its other end's name on the host."),
  }), { default = {}, about = "How interfaces of the container are called on the host now." }),
  manage_cgroups_mode = shape.enum(CGROUP_MODES, {
    default = CGROUP_MODES.default, accept = mode_of,
    about = "What becomes of cgroups that the container made, and of their limits.",
  }),
  empty_ns = shape.flags({
    default = {}, words = NETWORK_WORDS, mask = NEWNET,
    about = "Namespaces whose content is left out: network.",
  }),
  auto_dedup = fields.switch("Pages that a later image has are taken out of earlier ones."),
  lazy_pages = fields.switch("Memory follows when it is asked for (post-copy)."),
  status_fd = shape.any({
    optional = true,
    about = "Gets a byte when lazy pages can be asked for: a path, a descriptor, a Lua file.",
  }),
  lsm_profile = fields.text("Another profile for the restored processes, TYPE:NAME.",
    is_lsm_profile),
  lsm_mount_context = fields.text("Another label for restored mounts."),
  network_lock = shape.enum(NETWORK_LOCKS, {
    optional = true, about = "What holds packets back meanwhile.",
  }),
  config_file = fields.text("A file of CRIU's own options, which are stronger than these."),
  any_version = fields.switch(
    "A checkpoint of a newer kernel or a newer CRIU is restored all the same."),
  progress = shape.any({
    optional = true, check = is_function, about = "Is called with how far it is.",
  }),
})

--- Checks options and fills in what was left out.
-- @tparam table opts
-- @tparam[opt] string prefix of paths, where the options are a part of something
-- @treturn[1] table
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`, whose path is the option's name
function M.parse(opts, prefix)
  return shape.parse(M.options, opts, prefix and { prefix = prefix })
end

-- What a restore has to be told as the checkpoint was.
local REPEATED = { "tcp_established", "external_unix_connections", "shell_job", "file_locks",
  "link_remap", "manage_cgroups_mode", "empty_ns", "network_lock" }

local function word_of(words, number)
  for word, other in pairs(words) do
    if other == number then
      return word
    end
  end
  return nil
end

--- What of a checkpoint's options its restore has to be told again.
-- @tparam table options parsed
-- @treturn table for `parse`, plain data
function M.repeated(options)
  local list = {}
  for _, name in ipairs(REPEATED) do
    list[name] = options[name]
  end
  list.manage_cgroups_mode = word_of(CGROUP_MODES, options.manage_cgroups_mode)
  list.network_lock = word_of(NETWORK_LOCKS, options.network_lock)
  return list
end

-- The first versions of CRIU whose requests have a field; others are as old as what is worked with.
local SINCE = {
  manage_cgroups_mode = 10700, empty_ns = 20000, tcp_skip_in_flight = 20400, lazy_pages = 30500,
  config_file = 31100, tcp_close = 31200, lsm_profile = 31600, lsm_mount_context = 31600,
  network_lock = 31600,
}
local NOTHING = { ["false"] = true, ["0"] = true, [""] = true, ["nil"] = true }

local function is_set(name, value)
  if name == "manage_cgroups_mode" then
    return value ~= CGROUP_MODES.default
  end
  return not NOTHING[tostring(value)]
end

--- Says which versions of CRIU options ask for.
-- @tparam table options parsed
-- @treturn {table,…} `option`, `version`, ordered by the option's name
function M.since(options)
  local rows = {}
  for _, name in ipairs(sorted(SINCE)) do
    if is_set(name, options[name]) then
      local is_skipped = name == "network_lock" and options[name] == NETWORK_LOCKS.skip
      rows[#rows + 1] = { option = name, version = is_skipped and SINCE_SKIP or SINCE[name] }
    end
  end
  return rows
end

--- Says whether the content of the network namespace is left out.
function M.leaves_network_out(options)
  return bit.band(options.empty_ns, NEWNET) ~= 0
end

local function text_or_nil(text)
  return text ~= "" and text or nil
end

--- What CRIU is told alike by a checkpoint and by a restore.
-- @tparam table options parsed
-- @treturn table of the RPC's message
function M.common(options)
  return {
    log_level = 4,
    notify_scripts = true,
    manage_cgroups = true,
    manage_cgroups_mode = options.manage_cgroups_mode,
    orphan_pts_master = true,
    tcp_established = options.tcp_established,
    tcp_close = options.tcp_close,
    ext_unix_sk = options.external_unix_connections,
    shell_job = options.shell_job,
    file_locks = options.file_locks,
    link_remap = options.link_remap,
    auto_dedup = options.auto_dedup,
    lazy_pages = options.lazy_pages,
    empty_ns = options.empty_ns,
    network_lock = options.network_lock,
    config_file = text_or_nil(options.config_file),
  }
end

return M
