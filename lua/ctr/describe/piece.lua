--- A piece of an OCI document in a description: `oci = { linux = { … } }`.
--
-- It is a merge patch (RFC 7396; items of lists by their number, `["1"]`) for the document that the
-- rest of the description comes to. What changes by it in the configuration is changed there; what
-- changes nothing there is for the document alone (`lctr spec --from`).
-- @module ctr.describe.piece

local core = require("ctr.core")
local patch = require("ctr.oci.patch")
local schema = require("ctr.config.schema")

local M = {}

-- What no document can hold, and what it would hold in another form: it stays as it is.
local NOT_SAID = {
  "stdin", "stdout", "stderr", "extra_files", "console_socket", "pidfd_socket", "seccomp_notify",
}

local function copy(value)
  if type(value) ~= "table" then
    return value
  end
  local result = {}
  for key, item in next, value do
    result[key] = copy(item)
  end
  if debug.getmetatable(value) then
    return setmetatable(result, debug.getmetatable(value)) -- an array, though it be empty
  end
  return value[1] ~= nil and core.json.array(result) or result
end

--- Merges a piece into a document.
-- @tparam table document left as it is
-- @tparam table piece
-- @treturn table
function M.patched(document, piece)
  return patch.apply(copy(document), copy(piece))
end

local function without_functions(hooks)
  local result = {}
  for kind, rows in pairs(hooks or {}) do
    result[kind] = {}
    for _, row in ipairs(rows) do
      table.insert(result[kind], not row.func and row or nil)
    end
  end
  return hooks and result
end

-- What of a container a document can say.
local function sayable(config, process)
  local said = {}
  for key, value in pairs(process) do
    said[key] = value
  end
  for _, key in ipairs(NOT_SAID) do
    said[key] = nil
  end
  said.user, said.additional_groups = nil, nil
  local plain = {}
  for key, value in pairs(config) do
    plain[key] = value
  end
  plain.hooks = without_functions(config.hooks)
  return plain, said
end

local function prefixed(err)
  local problems = {}
  for index, problem in ipairs(err.problems or { { path = err.path or "", text = err.message } }) do
    problems[index] = { path = "oci." .. problem.path, text = problem.text }
  end
  return problems
end

-- Where a document lies is nothing of a description's.
local function drop_bundle(labels)
  for index = #labels, 1, -1 do
    if labels[index]:find("^bundle=") then
      table.remove(labels, index)
    end
  end
end

-- A document as the configuration that the schema makes of it.
local function read(document)
  local oci = require("ctr.oci")
  local config, process = oci.config(document, { bundle = "/" })
  if not config then
    return nil, process
  end
  local parsed, err = schema.parse(config)
  if not parsed then
    return nil, err
  end
  drop_bundle(parsed.labels)
  local fields = {}
  if process then
    fields, err = schema.parse_process(process)
  end
  return fields and parsed, fields or err
end

local function differences(before, changed)
  local old, old_process = read(before)
  if not old then
    return nil, nil, old_process
  end
  local new, new_process = read(changed)
  if not new then
    return nil, nil, new_process
  end
  return patch.diff(new, old) or {}, patch.diff(new_process, old_process) or {}
end

--- Merges a piece in.
-- @tparam table config as the description has it
-- @tparam table process the same
-- @tparam table piece
-- @treturn[1] table the configuration
-- @treturn[1] table the process' fields
-- @return[2] nil
-- @return[2] nil
-- @treturn[2] table problems; empty where the rest of the description has its own
function M.apply(config, process, piece)
  local plain, said = sayable(config, process)
  local before = require("ctr.oci").spec(plain, said)
  if not before then
    return nil, nil, {} -- the check of the configuration tells
  end
  local changed = M.patched(before, piece)
  local of_config, of_process, err = differences(before, changed)
  if err then
    return nil, nil, prefixed(err)
  end
  local parsed = schema.parse(config)
  local fields = schema.parse_process(process)
  if not parsed or not fields then
    return nil, nil, {}
  end
  return patch.apply(parsed, of_config), patch.apply(fields, of_process)
end

return M
