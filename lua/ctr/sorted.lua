--- The keys of a map, in an order that is the same each time.
-- @module ctr.sorted

--- Lists the keys of a map.
-- @tparam table map whose keys can be compared: all of them strings, or numbers
-- @treturn table the keys, ascending
return function(map)
  local keys = {}
  for key in pairs(map) do
    keys[#keys + 1] = key
  end
  table.sort(keys)
  return keys
end
