--- Proves that the specs have power: takes one defence out at a time (`tools/defence_list.lua`), in
-- a copy of the tree, and runs the spec that has to fail then.
-- usage: luajit tools/defences.lua [--check] [PART-OF-A-NAME...]
-- `--check` only tells whether each of them still applies. Fails when one does not apply or build,
-- and when a spec passes without the defence.

local list = require("tools.defence_list")

local TIMEOUT = 240 -- seconds: a spec that hangs has failed

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

local function write(path, text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
end

local function succeeds(command)
  local status = os.execute(command)
  return status == 0 or status == true
end

-- The text with one part of it replaced; nil and why not.
local function replaced(text, old, new)
  local first, last = text:find(old, 1, true)
  if not first then
    return nil, "is not there"
  end
  if text:find(old, last + 1, true) then
    return nil, "is there twice"
  end
  return text:sub(1, first - 1) .. new .. text:sub(last + 1)
end

-- path → text with all edits of a defence.
local function edited(defence, folder)
  local texts = {}
  for _, edit in ipairs(defence.edits) do
    local path, old, new = unpack(edit)
    local text, problem = replaced(texts[path] or read(folder .. "/" .. path), old, new)
    if not text then
      return nil, ("%s: %q %s"):format(path, old, problem)
    end
    texts[path] = text
  end
  return texts
end

local function is_wanted(defence, names)
  for _, name in ipairs(names) do
    if defence.name:find(name, 1, true) then
      return true
    end
  end
  return #names == 0
end

local function build(folder)
  return succeeds(("make -s -C %s all > %s/defence.log 2>&1"):format(folder, folder))
end

-- busted's own script takes a word for an argument: a space may be any character.
local function spec_passes(defence, folder)
  local filter = defence.filter and ("--filter='%s'"):format(defence.filter:gsub("[ ']", ".")) or ""
  return succeeds(("cd %s && timeout -k 5 %d luajit tools/private.lua busted --output=TAP %s %s "
    .. "> defence.log 2>&1 < /dev/null"):format(folder, TIMEOUT, filter, defence.spec))
end

-- Without the change the spec has to pass, and there has to be one.
local function is_sound(defence, folder, sound)
  local key = defence.spec .. (defence.filter or "")
  if sound[key] == nil then
    sound[key] = spec_passes(defence, folder)
      and read(folder .. "/defence.log"):find("ok 1 ", 1, true) ~= nil
  end
  return sound[key]
end

-- What became of a defence that was taken out, and whether that is as it has to be.
local function judge(defence, folder, sound)
  if not is_sound(defence, folder, sound) then
    return "fails as it is", false
  end
  local texts, problem = edited(defence, folder)
  if not texts then
    return "does not apply: " .. problem, false
  end
  local kept = {}
  for path, text in pairs(texts) do
    kept[path] = read(folder .. "/" .. path)
    write(folder .. "/" .. path, text)
  end
  local verdict, is_fine = "does not build", false
  if build(folder) then
    is_fine = not spec_passes(defence, folder)
    verdict = is_fine and "killed" or "SURVIVED"
  end
  for path, text in pairs(kept) do
    write(folder .. "/" .. path, text)
  end
  build(folder)
  return verdict, is_fine
end

local function check_all()
  local count = 0
  for _, defence in ipairs(list) do
    local texts, problem = edited(defence, ".")
    if not texts then
      print(("%s: does not apply: %s"):format(defence.name, problem))
      count = count + 1
    end
  end
  return count == 0
end

local function copy_tree()
  local pipe = io.popen("mktemp -d")
  local folder = pipe:read("*l")
  pipe:close()
  assert(succeeds(("git ls-files -z | xargs -0 cp -a --parents -t %s && cp -a build %s"):format(
    folder, folder)))
  return folder
end

local function run_all(names)
  local folder, failed, sound = copy_tree(), 0, {}
  for _, defence in ipairs(list) do
    if is_wanted(defence, names) then
      local verdict, is_fine = judge(defence, folder, sound)
      failed = failed + (is_fine and 0 or 1)
      print(("%-9s %s (%s)"):format(verdict, defence.name, defence.spec))
      io.stdout:flush()
    end
  end
  os.execute("rm -rf " .. folder)
  print(failed == 0 and "every spec fails without its defence"
    or failed .. " of them prove nothing")
  return failed == 0
end

if arg[1] == "--check" then
  os.exit(check_all() and 0 or 1)
end
os.exit(run_all(arg) and 0 or 1)
