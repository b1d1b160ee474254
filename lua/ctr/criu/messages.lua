--- The messages of CRIU's RPC, those fields of them that are used: their numbers are CRIU's.
-- The rows are `ctr.criu.protobuf`'s.
-- @module ctr.criu.messages

local M = {}

local PAGE_SERVER = {
  { 1, "address", "string" }, { 2, "port", "number" },
}
local VETH = { { 1, "if_in", "string" }, { 2, "if_out", "string" } }
local PAIR = { { 1, "key", "string" }, { 2, "val", "string" } }
local INHERITED = { { 1, "key", "string" }, { 2, "fd", "number" } }
local CGROUP_ROOT = { { 1, "ctrl", "string" }, { 2, "path", "string" } }
local JOINED = { { 1, "ns", "string" }, { 2, "ns_file", "string" } }

local OPTIONS = {
  { 1, "images_dir_fd", "number" },
  { 2, "pid", "number" },
  { 3, "leave_running", "bool" },
  { 4, "ext_unix_sk", "bool" },
  { 5, "tcp_established", "bool" },
  { 6, "evasive_devices", "bool" },
  { 7, "shell_job", "bool" },
  { 8, "file_locks", "bool" },
  { 9, "log_level", "number" },
  { 10, "log_file", "string" },
  { 11, "ps", PAGE_SERVER },
  { 12, "notify_scripts", "bool" },
  { 13, "root", "string" },
  { 14, "parent_img", "string" },
  { 15, "track_mem", "bool" },
  { 16, "auto_dedup", "bool" },
  { 17, "work_dir_fd", "number" },
  { 18, "link_remap", "bool" },
  { 19, "veths", VETH, true },
  { 23, "ext_mnt", PAIR, true },
  { 24, "manage_cgroups", "bool" },
  { 25, "cg_root", CGROUP_ROOT, true },
  { 26, "rst_sibling", "bool" },
  { 27, "inherit_fd", INHERITED, true },
  { 34, "manage_cgroups_mode", "number" },
  { 37, "external", "string", true },
  { 38, "empty_ns", "number" },
  { 39, "join_ns", JOINED, true },
  { 44, "freeze_cgroup", "string" },
  { 46, "tcp_skip_in_flight", "bool" },
  { 48, "lazy_pages", "bool" },
  { 49, "status_fd", "number" },
  { 50, "orphan_pts_master", "bool" },
  { 51, "config_file", "string" },
  { 52, "tcp_close", "bool" },
  { 53, "lsm_profile", "string" },
  { 60, "cgroup_yard", "string" },
  { 63, "lsm_mount_context", "string" },
  { 64, "network_lock", "number" },
}

local FEATURES = { { 1, "mem_track", "bool" }, { 2, "lazy_pages", "bool" } }

--- What a request is, and so a response.
M.types = {
  DUMP = 1, RESTORE = 2, PRE_DUMP = 4, NOTIFY = 6, FEATURE_CHECK = 9, VERSION = 10,
  SINGLE_PRE_DUMP = 13,
}

M.request = {
  { 1, "type", "number" },
  { 2, "opts", OPTIONS },
  { 3, "notify_success", "bool" },
  { 5, "features", FEATURES },
}

M.response = {
  { 1, "type", "number" },
  { 2, "success", "bool" },
  { 4, "restore", { { 1, "pid", "number" } } },
  { 5, "notify", { { 1, "script", "string" }, { 2, "pid", "number" } } },
  { 7, "cr_errno", "number" },
  { 8, "features", FEATURES },
  { 9, "cr_errmsg", "string" },
  { 10, "version", {
    { 1, "major", "number" }, { 2, "minor", "number" }, { 3, "gitid", "string" },
    { 4, "sublevel", "number" },
  } },
}

return M
