--- `lctr pause`: freezes a container.
-- @module ctr.cli.pause

return function(args, _, context)
  local container, err = context:container(args[1])
  if not container then
    return nil, err
  end
  local ok
  ok, err = container:pause()
  if not ok and err.code == "ContainerNotRunning" then
    return nil, ("cannot pause a container that is not running: %s"):format(container:status())
  end
  return ok and 0, err
end
