--- `lctr pause`: freezes a container.
-- @module ctr.cli.pause

return function(args, _, context)
  local container, err = context:container(args[1])
  if not container then
    return nil, err
  end
  local ok
  ok, err = container:pause()
  return ok and 0, err
end
