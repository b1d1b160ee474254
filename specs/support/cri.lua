--- Speaks to a container engine as the kubelet does: gRPC with the messages of runtime.v1.
-- Messages are lists of `{ field, value }`: a string, a number, or such a list.
-- @module specs.support.cri

local core = require("ctr.core")

local M = {}

local VARINT, BYTES = 0, 2

local function varint(number)
  local bytes = {}
  while number >= 128 do
    bytes[#bytes + 1] = string.char(number % 128 + 128)
    number = math.floor(number / 128)
  end
  return table.concat(bytes) .. string.char(number)
end

local function encode(message)
  local out = {}
  for _, field in ipairs(message) do
    local value = field[2]
    if type(value) == "number" then
      out[#out + 1] = varint(field[1] * 8 + VARINT) .. varint(value)
    else
      local bytes = type(value) == "table" and encode(value) or value
      out[#out + 1] = varint(field[1] * 8 + BYTES) .. varint(#bytes) .. bytes
    end
  end
  return table.concat(out)
end

local function read_varint(bytes, at)
  local number, scale = 0, 1
  repeat
    local byte = bytes:byte(at)
    number, scale, at = number + byte % 128 * scale, scale * 128, at + 1
  until byte < 128
  return number, at
end

--- Reads a message.
-- @string bytes
-- @treturn table from a field's number to its last value: a number, or the bytes
function M.decode(bytes)
  local message, at = {}, 1
  while at <= #bytes do
    local key, value
    key, at = read_varint(bytes, at)
    value, at = read_varint(bytes, at)
    if key % 8 == BYTES then
      value, at = bytes:sub(at, at + value - 1), at + value
    end
    message[math.floor(key / 8)] = value
  end
  return message
end

local function length_prefix(count)
  return string.char(0, math.floor(count / 2 ^ 24) % 256, math.floor(count / 2 ^ 16) % 256,
    math.floor(count / 256) % 256, count % 256)
end

--- Calls the runtime service.
-- @string socket the engine's
-- @string method such as `RunPodSandbox`
-- @tparam table message
-- @treturn[1] table the answer's fields
-- @return[2] nil
-- @treturn[2] string why it failed
function M.call(socket, method, message)
  local body = encode(message)
  local result = assert(core.proc.run({ path = "/usr/bin/curl", args = { "curl", "-sS",
    "--http2-prior-knowledge", "--unix-socket", socket, "-H", "Content-Type: application/grpc",
    "-H", "TE: trailers", "--data-binary", "@-", "-D", "/dev/stderr",
    "http://localhost/runtime.v1.RuntimeService/" .. method },
    env = {}, stdin = length_prefix(#body) .. body, timeout = 180 }))
  if not result.stderr:find("grpc%-status: 0") then
    return nil, result.stderr
  end
  return M.decode(result.stdout:sub(6))
end

return M
