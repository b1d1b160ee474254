--- Internet addresses as text: read, compared, masked.
-- An address is `{ family = 4 or 6, … }`: its bytes, 4 or 16, from the first to the last.
-- @module ctr.config.ip

local bit = require("bit")

local M = {}

local SIZES = { [4] = 4, [6] = 16 }

local function parse_v4(text)
  local address = { family = 4 }
  for part in (text .. "."):gmatch("([^.]*)%.") do
    local number = #part <= 3 and part:find("^%d+$") and tonumber(part)
    -- A leading zero stands for octal in some programs, and for nothing in others.
    if not number or number > 255 or (#part > 1 and part:byte() == 48) then
      return nil
    end
    address[#address + 1] = number
  end
  return #address == 4 and address or nil
end

-- Appends what stands between colons: groups of hex digits, and at the end an IPv4 address.
local function add_groups(bytes, text)
  if text == "" then
    return true
  end
  for part in (text .. ":"):gmatch("([^:]*):") do
    local dotted = part:find(".", 1, true) and parse_v4(part)
    if dotted then
      bytes[#bytes + 1] = dotted
    elseif part:find("^%x+$") and #part <= 4 then
      bytes[#bytes + 1] = tonumber(part, 16)
    else
      return false
    end
  end
  for index = 1, #bytes - 1 do
    if type(bytes[index]) == "table" then
      return false
    end
  end
  return true
end

local function flatten(groups)
  local bytes = {}
  for _, group in ipairs(groups) do
    if type(group) == "table" then
      for index = 1, 4 do
        bytes[#bytes + 1] = group[index]
      end
    else
      bytes[#bytes + 1] = bit.rshift(group, 8)
      bytes[#bytes + 1] = bit.band(group, 255)
    end
  end
  return bytes
end

local function parse_v6(text)
  local head, tail = text:match("^(.-)::(.*)$")
  local first, last = {}, {}
  if not add_groups(first, head or text) or not add_groups(last, tail or "") then
    return nil
  end
  if head and type(first[#first]) == "table" then
    return nil
  end
  local address, after = flatten(first), flatten(last)
  local missing = 16 - #address - #after
  -- Two colons stand for one group of zeros at least.
  if head and missing < 2 or not head and missing ~= 0 then
    return nil
  end
  for _ = 1, missing do
    address[#address + 1] = 0
  end
  for _, byte in ipairs(after) do
    address[#address + 1] = byte
  end
  address.family = 6
  return address
end

--- Reads an address.
-- @tparam string text
-- @treturn ?table nil for what is none
function M.parse(text)
  if text:find(":", 1, true) then
    return parse_v6(text)
  end
  return parse_v4(text)
end

--- Reads an address with the length of its prefix: `10.0.0.2/24`.
-- @tparam string text
-- @treturn ?table the address; nil for what is none
-- @treturn ?number the length
function M.parse_cidr(text)
  local before, digits = text:match("^([^/]+)/(%d+)$")
  local address = before and M.parse(before)
  local prefix = tonumber(digits)
  if not address or #digits > 3 or prefix > SIZES[address.family] * 8
    or (#digits > 1 and digits:byte() == 48) then
    return nil
  end
  return address, prefix
end

-- The mask of one byte of a prefix.
local function mask_of(prefix, index)
  local bits = math.max(0, math.min(8, prefix - (index - 1) * 8))
  return bit.band(bit.lshift(255, 8 - bits), 255)
end

--- An address without the bits behind a prefix.
function M.network(address, prefix)
  local network = { family = address.family }
  for index = 1, #address do
    network[index] = bit.band(address[index], mask_of(prefix, index))
  end
  return network
end

--- The last address of a prefix, by which all are meant.
function M.broadcast(address, prefix)
  local last = { family = address.family }
  for index = 1, #address do
    last[index] = bit.bor(address[index], bit.bxor(mask_of(prefix, index), 255))
  end
  return last
end

--- Says whether two addresses are the same.
function M.equal(a, b)
  if a.family ~= b.family then
    return false
  end
  for index = 1, #a do
    if a[index] ~= b[index] then
      return false
    end
  end
  return true
end

--- Says whether an address lies in the prefix of another.
function M.contains(address, prefix, other)
  return M.equal(M.network(address, prefix), M.network(other, prefix))
end

--- Says whether an address is of fe80::/10: on the link, whatever else is.
function M.is_link_local(address)
  return address.family == 6 and address[1] == 0xfe and bit.band(address[2], 0xc0) == 0x80
end

--- Says whether an address stands for many.
function M.is_multicast(address)
  if address.family == 6 then
    return address[1] == 255
  end
  return address[1] >= 224 and address[1] < 240
end

--- Says whether all bits of an address are zero.
function M.is_unspecified(address)
  return M.equal(address, M.network(address, 0))
end

-- Where the longest run of zeros begins among groups, and how many there are.
local function longest_zeros(groups)
  local first, most, count = nil, 1, 0
  for index, group in ipairs(groups) do
    count = group == 0 and count + 1 or 0
    if count > most then
      first, most = index - count + 1, count
    end
  end
  return first, most
end

local function joined(groups, from, to)
  local words = {}
  for index = from, to do
    words[#words + 1] = ("%x"):format(groups[index])
  end
  return table.concat(words, ":")
end

local function text_of_v6(address)
  local groups = {}
  for index = 1, 16, 2 do
    groups[#groups + 1] = address[index] * 256 + address[index + 1]
  end
  local first, count = longest_zeros(groups)
  if not first then
    return joined(groups, 1, 8)
  end
  return joined(groups, 1, first - 1) .. "::" .. joined(groups, first + count, 8)
end

--- The text of an address.
-- @treturn string
function M.text(address)
  if address.family == 4 then
    return table.concat(address, ".")
  end
  return text_of_v6(address)
end

--- How many bits an address has.
function M.bits(address)
  return SIZES[address.family] * 8
end

return M
