-- What the guide tells a reader to write is tried by a spec: a page that nobody tries goes stale.

local guide = require("specs.support.guide")

-- In which spec of specs/vm/engines a page's blocks are tried.
local TRIED_IN = {
  ["containerd.md"] = { "containerd", "kubernetes" },
  ["cri-o.md"] = { "crio" },
  ["docker.md"] = { "docker" },
  ["kubernetes.md"] = { "kubernetes", "podman" },
  ["podman.md"] = { "podman", "podman_rootless" },
}

local function read(path)
  local file = assert(io.open(path, "r"))
  local text = file:read("*a")
  file:close()
  return text
end

describe("the guide's pages of engines", function()
  for name, specs in pairs(TRIED_IN) do
    it("have no block that no spec tries: " .. name, function()
      local text = ""
      for _, spec in ipairs(specs) do
        text = text .. read(("specs/vm/engines/%s_spec.lua"):format(spec))
      end
      for _, block in ipairs(guide.page(name):names()) do
        assert.truthy(text:find((':block("%s")'):format(block), 1, true), name .. ": " .. block)
      end
    end)
  end
end)
