--- `lctr import`: makes a description of an OCI bundle.
-- @module ctr.cli.import

local core = require("ctr.core")
local errors = require("ctr.errors")

local MODE = 420 -- 0644

local function write_new(path, text)
  local handle, err = core.fd.open(path, { flags = { "wronly", "creat", "excl" }, mode = MODE })
  if not handle then
    if err.errno == "EEXIST" then
      return nil, errors.new("ConfigInvalid", path .. " exists already: remove it first")
    end
    return nil, errors.wrap(err, "write", path)
  end
  local ok
  ok, err = core.fd.write_all(handle, text)
  handle:close()
  if not ok then
    os.remove(path)
    return nil, errors.wrap(err, "write", path)
  end
  return true
end

return function(args, values)
  local folder
  if values.output then
    folder = core.path.realpath(require("ctr.describe.paths").folder(values.output))
  end
  local text, err = require("ctr.describe.import").text(args[1], {
    name = values.name, folder = folder,
  })
  if not text then
    return nil, err
  end
  if not values.output then
    io.stdout:write(text)
    return 0
  end
  local ok
  ok, err = write_new(values.output, text)
  if not ok then
    return nil, err
  end
  return 0
end
