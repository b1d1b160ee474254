-- Read by busted before all specs. LuaJIT before April 2022 compiles loops over tables wrong
-- (ctr.interpreted): there busted itself is interpreted, too.
local interpreted = require("ctr.interpreted")

if not interpreted.is_sound(jit.version) then
  jit.off()
end
