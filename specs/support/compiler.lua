-- Read by busted before all specs. LuaJIT before April 2022 compiles loops over tables wrong
-- (ctr.interpreted): there busted itself is interpreted, too.
require("ctr.interpreted")

if jit.version:find("beta", 1, true) then
  jit.off()
end
