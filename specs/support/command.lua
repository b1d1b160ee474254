--- Runs commands for specs, and keeps what they say.
-- @module specs.support.command

local core = require("ctr.core")
local rootfs = require("specs.support.rootfs")

local M = {}

--- What a description calls its container, and the pattern of the cgroups: of this process' own.
M.NAME = "web-" .. core.proc.getpid()
M.PATTERN = (("/ctr-" .. M.NAME):gsub("%-", "%%-"))

--- Runs a program.
-- @tparam table args the program by its absolute path, or by its path below the project
-- @tparam[opt] table options of `core.proc.run`: `env`, `dir`, `stdin`, `timeout`
-- @treturn table `code`, `signal`, `stdout`, `stderr`
function M.run(args, options)
  local call = { args = args, timeout = 300 }
  for key, value in pairs(options or {}) do
    call[key] = value
  end
  call.path = assert(core.path.realpath(args[1]))
  return assert(core.proc.run(call))
end

--- A temporary folder with files in it.
-- @tparam[opt] table files from name to content
-- @treturn string its path
-- @treturn function removes it
function M.folder(files)
  local path = os.tmpname()
  os.remove(path)
  local parent, name = path:match("^(.*)/([^/]+)$")
  local handle = assert(core.path.open_root(parent))
  assert(core.path.mkdir(handle, name, 493)) -- 0755
  for file, content in pairs(files or {}) do
    local below = file:match("^(.*)/[^/]*$")
    if below then
      core.path.mkdir(handle, name .. "/" .. below, 493)
    end
    local out = assert(io.open(path .. "/" .. file, "w"))
    out:write(content)
    out:close()
  end
  return path, function()
    assert(core.path.remove_tree(handle, name))
    handle:close()
  end
end

--- A temporary folder with `web.lua` in it: a description with a root in `ROOT`, a name in `NAME`.
-- @string text
-- @treturn string its path
-- @treturn function removes it
function M.description(text)
  return M.folder({
    ["web.lua"] = ("local ROOT, NAME = %q, %q\n"):format(rootfs.shared(), M.NAME) .. text,
  })
end

--- Sees to the temporary folders of a spec.
-- @treturn function is given what `folder` or `description` returns, and returns the path
-- @treturn function for `after_each`: removes them
function M.kept()
  local removers = {}
  local function keep(path, remove)
    removers[#removers + 1] = remove
    return path
  end
  return keep, function()
    while #removers > 0 do
      table.remove(removers)()
    end
  end
end

return M
