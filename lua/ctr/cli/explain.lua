--- `lctr explain`: what a key of a description means, and what set what in one.
-- @module ctr.cli.explain

local columns = require("ctr.cli.columns")
local explain = require("ctr.describe.explain")

local VALUE_MAX = 48

local function short(text)
  return #text > VALUE_MAX and text:sub(1, VALUE_MAX) .. "…" or text
end

local function print_origins(list)
  for index, item in ipairs(list) do
    if #list > 1 then
      io.stdout:write(index > 1 and "\n" or "", "# ", item.name, "\n")
    end
    local rows = { { "KEY", "VALUE", "FROM" } }
    for _, row in ipairs(item.origins) do
      rows[#rows + 1] = { row.key, short(row.value), row.from }
    end
    io.stdout:write(columns.text(rows))
  end
end

local function explain_origins(args, values)
  local descriptions, err = require("ctr.describe").load(args[1], { trust = values.trust })
  if not descriptions then
    return nil, err
  end
  local list = {}
  for index, description in ipairs(descriptions) do
    list[index] = { name = description.name, origins = explain.origin(description) }
  end
  if values.json then
    local json = require("ctr.cli.json")
    json.print(#list == 1 and list[1] or json.array(list))
    return 0
  end
  print_origins(list)
  return 0
end

local function print_keys(list)
  local rows = { { "KEY", "TYPE", "MEANING" } }
  for index, row in ipairs(list) do
    local about = row.default and ("%s Default: %s."):format(row.about, short(row.default))
      or row.about
    rows[index + 1] = { row.key, short(row.type), about }
  end
  io.stdout:write(columns.text(rows))
end

local function explain_key(args, values)
  local rows, problem
  if args[1] then
    rows, problem = explain.key(args[1])
  else
    rows = explain.keys()
  end
  if not rows then
    return nil, problem
  end
  if values.json then
    require("ctr.cli.json").print(rows)
    return 0
  end
  print_keys(rows)
  return 0
end

return function(args, values)
  if not values.origin then
    return explain_key(args, values)
  end
  if not args[1] then
    return nil, "explain: --origin wants FILE.lua"
  end
  return explain_origins(args, values)
end
