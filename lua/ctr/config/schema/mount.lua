--- The shape of a mount.
-- @module ctr.config.schema.mount

local checks = require("ctr.config.checks")
local fields = require("ctr.config.schema.fields")
local mount_rules = require("ctr.config.mount")
local shape = require("ctr.config.shape")
local words = require("ctr.config.words")

local M = {}

local propagation = shape.flags({
  words = words.propagation,
  mask = words.PROPAGATION_MASK + words.ms.MS_REC,
  check = checks.one_propagation,
  about = "private, slave, shared or unbindable; with r before it, for all below.",
})

local function extra(name)
  return function()
    return require("ctr.config.schema.mount_extra")[name]
  end
end

--- A mount.
M.mount = shape.record({
  source = fields.text("What is mounted: a path of the host, or a name."),
  destination = shape.string({
    normalise = checks.absolute_path,
    about = "Where, in the container.",
  }),
  device = shape.string({
    default = mount_rules.default_device,
    check = checks.fs_type,
    about = "The file system type, or `bind`.",
  }),
  flags = shape.flags({
    default = {},
    words = words.mount_flags,
    mask = words.MOUNT_MASK,
    split = true,
    about = "Flags of mount(2), in its words or those of mount(8).",
  }),
  cleared_flags = shape.flags({
    default = 0,
    words = words.ms_words,
    mask = words.MOUNT_MASK,
    about = "Flags that are taken away from what the source has.",
  }),
  propagation_flags = shape.list(propagation, {
    default = {},
    accept = checks.list_of_one,
    about = "How mounts below it spread; set one after the other.",
  }),
  data = fields.text("Options of the file system, separated by commas."),
  extensions = shape.flags({
    default = 0,
    words = words.mount_extensions,
    mask = 1,
    about = "copyup: a tmpfs starts with what was there before.",
  }),
  rec_attr = shape.lazy(extra("rec_attr"), {
    optional = true, about = "Attributes of the mount and all below it.",
  }),
  id_mapping = shape.lazy(extra("id_mapping"), {
    optional = true, about = "Translates the owners of its files.",
  }),
  premount_cmds = shape.list(fields.command, {
    default = {}, about = "What runs before it is made.",
  }),
  postmount_cmds = shape.list(fields.command, {
    default = {}, about = "What runs after it was made.",
  }),
}, { normalise = mount_rules.settle })

return M
