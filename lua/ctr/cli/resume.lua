--- `lctr resume`: lets a paused container go on.
-- @module ctr.cli.resume

return function(args, _, context)
  local container, err = context:container(args[1])
  if not container then
    return nil, err
  end
  local ok
  ok, err = container:resume()
  if not ok and err.code == "ContainerNotPaused" then
    return nil, "container not paused"
  end
  return ok and 0, err
end
