local options = require("ctr.criu.options")

local function parse(changes)
  local all = { images_directory = "/images" }
  for key, value in pairs(changes or {}) do
    all[key] = value
  end
  return options.parse(all)
end

describe("ctr.criu.options", function()
  it("asks for nothing but where the images are", function()
    local parsed = assert(parse())
    for _, name in ipairs({ "leave_running", "tcp_established", "external_unix_connections",
      "shell_job", "file_locks", "pre_dump", "auto_dedup", "lazy_pages", "tcp_close",
      "tcp_skip_in_flight", "link_remap" }) do
      assert.is_false(parsed[name], name)
    end
    assert.equal(6, parsed.manage_cgroups_mode)
    assert.equal(0, parsed.empty_ns)
    assert.is_nil(parsed.page_server)
    assert.same({}, parsed.veth_pairs)
  end)

  it("takes CRIU's words and libcontainer's numbers", function()
    for word, number in pairs({ ignore = 0, none = 1, props = 2, soft = 3, full = 4,
      strict = 5 }) do
      assert.equal(number, assert(parse({ manage_cgroups_mode = word })).manage_cgroups_mode)
    end
    assert.equal(4, assert(parse({ manage_cgroups_mode = 4 })).manage_cgroups_mode)
    assert.equal(6, assert(parse({ manage_cgroups_mode = 0 })).manage_cgroups_mode)
    for _, value in ipairs({ { "network" }, "network", "NEWNET", 0x40000000 }) do
      assert.equal(0x40000000, assert(parse({ empty_ns = value })).empty_ns)
    end
    assert.equal(3, assert(parse({ network_lock = "skip" })).network_lock)
  end)

  it("names what is wrong", function()
    for _, case in ipairs({
      { { images_directory = "" }, "images_directory" },
      { { images_directory = false }, "images_directory" },
      { { leave_runing = true }, "leave_runing" },
      { { leave_running = 1 }, "leave_running" },
      { { parent_image = "/images" }, "parent_image" },
      { { page_server = { port = 1 } }, "page_server.address" },
      { { page_server = { address = "::1" } }, "page_server.port" },
      { { page_server = { address = "::1", port = 65536 } }, "page_server.port" },
      { { veth_pairs = { { container_interface_name = "eth0" } } },
        "veth_pairs[1].host_interface_name" },
      { { veth_pairs = { { container_interface_name = ("x"):rep(16),
        host_interface_name = "y" } } },
        "veth_pairs[1].container_interface_name" },
      { { manage_cgroups_mode = "hard" }, "manage_cgroups_mode" },
      { { manage_cgroups_mode = 7 }, "manage_cgroups_mode" },
      { { empty_ns = { "pid" } }, "empty_ns[1]" },
      { { empty_ns = 1 }, "empty_ns" },
      { { network_lock = "none" }, "network_lock" },
      { { lsm_profile = "label" }, "lsm_profile" },
      { { progress = true }, "progress" },
    }) do
      local parsed, err = parse(case[1])
      assert.is_nil(parsed)
      assert.equal("ConfigInvalid", err.code)
      assert.equal(case[2], err.path)
    end
    assert.is_nil((options.parse({})))
    assert.is_nil((options.parse("x")))
  end)

  it("has the request of them", function()
    local request = options.common(assert(parse({ tcp_established = true, file_locks = true,
      external_unix_connections = true, shell_job = true, link_remap = true, auto_dedup = true,
      lazy_pages = true, empty_ns = "network", network_lock = "nftables", config_file = "/c" })))
    assert.same({
      log_level = 4, notify_scripts = true, manage_cgroups = true, manage_cgroups_mode = 6,
      orphan_pts_master = true, tcp_established = true, tcp_close = false, ext_unix_sk = true,
      shell_job = true, file_locks = true, link_remap = true, auto_dedup = true, lazy_pages = true,
      empty_ns = 0x40000000, network_lock = 2, config_file = "/c",
    }, request)
  end)

  it("says which versions of CRIU know what is asked for", function()
    assert.same({}, options.since(assert(parse())))
    assert.same({
      { option = "config_file", version = 31100 }, { option = "empty_ns", version = 20000 },
      { option = "lazy_pages", version = 30500 }, { option = "lsm_mount_context", version = 31600 },
      { option = "lsm_profile", version = 31600 },
      { option = "manage_cgroups_mode", version = 10700 },
      { option = "network_lock", version = 31600 }, { option = "tcp_close", version = 31200 },
      { option = "tcp_skip_in_flight", version = 20400 },
    }, options.since(assert(parse({ config_file = "/c", empty_ns = "network", lazy_pages = true,
      lsm_mount_context = "x", lsm_profile = "selinux:x", manage_cgroups_mode = "full",
      network_lock = "nftables", tcp_close = true, tcp_skip_in_flight = true }))))
    assert.same({ { option = "network_lock", version = 31900 } },
      options.since(assert(parse({ network_lock = "skip" }))))
  end)
end)
