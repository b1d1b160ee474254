--- Descriptions in a file, evaluated apart.
--
-- A file makes drafts; they are built when it has ended: so nothing that it did can reach what
-- builds them, and all that is wrong is told at once.
-- @module ctr.describe.file

local describe = require("ctr.describe")
local errors = require("ctr.errors")
local guard = require("ctr.describe.guard")
local identities = require("ctr.describe.identity")
local layers = require("ctr.describe.layers")
local order = require("ctr.describe.order")
local origin = require("ctr.describe.origin")
local plain = require("ctr.describe.plain")
local problems_of = require("ctr.describe.problems")
local sandbox = require("ctr.describe.sandbox")
local words = require("ctr.describe.words")

local M = {}

-- What `container "web" { … }` is in a file: a table that says its name, and no more.
local TOKEN = { __metatable = false, __name = "description" }

local function context_of(state)
  return {
    copying = {
      is_trusted = state.trust, kept = words.marked, opaque = { [TOKEN] = true },
      on_function = not state.trust and guard.wrap or nil,
    },
    draft_of = function(value) return state.drafts[value] end,
    place_of = function(value) return state.returned[value] end,
  }
end

local function container_word(state)
  local context = context_of(state)
  return function(name)
    describe.check_name(name, 2)
    local place = origin.caller(2)
    return function(keys)
      describe.check_keys(keys, 2)
      place.look = state.look(place, function(source)
        return source:call("container", place.line, name)
      end)
      local token = setmetatable({ name = name }, TOKEN)
      state.drafts[token] = layers.read(name, keys, place, context)
      return token
    end
  end
end

local WORDS = { "bind", "tmpfs", "loopback", "veth", "replace", "remove", "add", "null" }

local function words_of(state)
  local result = { container = container_word(state) }
  for _, name in ipairs(WORDS) do
    result[name] = words[name]
  end
  return result
end

-- The drafts in what a file returned: descriptions, or lists of them.
local function drafts_in(state, values)
  local list = {}
  local returned = plain.copy(values, "", { opaque = { [TOKEN] = true } })
  for _, value in ipairs(returned or {}) do
    local items = state.drafts[value] and { value } or value
    for _, item in ipairs(type(items) == "table" and items or { false }) do
      if not state.drafts[item] then
        return {}
      end
      list[#list + 1] = state.drafts[item]
    end
  end
  return list
end

local function evaluation_error(path, result)
  local text = result.err
  if result.outside then
    text = text .. "; lctr --trust gives a description all of Lua"
  end
  return errors.new("ConfigInvalid", text, { target = path, outside = result.outside,
    problems = { { path = "", text = text, file = path } } })
end

local function no_description(path)
  local text = path .. " returns no description: it ends with return container \"name\" { … }"
  return errors.new("ConfigInvalid", text, { target = path,
    problems = { { path = "", text = text, file = path } } })
end

-- A program is not written as a description is, and needs what a description cannot have.
local function is_program(result)
  local describes = result.text and result.text:find("return%s*%(?%s*container%f[^%w_]")
  return not describes and result.text ~= nil and (result.ok or result.outside ~= nil)
end

local function build_all(drafts, identity)
  local list, problems = {}, {}
  for index, draft in ipairs(drafts) do
    list[index] = describe.make(draft, identity)
    for _, problem in ipairs(list[index]:problems()) do
      problems[#problems + 1] = problem
    end
  end
  local sorted, found = order.sort(list)
  for _, problem in ipairs(found) do
    for _, one in ipairs(problems_of.locate(problem.description, { problem })) do
      problems[#problems + 1] = one
    end
  end
  return sorted, problems
end

--- Reads descriptions from a file.
-- @tparam string path
-- @tparam[opt] table opts `trust`: the file may use all of Lua; `identity`: of the caller
-- @treturn[1] table a list of descriptions, checked, in the order in which they start
-- @return[2] nil
-- @treturn[2] ctr.Error `problems` has them all; `is_program` when the file is a Lua program, as it
-- seems
function M.load(path, opts)
  opts = opts or {}
  local result, state = sandbox.evaluate(path, words_of, opts.trust)
  local drafts = result.ok and drafts_in(state, result.values) or {}
  if #drafts == 0 then
    local err = result.ok and no_description(path) or evaluation_error(path, result)
    err.is_program = not opts.trust and is_program(result) or nil
    return nil, err
  end
  local list, problems = build_all(drafts, opts.identity or identities.current())
  if #problems > 0 then
    return nil, problems_of.error(problems)
  end
  return list
end

return M
