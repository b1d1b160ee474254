--- What `lctr --version` says.
-- @module ctr.cli.version

local M = {}

--- The newest version of the OCI runtime specification that is understood.
M.OCI_MAX = "1.3.0"
--- The oldest.
M.OCI_MIN = "1.0.0"

--- The text: engines read the first line, and the word "version" is in no other.
-- @treturn string lines
function M.text()
  local lines = { "lctr version " .. require("ctr").version }
  local commit = package.preload["ctr.cli.commit"]()
  if commit ~= "" then
    lines[#lines + 1] = "commit: " .. commit
  end
  lines[#lines + 1] = "spec: " .. M.OCI_MAX
  return table.concat(lines, "\n") .. "\n"
end

return M
