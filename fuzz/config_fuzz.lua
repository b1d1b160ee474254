--- Feeds the schema, the rules, the planner and the reader of user files with what a seeded
-- generator makes of the shapes themselves: mostly well formed, with odd values in some places.
-- Whatever comes, the answer is a value or an error of the library's, within a second.
-- usage: luajit fuzz/config_fuzz.lua [SECONDS [SEED]]

package.path = "lua/?.lua;lua/?/init.lua;" .. package.path
package.cpath = "build/?.so;" .. package.cpath

local ctr = require("ctr")
local errors = require("ctr.errors")
local schema = require("ctr.config.schema")
local user = require("ctr.user")

local seconds, seed = tonumber(arg[1] or 60), tonumber(arg[2] or os.time())
local CALL_SECONDS = 1
local random = math.random
math.randomseed(seed)

local function raise()
  error("a metamethod ran")
end

local PIECES = { "/", "..", ".", "a", "dev", "proc", "null", "\0", "\255", "é", "\n", "%s", "=",
  ",", "-", "0", "1", "9999999999", "rw", "ro", "bind", "M", "CAP_KILL", "root", ":", " ", "*",
  "\"", ("x"):rep(300), "[", "]", "net.ipv4.", "kernel.", "uid=1", "NEWNS" }

local function text()
  local parts = {}
  for index = 1, random(0, 4) do
    parts[index] = PIECES[random(#PIECES)]
  end
  return table.concat(parts)
end

local NUMBERS = { 0, 1, -1, 2, 255, 1000, 65535, 65536, 2 ^ 31 - 1, 2 ^ 31, 2 ^ 32 - 2, 2 ^ 32 - 1,
  2 ^ 32, 2 ^ 53, 2 ^ 53 + 2, 2 ^ 63, 2 ^ 64, 1e308, -2 ^ 31, -2 ^ 53, 0.5, -0.0, 0 / 0, math.huge,
  -math.huge }

local function odd(depth)
  local kind = random(12)
  if kind == 1 then
    return text()
  elseif kind == 2 then
    return NUMBERS[random(#NUMBERS)]
  elseif kind == 3 then
    return random(2) == 1
  elseif kind == 4 then
    return setmetatable({}, { __index = raise, __len = raise, __tostring = raise, __lt = raise })
  elseif kind == 5 then
    return raise
  elseif kind == 6 then
    return coroutine.create(raise)
  elseif kind == 7 then
    return newproxy(true)
  elseif kind == 8 then
    local ring = {}
    ring[text()], ring[random(3)] = ring, ring
    return ring
  elseif depth > 5 then
    return nil
  end
  local tree = {}
  for _ = 1, random(0, 3) do
    local key = odd(depth + 1)
    if key ~= nil and key == key then
      tree[key] = odd(depth + 1)
    end
  end
  return tree
end

-- Whether what is made is mostly as it should be.
local tame

local make

local makers = {}

function makers.record(shape, depth)
  local record = {}
  for _, name in ipairs(shape.order) do
    local field = shape.fields[name]
    local is_needed = field.default == nil and not field.optional
    if is_needed or random(tame and 12 or 3) == 1 then
      record[name] = make(field, depth + 1)
    end
  end
  if not tame and random(40) == 1 then
    record[text()] = text()
  end
  return record
end

function makers.list(shape, depth)
  local list = {}
  for index = 1, random(shape.min or 0, 3) do
    list[index] = make(shape.item, depth + 1)
  end
  return list
end

function makers.map(shape, depth)
  local map = {}
  for _ = 1, random(0, 3) do
    map[random(2) == 1 and "net.ipv4.ip_forward" or text()] = make(shape.value, depth + 1)
  end
  return map
end

local TAME = { "/a", "/dev/x", "CAP_KILL", "a", "rwm", "0-3", "key=value", "1", "tmpfs" }

function makers.string()
  if tame then
    return TAME[random(#TAME)]
  end
  return random(3) > 1 and "/" .. text() or text()
end

function makers.boolean()
  return random(2) == 1
end

function makers.integer(shape)
  if not tame and random(2) == 1 then
    return NUMBERS[random(#NUMBERS)]
  end
  return random(math.max(shape.min, -1000), math.min(shape.max, 1000))
end

function makers.size()
  local unit = ({ "M", "k", "", "T", tame and "G" or "x" })[random(5)]
  return random(2) == 1 and random(0, 2 ^ 20) or random(0, 99) .. unit
end

local function word_of(words)
  local names = {}
  for name in pairs(words) do
    names[#names + 1] = name
  end
  return names[random(#names)]
end

function makers.enum(shape)
  return word_of(shape.words)
end

function makers.flags(shape)
  local list = {}
  for index = 1, random(0, 3) do
    list[index] = word_of(shape.words)
  end
  return list
end

function makers.any(_, depth)
  return odd(depth)
end

function makers.lazy(shape, depth)
  return make(shape.load(), depth)
end

function makers.choice(_, depth)
  return random(2) == 1 and { "A=b" } or { A = text() } or depth
end

function make(shape, depth)
  if depth > 12 or random(tame and 3000 or 60) == 1 then
    return odd(depth)
  end
  return makers[shape.kind](shape, depth)
end

local function check(what, value, returned, result, err)
  assert(returned, ("%s raised: %s"):format(what, tostring(result)))
  if result ~= nil then
    return true
  end
  assert(errors.is(err), what .. " returned no error")
  assert(err.code == "ConfigInvalid", what .. ": " .. err.code)
  assert(type(err.path) == "string" and #tostring(err) < 1000000, what)
  return false, value
end

local longest = 0

local function call(what, act, ...)
  local began = os.clock()
  local is_good = check(what, (...), pcall(act, ...))
  local took = os.clock() - began
  longest = math.max(longest, took)
  assert(took < CALL_SECONDS, ("%s took %.1f s"):format(what, took))
  return is_good
end

local function lines()
  local parts = {}
  for index = 1, random(0, 5) do
    local fields = {}
    for number = 1, random(1, 8) do
      fields[number] = random(200) == 1 and (text() .. " "):rep(random(5000)) or text()
    end
    parts[index] = table.concat(fields, ":")
  end
  return table.concat(parts, "\n")
end

print(("config_fuzz: seed %d"):format(seed))
local count, good = 0, 0
local deadline = os.time() + seconds
repeat
  for _ = 1, 100 do
    tame = random(2) == 1
    local config = make(schema.config, 0)
    local process = make(schema.process, 0)
    if type(config) == "table" and getmetatable(config) == nil and random(2) == 1 then
      config.rootfs = "/srv"
      config.namespaces = { "NEWNS", "NEWUTS", "NEWIPC", "NEWNET", "NEWPID", "NEWTIME" }
    end
    good = good + (call("schema.parse", schema.parse, config) and 1 or 0)
    call("schema.parse_process", schema.parse_process, process)
    call("ctr.plan", function(...)
      local plan, err = ctr.plan(...)
      return plan and tostring(plan), err
    end, config, process)
    call("user.resolve", user.resolve, { user = text():gsub("%z", ""), passwd = lines(),
      group = lines(), additional_groups = { text() } })
    count = count + 1
  end
until os.time() >= deadline
print(("config_fuzz: %d configurations, %d of them good; the longest call took %.3f s"):format(
  count, good, longest))
