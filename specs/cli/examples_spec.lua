local command = require("specs.support.command")
local core = require("ctr.core")
local machine = require("specs.support.machine")
local rootfs = require("specs.support.rootfs")

local ENV = {
  "PATH=/usr/bin:/bin",
  "LUA_PATH=" .. core.path.realpath("lua") .. "/?.lua;" .. core.path.realpath("lua")
    .. "/?/init.lua;;",
  "LUA_CPATH=" .. core.path.realpath("build") .. "/?.so;;",
}

describe("examples/", function()
  if not machine.is_root() then
    pending("needs root")
    return
  end

  local before, pattern

  local function begin(name)
    pattern = "/ctr%-" .. name:gsub("%-", "%%-")
    before = machine.snapshot(pattern)
  end

  after_each(function()
    assert.same(before, machine.snapshot(pattern))
  end)

  local function check(result, lines)
    assert.equal("", result.stderr)
    assert.equal(0, result.code)
    for _, line in ipairs(lines) do
      assert.truthy(result.stdout:find(line, 1, true), line .. " is missing in\n" .. result.stdout)
    end
  end

  local function needs_memory()
    if not machine.has("memory") then
      pending("no memory controller")
      return true
    end
  end

  it("judge.lua judges, whatever it is given", function()
    begin("run-")
    if needs_memory() then
      return
    end
    check(command.run({ "build/lctr", "examples/judge.lua", rootfs.shared() }), {
      "right      accepted\n", "wrong      wrong answer (test 2)\n",
      "slow       time limit exceeded (test 1)\n", "hungry     memory limit exceeded (test 1)\n",
      "crashing   runtime error: exit 3 (test 1)\n", "chatty     output limit exceeded (test 1)\n",
      "curious    wrong answer (test 2)\n", "forking ",
    })
  end)

  it("build.lua builds what is read-only, without a network", function()
    begin("run-")
    local folder, remove = command.folder({ ["src/a"] = "a\n", ["out/.keep"] = "",
      ["src/build.sh"] = "cat a >/out/b; (touch /src/x || echo read-only) 2>/dev/null\n"
        .. "ls /sys/class/net | tr '\\n' ' '; date +%Y\n" })
    local root = rootfs.make(folder .. "/root") -- the targets of mounts are made in it
    check(command.run({ "build/lctr", "examples/build.lua", folder .. "/src", folder .. "/out",
      root }), { "read-only\n", "lo ", "built with 0: " })
    local built = assert(io.open(folder .. "/out/b"))
    assert.equal("a\n", built:read("*a"))
    built:close()
    assert.equal(3, command.run({ "build/lctr", "examples/build.lua", folder .. "/src",
      folder .. "/out", root, "exit 3" }).code)
    remove()
  end)

  it("autoscaler.lua gives memory until it fits", function()
    begin("autoscaled")
    if needs_memory() then
      return
    end
    check(command.run({ "build/lctr", "examples/autoscaler.lua", rootfs.shared() }),
      { "memory: it may have 16 MiB now\n", "it fits\n", "ended with 0\n" })
  end)

  it("luv.lua runs among the events of libuv", function()
    begin("in-luv")
    if not package.searchpath("luv", package.cpath) then
      return pending("lua-luv is not installed")
    end
    check(command.run({ "/usr/bin/luajit", "examples/luv.lua", rootfs.shared() }, { env = ENV }),
      { "container: line 1\n", "container: line 3\n",
        "ended with 7; the loop went on meanwhile: true\n" })
  end)

  it("cqueues.lua runs in coroutines of cqueues", function()
    begin("in-cqueues")
    if not package.searchpath("cqueues", package.path) then
      return pending("lua-cqueues is not installed")
    end
    local result = command.run({ "/usr/bin/luajit", "examples/cqueues.lua", rootfs.shared() },
      { env = ENV })
    check(result, { "in-cqueues-1: ended with 0\n", "in-cqueues-2: ended with 0\n" })
    local first, second = result.stdout:find("in-cqueues-2: done", 1, true),
      result.stdout:find("in-cqueues-1: done", 1, true)
    assert.is_true(first < second)
  end)

  -- Its Lua module would take the place of the machine's LuaJIT: nginx runs in a tree of its own.
  local NGINX = [[
    tree=$1 project=$2
    ip link set lo up
    mkdir -p $tree/proc $tree/sys $tree/run $tree/project
    for folder in proc sys dev; do mount --rbind /$folder $tree/$folder; done
    mount -t tmpfs none $tree/run
    mount --rbind $project $tree/project
    chroot $tree /usr/sbin/nginx -p /project/ -c /project/examples/nginx.conf 2>$tree/run/log &
    server=$!
    ask() { busybox wget -q -O - --post-data "$1" http://127.0.0.1:8093/; }
    tries=0
    until ask one 2>/dev/null || [ $tries -eq 100 ]; do tries=$((tries + 1)); sleep 0.1; done
    ask "/two words" & ask "and then three"; wait $!
    kill -TERM $server; wait $server
    grep -E "error|emerg" $tree/run/log >&2 || :]]

  it("nginx.conf runs in nginx, whose requests do not wait for each other", function()
    begin("words-")
    local tree = assert(core.proc.run({ path = "/bin/sh", args = { "sh", "tools/nginx.sh" },
      env = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin" }, timeout = 300 }))
    if tree.code ~= 0 then
      return pending("no tree of Debian's nginx here: " .. tree.stderr)
    end
    local result = command.run({ "/usr/bin/unshare", "--net", "--mount", "/bin/sh", "-c", NGINX,
      "sh", tree.stdout:match("%S+"), core.path.realpath(".") })
    check(result, { "1\n", "2\n", "3\n" })
  end)
end)
