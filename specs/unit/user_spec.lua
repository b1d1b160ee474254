local user = require("ctr.user")

local PASSWD = [[
root:x:0:0:root:/root:/bin/sh
daemon:x:1:2:daemon:/usr/sbin:/usr/sbin/nologin
web:x:1000:1000::/srv/web:/bin/sh
42:x:4242:4242::/home/42:/bin/sh
nobody:x:4294967294:65534::/:
]]

local GROUP = [[
root:x:0:
bin:x:2:
adm:x:4:web,daemon
audio:x:29:web
web:x:1000:
77:x:7777:
]]

local function resolve(name, more)
  return user.resolve({ user = name, additional_groups = more, passwd = PASSWD, group = GROUP })
end

local function refused(path, message, result, err)
  assert.is_nil(result)
  assert.equal("ConfigInvalid", err.code)
  assert.equal(path, err.path)
  assert.equal(message, tostring(err))
end

describe("ctr.user", function()
  describe("parse_passwd", function()
    it("reads the fields of each line", function()
      assert.same({
        { name = "root", uid = 0, gid = 0, home = "/root", shell = "/bin/sh" },
      }, user.parse_passwd("root:x:0:0:root:/root:/bin/sh\n"))
    end)

    it("copes with blanks, missing fields and carriage returns", function()
      assert.same({
        { name = "a", uid = 5, gid = 6, home = "", shell = "" },
        { name = "b", uid = 7, gid = 8, home = "/b", shell = "sh" },
      }, user.parse_passwd("\n  a:x:5:6\n\n\nb:x:7:8::/b:sh\r\n"))
    end)

    for _, line in ipairs({
      "a:x:-1:0::/:", "a:x:1.5:0::/:", "a:x:0x10:0::/:", "a:x::0::/:", "a:x:1e3:0::/:",
      "a:x:4294967295:0::/:", "a:x:99999999999999999999:0::/:", "a:x:0:4294967295::/:",
      ":x:0:0::/:", "+::::::", "a", "::::::::::::", "a\0b:x:0:0::/:",
    }) do
      it("leaves out " .. ("%q"):format(line), function()
        assert.same({}, user.parse_passwd(line .. "\n"))
      end)
    end

    it("leaves out a line of more than 64 KiB, and reads on", function()
      local entries = user.parse_passwd("a:x:1:1:" .. ("x"):rep(70000) .. ":/:\nb:x:2:2::/:\n")
      assert.equal(1, #entries)
      assert.equal("b", entries[1].name)
    end)
  end)

  describe("parse_group", function()
    it("reads the members of each line", function()
      assert.same({
        { name = "adm", gid = 4, members = { "web", "daemon" } },
        { name = "bin", gid = 2, members = {} },
      }, user.parse_group("adm:x:4:web,daemon\nbin:x:2:\n"))
    end)

    it("leaves out malformed lines", function()
      assert.same({}, user.parse_group("adm\nadm:x\nadm:x:-4:web\n:x:4:\nadm:x:4294967295:\n"))
    end)
  end)

  describe("resolve", function()
    it("takes root without a user", function()
      assert.same({ uid = 0, gid = 0, groups = {}, home = "/root" }, resolve(""))
    end)

    it("takes 0:0 and / without any file", function()
      assert.same({ uid = 0, gid = 0, groups = {}, home = "/" }, user.resolve({ user = "" }))
    end)

    it("finds a user by name, with the groups that list it", function()
      assert.same({ uid = 1000, gid = 1000, groups = { 4, 29 }, home = "/srv/web" }, resolve("web"))
    end)

    it("finds a user by number", function()
      assert.same({ uid = 1, gid = 2, groups = { 4 }, home = "/usr/sbin" }, resolve("1"))
    end)

    it("takes a number that nobody has", function()
      assert.same({ uid = 1234, gid = 0, groups = {}, home = "/" }, resolve("1234"))
    end)

    it("never takes digits for a name", function()
      assert.same({ uid = 42, gid = 77, groups = {}, home = "/" }, resolve("42:77"))
    end)

    it("drops a user's own groups for an explicit one", function()
      assert.same({ uid = 1000, gid = 29, groups = {}, home = "/srv/web" }, resolve("web:audio"))
    end)

    it("takes root with a group alone", function()
      assert.same({ uid = 0, gid = 29, groups = {}, home = "/root" }, resolve(":audio"))
    end)

    it("sorts groups, and has each once", function()
      local found = resolve("web", { "root", "4", "500", "audio", "4" })
      assert.same({ 0, 4, 29, 500 }, found.groups)
    end)

    it("takes / for an empty home", function()
      assert.equal("/", user.resolve({ user = "a", passwd = "a:x:1:1:::\n" }).home)
    end)

    it("lets the first match win", function()
      local found = user.resolve({ user = "a", passwd = "a:x:1:1::/1:\na:x:2:2::/2:\n" })
      assert.equal(1, found.uid)
    end)

    it("suggests a user whose name is near", function()
      refused("process.user",
        'process.user: no user "daemom" in /etc/passwd; did you mean "daemon"?',
        resolve("daemom"))
    end)

    it("says that there is no such user", function()
      refused("process.user", 'process.user: no user "somebody" in /etc/passwd',
        user.resolve({ user = "somebody" }))
    end)

    it("refuses -1", function()
      refused("process.user", 'process.user: no user "-1" in /etc/passwd', resolve("-1"))
    end)

    for _, id in ipairs({ "2147483648", "4294967295", "99999999999999999999" }) do
      it("refuses the id " .. id, function()
        local text = ('process.user: "%s" is not an id from 0 to 2147483647'):format(id)
        refused("process.user", text, resolve(id))
        refused("process.user", text, resolve("0:" .. id))
      end)
    end

    it("says that there is no such group", function()
      refused("process.user",
        'process.user: no group "audoi" in /etc/group; did you mean "audio"?',
        resolve("web:audoi"))
    end)

    it("names the additional group to blame", function()
      refused("process.additional_groups[2]",
        'process.additional_groups[2]: no group "video" in /etc/group',
        resolve("web", { "adm", "video" }))
      refused("process.additional_groups[1]",
        'process.additional_groups[1]: "2147483648" is not an id from 0 to 2147483647',
        resolve("web", { "2147483648" }))
    end)

    -- A run of spaces took the square of its length: one line kept the caller for twenty seconds.
    it("takes no longer for files that are made to take long", function()
      local long = 60000
      local spaces, colons, commas = (" "):rep(long), (":"):rep(long), (","):rep(long)
      local began = os.clock()
      for _, part in ipairs({ spaces .. "x", spaces, colons, commas, ("\t "):rep(long / 2) .. "x",
        ("root:"):rep(long / 5), ("root,"):rep(long / 5) .. "x", ("0"):rep(long), ("9"):rep(long),
        ("("):rep(long), ("%"):rep(long), ("\r"):rep(long) }) do
        for _, line in ipairs({ "root:x:0:0::%s\n", "root:x:0:0:%s:/:\n", "%sroot:x:0:0::/:\n",
          "root:%s:0:0::/:\n", "root:x:%s:0::/:\n", "root:x:5:%s\n", "%s:x:5:root\n" }) do
          local text = (line:gsub("%%s", (part:gsub("%%", "%%%%")))):rep(16)
          user.resolve({ user = "root", passwd = text, group = text })
          user.resolve({ user = "0:root", passwd = text, group = text })
          user.resolve({ user = "roott", passwd = text, group = text })
          assert.is_true(os.clock() - began < 20)
        end
      end
    end)
  end)
end)
