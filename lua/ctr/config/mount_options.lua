--- The options of a file system, as fsconfig(2) takes them: one by one.
-- @module ctr.config.mount_options

local M = {}

local VALUE_MAX = 255 -- of fsconfig(2)

-- Appends the options of "a,b=c"; a quoted value (an SELinux context) keeps its commas.
local function add_quoted(data, options)
  local at, quoted = 1, false
  for position = 1, #data + 1 do
    local char = data:sub(position, position)
    if char == '"' then
      quoted = not quoted
    elseif char == "" or (char == "," and not quoted) then
      if position > at then
        options[#options + 1] = data:sub(at, position - 1)
      end
      at = position + 1
    end
  end
end

-- A colon after a backslash belongs to the path.
local function split_layers(text)
  local layers, at = {}, 1
  for position = 1, #text + 1 do
    local char = text:sub(position, position)
    if char == "" or (char == ":" and text:sub(position - 1, position - 1) ~= "\\") then
      layers[#layers + 1] = (text:sub(at, position - 1):gsub("\\(.)", "%1"))
      at = position + 1
    end
  end
  return layers
end

-- A list of layers that is too long for one value is handed over layer by layer (Linux 6.7); those
-- behind "::" hold data alone.
local function add_layers(options, list)
  local key = "lowerdir+="
  for _, layer in ipairs(split_layers(list)) do
    if layer == "" then
      key = "datadir+="
    else
      options[#options + 1] = key .. layer
    end
  end
end

local function divide_layers(options)
  local divided = {}
  for _, option in ipairs(options) do
    local list = option:match("^lowerdir=(.*)$")
    if list and #list > VALUE_MAX then
      add_layers(divided, list)
    else
      divided[#divided + 1] = option
    end
  end
  return divided
end

--- The options that a mount's data names.
-- @tparam table mount `data`, `device`
-- @treturn {string,…} "key" or "key=value"
function M.of(mount)
  local options = {}
  if mount.data:find('"', 1, true) then
    add_quoted(mount.data, options)
  else
    for option in mount.data:gmatch("[^,]+") do
      options[#options + 1] = option
    end
  end
  if mount.device == "overlay" and #mount.data > VALUE_MAX then
    return divide_layers(options)
  end
  -- "fuse.sshfs" is fuse to fsopen(2).
  local subtype = mount.device:match("^fuse[^.]*%.(.+)$")
  options[#options + 1] = subtype and "subtype=" .. subtype
  return options
end

return M
