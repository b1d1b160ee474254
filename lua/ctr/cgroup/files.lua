--- What the tables of both kinds of hierarchy are made of: from a resource to the text of a file.
--
-- A write is `{ key, path, controller, file, text, optional, other, first, item, blank, field,
-- inherited }`: `path` is the configuration's (below `cgroups`), `other` a file to take where
-- `file` is not there, `first` the write to do before this one when the kernel finds the two
-- inconsistent. To put the file back as it was: `item` begins the line that the write replaces and
-- `blank` is written where there was none; `field` is the word before the value in a file that says
-- more; `inherited` is the file that says what counts while this one is empty: the kernel does not
-- empty it again.
-- @module ctr.cgroup.files

local sorted = require("ctr.sorted")

local M = {}

--- Says whether a resource asks for anything: libcontainer's zero values do not.
function M.is_set(value)
  return value ~= nil and value ~= 0 and value ~= "" and value ~= false
end

--- A number in full: decimal text is one that a Lua number does not hold.
function M.plain(number)
  if type(number) == "string" then
    return number
  end
  return ("%.0f"):format(number)
end

--- A number, or the kernel's word for no limit.
function M.max_below_zero(number)
  return number == -1 and "max" or M.plain(number)
end

--- "8:16", as devices stand in front of a value.
function M.device(entry)
  return ("%d:%d"):format(entry.major, entry.minor)
end

--- A list of writes, and the function that adds one.
-- @treturn table
-- @treturn function `add(key, controller, file, text, more)`; `more` has the other fields
function M.list()
  local writes = {}
  return writes, function(key, controller, file, text, more)
    local write = { key = key, path = key, controller = controller, file = file, text = text }
    for name, value in pairs(more or {}) do
      write[name] = value
    end
    writes[#writes + 1] = write
    return write
  end
end

--- The path of an entry of a list.
function M.entry(key, index)
  return ("%s[%s]"):format(key, tostring(index))
end

--- What each of libcontainer's throttles is called: in v1's file, and in v2's `io.max`.
M.THROTTLES = {
  { key = "blkio_throttle_read_bps_device", v1 = "read_bps", v2 = "rbps" },
  { key = "blkio_throttle_write_bps_device", v1 = "write_bps", v2 = "wbps" },
  { key = "blkio_throttle_read_iops_device", v1 = "read_iops", v2 = "riops" },
  { key = "blkio_throttle_write_iops_device", v1 = "write_iops", v2 = "wiops" },
}

local function rdma_value(limit)
  local words = {}
  if limit.hca_handles then
    words[#words + 1] = "hca_handle=" .. M.plain(limit.hca_handles)
  end
  if limit.hca_objects then
    words[#words + 1] = "hca_object=" .. M.plain(limit.hca_objects)
  end
  return table.concat(words, " ")
end

--- Adds the limits of RDMA devices, whose file is the same in both kinds.
function M.add_rdma(add, resources)
  local rdma = resources.rdma or {}
  for _, name in ipairs(sorted(rdma)) do
    add("rdma", "rdma", "rdma.max", name .. " " .. rdma_value(rdma[name]), {
      path = ('rdma["%s"]'):format(name), item = name,
      blank = name .. " hca_handle=max hca_object=max",
    })
  end
end

--- Adds the limits of huge pages.
-- @tparam function add
-- @tparam table resources
-- @tparam string limit how a limit's file ends: `max`, or `limit_in_bytes`
function M.add_hugetlb(add, resources, limit)
  for index, entry in ipairs(resources.hugetlb_limit or {}) do
    local path = M.entry("hugetlb_limit", index)
    local stem = "hugetlb." .. entry.page_size
    add("hugetlb_limit", "hugetlb", stem .. "." .. limit, M.plain(entry.limit), { path = path })
    -- The limit of reservations came with Linux 5.7.
    add("hugetlb_limit", "hugetlb", stem .. ".rsvd." .. limit, M.plain(entry.limit),
      { path = path, optional = true })
  end
end

return M
