---@meta ctr.core.systemd
-- Made by `make reference`: change it in the schema and in the docstrings.

---@class ctr.systemd
local ctr_systemd = {}

local ctr_core_systemd = {}

---Connects to systemd, and waits until it answers.
---@param user? boolean the calling user's manager, not the machine's
---@param timeout? number seconds
---@return ctr.systemd?
---@return ctr.Error? # `SystemError`
function ctr_core_systemd.open(user, timeout) end

---Starts a transient unit, and waits until its job is done.
---@param unit string `"x.scope"`
---@param properties table a list of `{ name, signature, value }`: signatures `s`, `b`, `t`, `y`, `n`, `q`, `i`, `u`, `x` (a number or decimal text), `d`, `as`, `au`, `ay`, `a(ss)` (a flat list)
---@param timeout? number seconds
---@return true?
---@return ctr.Error? # `SystemError`; errno `EEXIST` for a unit that is there, `ETIMEDOUT`
function ctr_systemd:start(unit, properties, timeout) end

---Stops a unit, waits until it is gone, and makes systemd forget it; one that is not there is fine.
---@param unit string
---@param timeout? number seconds
---@return true?
---@return ctr.Error? # `SystemError`
function ctr_systemd:stop(unit, timeout) end

---Changes properties of a unit until the next boot.
---@param unit string
---@param properties table as for `start`
---@param timeout? number seconds
---@return true?
---@return ctr.Error? # `SystemError`
function ctr_systemd:set(unit, properties, timeout) end

---Moves a process into a unit's cgroup, or into one below it.
---@param unit string
---@param below string `""`, or a path that starts with `/`
---@param pid number
---@param timeout? number seconds
---@return true?
---@return ctr.Error? # `SystemError`
function ctr_systemd:attach(unit, below, pid, timeout) end

---Reads a string property of the manager or of a unit.
---@param unit? string nil: the manager
---@param name string `"ControlGroup"`, `"Version"`
---@param timeout? number seconds
---@return string?
---@return ctr.Error? # `SystemError`
function ctr_systemd:get(unit, name, timeout) end

return ctr_core_systemd
