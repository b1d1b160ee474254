local core = require("ctr.core")
local oci = require("ctr.oci")

describe("ctr.oci", function()
  local folder

  before_each(function()
    folder = os.tmpname()
    os.remove(folder)
    assert(os.execute("mkdir " .. folder) == 0)
  end)

  after_each(function()
    os.execute("rm -rf " .. folder)
  end)

  local function write(text)
    local file = assert(io.open(folder .. "/config.json", "w"))
    file:write(text)
    file:close()
  end

  local function refused(text)
    write(text)
    local spec, err = oci.load(folder)
    assert.is_nil(spec)
    assert.equal("ConfigInvalid", err.code)
    assert.is_nil(err.message:find("\n", 1, true))
    assert.is_nil(tostring(err):lower():find("no such file", 1, true))
    return err
  end

  local function document(process)
    return ('{"ociVersion":"1.0.2","root":{"path":"rootfs"},"process":{"cwd":"/"%s}}'):format(
      process or "")
  end

  describe("load", function()
    it("reads what is there, as it is", function()
      write('{"ociVersion":"1.0.2","root":{"path":"rootfs"},"x-unknown":{"a":[1,2]}}')
      assert.same({ ociVersion = "1.0.2", root = { path = "rootfs" },
        ["x-unknown"] = { a = { 1, 2 } } }, assert(oci.load(folder)))
    end)

    it("reads another file where it is named", function()
      write(document())
      os.rename(folder .. "/config.json", folder .. "/other.json")
      assert.equal("1.0.2", assert(oci.load(folder, folder .. "/other.json")).ociVersion)
    end)

    it("takes null for what is not there", function()
      write(document(',"args":null,"env":["A=b"],"user":{"uid":1,"gid":2,"umask":null}'))
      local process = assert(oci.load(folder)).process
      assert.same({ cwd = "/", env = { "A=b" }, user = { uid = 1, gid = 2 } }, process)
    end)

    it("knows members in any case, but one that is written as it is named first", function()
      write('{"OCIVERSION":"1.0.2","Root":{"Path":"rootfs","path":"kept"},"Process":{"Args":["a"],'
        .. '"cwd":"/","Rlimits":[{"Type":"RLIMIT_CORE","Soft":1,"hard":2}]},'
        .. '"annotations":{"Root":"x"},"linux":{"namespaces":[{"TYPE":"pid"}]}}')
      local spec = assert(oci.load(folder))
      assert.same({
        ociVersion = "1.0.2", root = { path = "kept", Path = "rootfs" },
        process = { args = { "a" }, cwd = "/",
          rlimits = { { type = "RLIMIT_CORE", soft = 1, hard = 2 } } },
        annotations = { Root = "x" }, linux = { namespaces = { { type = "pid" } } },
      }, spec)
      write('{"ociVersion":"1.0.2","process":{"args":["a"],"cwd":"/"},"root":{"path":"rootfs"},'
        .. '"linux":{"resources":{"cpu":{"shares":7},"CPU":{"Cpus":"0","Shares":8}}}}')
      assert.same({ shares = 7, cpus = "0" }, assert(oci.load(folder)).linux.resources.cpu)
      write('{"OCIVERSION":"1.0.2","Root":{"Path":7}}')
      assert.equal("root.path", select(2, oci.load(folder)).path)
    end)

    it("refuses null in a list", function()
      local err = refused(document(',"args":["sh",null],"terminal":null'))
      assert.equal("process.args[2] must be a string, not null", err.message)
      err = refused(document(',"rlimits":[null]'))
      assert.equal("process.rlimits[1] must be a table, not null", err.message)
    end)

    it("takes unsigned integers of 64 bits", function()
      write(document(',"rlimits":[{"type":"RLIMIT_NOFILE","soft":1024,"hard":18446744073709551615}]'
        ))
      assert.equal("18446744073709551615", assert(oci.load(folder)).process.rlimits[1].hard)
    end)

    it("names what is wrong by its path", function()
      local err = refused(document(',"args":["sh",true]'))
      assert.equal("process.args[2]", err.path)
      assert.truthy(err.message:find("process.args[2] must be a string, not a boolean", 1, true))
    end)

    it("tells arrays from objects, also where they are empty", function()
      for path, member in pairs({
        ["process.env"] = '"env":{}', ["process.user"] = '"user":[]',
        ["process.rlimits"] = '"rlimits":{}', ["process.capabilities"] = '"capabilities":[]',
        ["process.capabilities.bounding"] = '"capabilities":{"bounding":{}}',
        ["process.execCPUAffinity"] = '"execCPUAffinity":["x"]',
      }) do
        assert.equal(path, refused(document("," .. member)).path)
      end
      write('{"ociVersion":"1.0.2","root":{"path":"r"},"annotations":[],"linux":[],"hooks":["x"],'
        .. '"mounts":{}}')
      local _, err = oci.load(folder)
      assert.equal(4, #err.problems)
      assert.truthy(err.message:find("annotations must be an object, not an array", 1, true))
      write('["x"]')
      _, err = oci.load(folder)
      assert.equal("ConfigInvalid", err.code)
    end)

    it("lists all problems, and says the first in a line", function()
      local err = refused(document(',"args":[],"terminal":1'))
      assert.equal(2, #err.problems)
      assert.truthy(err.message:find("(and 1 more)", 1, true))
    end)

    it("refuses what is not one JSON document", function()
      for _, text in ipairs({ "", "{", "[1", '{"a":1} x', '{"a":1,"a":2}', '{"a":"\\u0000"}',
        '{"a":"\255"}', "{'a':1}" }) do
        assert.truthy(refused(text).message:find("is not valid JSON", 1, true), text)
      end
    end)

    it("says that a file is missing in words that are not a program's", function()
      local spec, err = oci.load(folder)
      assert.is_nil(spec)
      assert.equal("config.json is missing: " .. folder .. "/config.json", err.message)
    end)

    it("refuses what is no regular file, without waiting for a writer", function()
      assert(os.execute("mkfifo " .. folder .. "/config.json") == 0)
      local spec, err = oci.load(folder)
      assert.is_nil(spec)
      assert.truthy(err.message:find("is not a regular file", 1, true))
      os.remove(folder .. "/config.json")
      assert(os.execute("mkdir " .. folder .. "/config.json") == 0)
      spec, err = oci.load(folder)
      assert.is_nil(spec)
      assert.truthy(err.message:find("is not a regular file", 1, true))
    end)

    it("refuses a file of more than 16 MiB", function()
      write('{"a":"' .. ("x"):rep(17 * 1024 * 1024) .. '"}')
      local spec, err = oci.load(folder)
      assert.is_nil(spec)
      assert.truthy(err.message:find("is larger than 16 MiB", 1, true))
    end)

    it("throws when it is given no text", function()
      assert.has_error(function() oci.load(nil) end)
      assert.has_error(function() oci.config(nil) end)
    end)
  end)

  it("marks arrays in a way that hides nothing", function()
    assert.is_nil(getmetatable(core.json.decode("[]")).__index)
  end)
end)
