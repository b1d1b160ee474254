-- A function that runs in a container is a copy of the host's program, with its memory and its
-- secrets. What others in the container can do with it: stop it or kill it, and no more.
local box = require("specs.support.box")
local core = require("ctr.core")

local SECONDS = 60

-- What root in the container tries with every process that is not a program of its own.
local LOOK = [[
  found=no
  until test $found = yes; do
    for dir in /proc/[0-9]*; do
      grep -qE '^(luajit|busted|lctr)' $dir/comm 2>/dev/null || continue
      found=yes
      cat $dir/environ >/dev/null 2>&1 && echo environ
      cat $dir/maps >/dev/null 2>&1 && echo maps
      head -c 1 $dir/mem >/dev/null 2>&1 && echo mem
      readlink $dir/exe >/dev/null 2>&1 && echo exe
      readlink $dir/fd/0 >/dev/null 2>&1 && echo fd
      ls $dir/root/ >/dev/null 2>&1 && echo root
      ls $dir/cwd/ >/dev/null 2>&1 && echo cwd
    done
  done
  echo looked
]]

describe("a function that runs in a container", function()
  local b

  setup(function()
    b = box.new()
  end)

  teardown(function()
    b:close()
  end)

  local function looked_at(changes)
    local container, process = b:sleeper(changes)
    local out = {}
    local ctr = require("ctr")
    local watcher = ctr.process({ args = { "sh", "-c", LOOK }, env = { "PATH=/bin" },
      stdout = function(data) out[#out + 1] = data end })
    assert(container:run(watcher))
    container:call({ timeout = 3 }, function()
      local deadline = core.proc.clock() + 2
      repeat until core.proc.clock() > deadline
    end)
    local ended = watcher:wait(0.1)
    for _ = 1, SECONDS do -- the machine may be slow
      ended = ended or watcher:wait(0) or nil
      if not ended then
        container:call({ timeout = 3 }, function()
          local deadline = core.proc.clock() + 1
          repeat until core.proc.clock() > deadline
        end)
      end
    end
    b:finish(container, process)
    assert.truthy(ended)
    return table.concat(out)
  end

  it("shows root of the container nothing of the host's program", function()
    assert.equal("looked\n", looked_at())
  end)

  it("shows it nothing either where it is root of a user namespace, with all capabilities",
    function()
      local all = core.caps.names
      assert.equal("looked\n", looked_at({
        capabilities = { bounding = all, permitted = all, effective = all },
        namespaces = { "NEWNS", "NEWUTS", "NEWIPC", "NEWPID", "NEWNET", "NEWUSER" },
        uid_mappings = { { container_id = 0, host_id = 100000, size = 65536 } },
        gid_mappings = { { container_id = 0, host_id = 100000, size = 65536 } },
      }))
    end)

  it("is not waited for when it is stopped, and is told of when it is killed", function()
    local own = { "CAP_KILL" }
    local container, process = b:sleeper({ capabilities = { bounding = own, permitted = own,
      effective = own } })
    for _, signal in ipairs({ "STOP", "KILL" }) do
      local result, err = container:call({ timeout = 1 }, function()
        os.execute("kill -" .. signal .. " $PPID; sleep 0.2")
        while true do end
      end)
      assert.is_nil(result)
      assert.equal("call", err.op)
    end
    b:finish(container, process)
  end)
end)
