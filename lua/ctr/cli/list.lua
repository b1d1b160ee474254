--- `lctr list`: shows the containers.
-- @module ctr.cli.list

return function(_, values, context)
  local factory, err = context:factory()
  if not factory then
    return nil, err
  end
  local ids
  ids, err = factory:list()
  if not ids then
    return nil, err
  end
  if values.quiet then
    for _, id in ipairs(ids) do
      io.stdout:write(id, "\n")
    end
    return 0
  end
  return nil, "only --quiet so far"
end
