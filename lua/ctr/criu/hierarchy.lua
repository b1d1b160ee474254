--- The cgroup hierarchies, as CRIU sees them. By itself it mounts each of them; but a mount of the
-- cgroup2 hierarchy without options, made in the initial cgroup namespace, takes them from all:
-- `nsdelegate` would be gone on the host. So it is given a folder in which they are, which it calls
-- a yard. One that is too old for that has the options put back after it.
-- @module ctr.criu.hierarchy

local core = require("ctr.core")

local M = {}

local OF_MOUNT = { rw = true, ro = true }
local UNIFIED = "unified" -- CRIU's name of the cgroup2 hierarchy's folder

--- The first version that takes a yard.
M.WITH_YARD = 31400

local function read(path)
  local file = io.open(path, "r")
  local text = file and file:read("*a") or ""
  if file then
    file:close()
  end
  return text
end

-- Where whole hierarchies are mounted: by each controller's name, or "name=…", or "" for cgroup2.
local function places_of(mountinfo)
  local places = {}
  for line in mountinfo:gmatch("[^\n]+") do
    local place, kind, options = line:match("^%d+ %d+ %S+ / (%S+) .- %- (cgroup2?) %S+ (%S+)")
    if kind == "cgroup2" then
      places[""] = place
    end
    for word in kind == "cgroup" and options:gmatch("[^,]+") or function() end do
      places[word] = place
    end
  end
  return places
end

--- Says which links a yard of all hierarchies has. Pure.
-- @tparam string cgroups the content of a /proc/PID/cgroup
-- @tparam string mountinfo
-- @treturn ?table path by name; nil where one of them is not mounted as a whole
function M.links(cgroups, mountinfo)
  local places, links = places_of(mountinfo), {}
  for names in cgroups:gmatch("%d+:([^:\n]*):[^\n]*") do
    local place = places[names] or places[names:match("^[^,]*")]
    if not place or place:find("\\", 1, true) then
      return nil
    end
    links[names == "" and UNIFIED or names:gsub("^name=", "")] = place
  end
  return links
end

--- Makes a yard for a dump: links in a file system that is mounted nowhere, so it goes when it is
-- closed.
-- @tparam number version of CRIU
-- @treturn ?ctr.fd nil where there can be none, and CRIU mounts the hierarchies itself
function M.yard(version)
  local links = version >= M.WITH_YARD
    and M.links(read("/proc/self/cgroup"), read("/proc/self/mountinfo"))
  local yard = links and core.mount.new("tmpfs", "tmpfs", { "mode=0700" }, {})
  for name, place in pairs(yard and links or {}) do
    core.path.symlink(yard, place, name)
  end
  return yard or nil
end

--- Clones the cgroup2 hierarchy's mount, for the yard of a restore: what is not in that CRIU mounts
-- there itself.
-- @tparam number version of CRIU
-- @treturn ?ctr.fd
function M.clone(version)
  local place = version >= M.WITH_YARD and places_of(read("/proc/self/mountinfo"))[""]
  return place and core.mount.clone(place) or nil
end

--- The options that the hierarchy has.
-- @treturn ?string nil where none is mounted
function M.options()
  return read("/proc/self/mountinfo"):match(" %- cgroup2 %S+ (%S+)")
end

--- Puts them back, unless they are what they were: a mount that is made decides, although it is
-- attached nowhere.
-- @tparam ?string options what they were
function M.put_back(options)
  if not options or M.options() == options then
    return
  end
  local words = {}
  for word in options:gmatch("[^,]+") do
    if not OF_MOUNT[word] then
      words[#words + 1] = word
    end
  end
  local mount = core.mount.new("cgroup2", "cgroup2", words, {})
  if mount then
    mount:close()
  end
end

return M
