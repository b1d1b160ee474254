--- What is in scope at the prompt: Lua, the library, and some words for people.
-- @module ctr.repl.environment

local M = {}

local function describe(name)
  return function()
    return require("ctr.describe")[name]
  end
end

-- The words of a module that is loaded when one of them is used.
local function word(module, name)
  return function(session)
    local call = require("ctr.repl." .. module)[name]
    return function(...)
      return call(session, ...)
    end
  end
end

--- The words, each with what makes its value; `signature` and `about` are for `help`.
M.words = {
  ctr = { make = function() return require("ctr") end, signature = "ctr",
    about = "the library: ctr.new, ctr.process, …" },
  factory = { make = function(session) return session:factory() end, signature = "factory",
    about = "the containers of the usual state root, or of --root" },
  containers = {
    make = function(session) return require("ctr.repl.containers").new(session) end,
    signature = "containers(), containers.ID", about = "all containers; one of them",
    example = "containers()" },
  container = { make = describe("container"), signature = 'container "name" { … }',
    about = "describe a container, as in a file" },
  bind = { make = describe("bind"), signature = "bind(source, destination, options)",
    about = "a mount of something of the host's, for a description" },
  tmpfs = { make = describe("tmpfs"), signature = "tmpfs(destination, options)",
    about = "a file system in memory, for a description" },
  loopback = { make = describe("loopback"), signature = "loopback()",
    about = "the network of a container that is alone, for a description" },
  veth = { make = describe("veth"), signature = "veth { bridge = …, address = … }",
    about = "an interface, for a description" },
  help = { make = word("help", "word"), signature = "help(x)",
    about = "what x is: a function, a method's name, an object, a key of a configuration",
    example = 'help("container:run")' },
  explain = { make = word("explain", "word"), signature = "explain(x)",
    about = "what starting a description comes to; all that is known of an error",
    example = 'explain(container "x" { rootfs = "/", run = { "/bin/true" } })' },
  diff = { make = word("diff", "word"), signature = "diff(a, b)",
    about = "what differs between two configurations, containers, plans or tables",
    example = "diff({ a = 1 }, { a = 2 })" },
  save = { make = word("save", "word"), signature = "save(c, path)",
    about = "write a container or a description as a file for lctr",
    example = 'save(containers.web, "web.lua")' },
  watch = { make = word("watch", "word"), signature = "watch(seconds, expression)",
    about = "show a value again and again until Ctrl-C; the expression is text or a function",
    example = 'watch(2, "containers()")' },
  plot = { make = word("plot", "word"), signature = "plot(c, what)",
    about = "draw memory, cpu, processes, disk or network of a container until Ctrl-C",
    example = 'plot(containers.web, "memory")' },
  top = { make = word("top", "word"), signature = "top()",
    about = "all containers, live: keys pause, kill and enter", example = "top()" },
}

--- Makes a chunk's environment. What is set in it hides what was there.
-- @tparam table session
-- @treturn table
function M.new(session)
  local env = {}
  rawset(env, "_G", env)
  return setmetatable(env, {
    __index = function(_, name)
      local row = M.words[name]
      if not row then
        return _G[name]
      end
      local value = row.make(session)
      rawset(env, name, value)
      return value
    end,
  })
end

return M
