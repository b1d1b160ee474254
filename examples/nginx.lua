-- What examples/nginx.conf calls: a program in a container for each request.
--
-- nginx has an event loop of its own, which nothing may block. Its Lua has no way to wait for a
-- descriptor, so it looks, and sleeps in between; other requests go on meanwhile.

local ctr = require("ctr")

local LOOK_AGAIN = 0.01 -- seconds
local SECONDS = 10

local M = {}

local factory, rootfs

--- Opens what all requests share; once in each worker.
function M.open(folder)
  factory, rootfs = assert(ctr.new("/run/ctr-nginx")), folder
end

local function await(process)
  local deadline = ngx.now() + SECONDS
  while true do
    local result, err = process:wait(0)
    if result or err.errno ~= "ETIMEDOUT" then
      return result, err
    elseif ngx.now() > deadline then
      process:signal("SIGKILL")
      deadline = math.huge
    end
    ngx.sleep(LOOK_AGAIN)
  end
end

local function run(text)
  local description = assert(ctr.container("words-" .. ngx.var.request_id) {
    rootfs = rootfs, run = { "/bin/wc", "-w" }, limits = { memory = "32M", pids = 8 },
  })
  local chunks = {}
  description.process.stdin = text
  description.process.stdout = function(chunk) chunks[#chunks + 1] = chunk end
  local container = assert(factory:create(description.name, description.config))
  local process = ctr.process(description.process)
  local ok, err = container:run(process)
  local result
  if ok then
    result, err = await(process)
  end
  container:destroy()
  return result and table.concat(chunks), err
end

--- Answers a request.
function M.count_words()
  ngx.req.read_body()
  -- A text that begins with "/" would be a path; nobody's words are one.
  local text, err = run(" " .. (ngx.req.get_body_data() or ""))
  if not text then
    ngx.log(ngx.ERR, tostring(err))
    return ngx.exit(500)
  end
  ngx.print(text)
end

return M
