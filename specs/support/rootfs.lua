--- Root file systems for specs.
-- @module specs.support.rootfs

local M = {}

local CACHED = "build/rootfs"

local function quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

local function run(command)
  -- Lua 5.1's os.execute returns a number, one with 5.2's extensions true.
  local status = os.execute(command)
  assert(status == 0 or status == true, "failed: " .. command)
end

local function exists(path)
  local file = io.open(path, "r")
  if file then
    file:close()
  end
  return file ~= nil
end

--- The busybox root that specs share: who writes to it makes a copy instead.
-- @treturn string absolute
function M.shared()
  if not exists(CACHED .. "/bin/busybox") then
    run("sh tools/rootfs.sh " .. quote(CACHED))
  end
  return (require("ctr.core").path.realpath(CACHED))
end

--- Makes a busybox root of its own.
-- @tparam string path which does not exist yet; folders above it are made
-- @treturn string path
function M.make(path)
  local shared = M.shared()
  run(("mkdir -p %s && cp -a %s/. %s"):format(quote(path), quote(shared), quote(path)))
  return path
end

return M
