-- A caller that has every capability inheritable and ambient, and groups: what its containers'
-- processes have.
-- Arguments: the project's folder, the state root, the container's root. Prints a line for each way
-- to start a process: the sets that were asked for, then those that the process has.

local project, state, root = arg[1], arg[2], arg[3]
package.path = project .. "/lua/?.lua;" .. project .. "/lua/?/init.lua;" .. project .. "/?.lua;"
  .. package.path
package.cpath = project .. "/build/?.so;" .. package.cpath

local box = require("specs.support.box")
local ctr = require("ctr")

local MAPPING = { { container_id = 0, host_id = 100000, size = 65536 } }
local USERNS = { "NEWNS", "NEWUTS", "NEWIPC", "NEWPID", "NEWNET", "NEWUSER" }
local KILL, BOTH = { "CAP_KILL" }, { "CAP_KILL", "CAP_CHOWN" }

local SETS = {
  {},
  { bounding = BOTH },
  { bounding = BOTH, permitted = BOTH, effective = KILL },
  { bounding = BOTH, permitted = BOTH, effective = BOTH, inheritable = KILL },
  { bounding = BOTH, permitted = BOTH, effective = BOTH, inheritable = BOTH, ambient = KILL },
}

local factory = assert(ctr.new(state))

local function names(list)
  local sorted = { unpack(list or {}) }
  table.sort(sorted)
  return table.concat(sorted, ",")
end

local BITS = { CAP_CHOWN = 1, CAP_KILL = 32 }

local function mask(list)
  local sum = 0
  for _, name in ipairs(list or {}) do
    sum = sum + BITS[name]
  end
  return ("%016x"):format(sum)
end

local function show(way, set, text)
  for name, key in pairs({ Inh = "inheritable", Amb = "ambient", Bnd = "bounding" }) do
    local found = text:match("Cap" .. name .. ":%s+(%x+)")
    if found ~= mask(set[key]) then
      print(way, name, "asked for " .. names(set[key]), "has " .. tostring(found))
    end
  end
  if not text:find("Groups:%s*\n") then
    print(way, (text:match("Groups[^\n]*")))
  end
  local permitted = text:match("CapPrm:%s+(%x+)")
  -- What root executes may have all of the bounding set; a user's programs the ambient ones.
  local most = way:find("user 0", 1, true) and set.bounding or set.ambient
  if permitted ~= mask(most) then
    print(way, "Prm", "may have " .. names(most), "has " .. tostring(permitted))
  end
end

local function run(container, spec)
  local said = ""
  spec.args = { "/bin/grep", "-E", "Cap|Groups", "/proc/self/status" }
  spec.stdout = function(data) said = said .. data end
  local process = ctr.process(spec)
  assert(container:run(process))
  assert(process:wait(60))
  return said
end

local count = 0
for _, namespaces in ipairs({ box.config(root).namespaces, USERNS }) do
  local mapping = namespaces == USERNS and MAPPING or nil
  for _, own in ipairs(SETS) do
    for _, user in ipairs({ "0", "1000" }) do
      count = count + 1
      local container = assert(factory:create("endowed", box.config(root, { namespaces = namespaces,
        uid_mappings = mapping, gid_mappings = mapping, capabilities = own, cgroups = {} })))
      show(("first, user %s, %d"):format(user, count), own, run(container, { user = user }))
      local sleeper = ctr.process({ args = { "/bin/sleep", "1000" } })
      assert(container:run(sleeper))
      show(("further, user %s, %d"):format(user, count), own, run(container, { user = user }))
      for _, set in ipairs(SETS) do
        show(("further with its own, user %s, %d"):format(user, count), set,
          run(container, { user = user, capabilities = set }))
      end
      assert(container:signal("SIGKILL"))
      assert(sleeper:wait(60))
      assert(container:destroy())
    end
  end
end
print("done", count)
