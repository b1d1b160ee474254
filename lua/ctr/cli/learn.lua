--- `lctr learn`: runs a description, and proposes a seccomp profile of what it called.
-- @module ctr.cli.learn

local describe = require("ctr.describe")
local learn = require("ctr.learn")

local printers = {}

function printers.lua(proposals)
  for _, proposal in ipairs(proposals) do
    if #proposals > 1 then
      io.stdout:write("-- ", proposal.name, "\n")
    end
    io.stdout:write(learn.to_lua(proposal.profile, proposal.calls))
  end
end

function printers.json(proposals)
  local value = {}
  for _, proposal in ipairs(proposals) do
    value[proposal.name] = learn.to_oci(proposal.profile)
  end
  if #proposals == 1 then
    value = value[proposals[1].name]
  end
  require("ctr.cli.json").print(value)
end

-- Standard output is for the proposal.
local function adjust(fields)
  fields.seccomp_learn = true
  fields.seccomp_notify, fields.seccomp_report = nil, nil
  if fields.stdout == "inherit" then
    fields.stdout = 2
  end
end

local function warn(item)
  local status = item.status
  if status.code ~= 0 then
    io.stderr:write(("lctr: %s ended with %s: the profile has what it called until then\n"):format(
      item.description.name, status.signal or status.code))
  end
end

local function proposals_of(running)
  local proposals = {}
  for index, item in ipairs(running) do
    warn(item)
    local calls = item.status.calls
    local profile, err = learn.profile(calls)
    if not profile then
      return nil, err
    end
    proposals[index] = { name = item.description.name, profile = profile, calls = calls }
  end
  return proposals
end

return function(args, values, context)
  local list, err = describe.load(args[1], { trust = values.trust })
  if not list then
    return nil, err
  end
  local status, running = require("ctr.cli.foreground").run(list, context, adjust)
  if not status then
    return nil, running
  end
  local proposals
  proposals, err = proposals_of(running)
  if not proposals then
    return nil, err
  end
  printers[values.json and "json" or values.format or "lua"](proposals)
  return 0
end
