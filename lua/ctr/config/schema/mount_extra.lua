--- What few mounts have: recursive attributes, id mappings.
-- @module ctr.config.schema.mount_extra

local checks = require("ctr.config.checks")
local fields = require("ctr.config.schema.fields")
local mount_rules = require("ctr.config.mount")
local shape = require("ctr.config.shape")
local words = require("ctr.config.words")

local M = {}

local function attributes(alias, about)
  return shape.flags({
    default = 0, alias = alias, words = words.mount_attr_words, mask = words.MOUNT_ATTR_MASK,
    about = about,
  })
end

--- Attributes of a whole tree; libcontainer has the names of Go's `unix.MountAttr`.
M.rec_attr = shape.record({
  attr_set = attributes("Attr_set", "MOUNT_ATTR_* to set, or ro, nosuid, …"),
  attr_clr = attributes("Attr_clr", "MOUNT_ATTR_* to clear."),
  propagation = shape.flags({
    default = 0, alias = "Propagation", words = words.ms_propagation_words,
    mask = words.PROPAGATION_MASK, check = mount_rules.propagation_or_none,
    about = "How all of it spreads.",
  }),
  userns_fd = shape.integer({
    default = 0, min = 0, max = 0, alias = "Userns_fd",
    about = "Kept for libcontainer's sake: id_mapping has the namespace.",
  }),
}, { normalise = mount_rules.settle_attributes })

--- Whose ids the files show.
M.id_mapping = shape.record({
  recursive = fields.switch("Maps what is mounted below, too."),
  userns_path = shape.string({
    default = "", normalise = checks.absolute_or_empty,
    about = "The user namespace whose mappings apply.",
  }),
  uid_mappings = fields.id_mappings("Users: of the file system, and as they are shown."),
  gid_mappings = fields.id_mappings("Groups: of the file system, and as they are shown."),
}, { check = mount_rules.check_mappings })

return M
