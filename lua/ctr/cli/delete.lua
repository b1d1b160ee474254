--- `lctr delete`: removes what a stopped container has on the host.
-- @module ctr.cli.delete

return function(args, values, context)
  local container, err = context:container(args[1])
  if not container then
    if values.force and err.code == "ContainerNotExists" then
      return 0
    end
    return nil, err
  end
  if values.force then
    container:signal("SIGKILL", true)
  end
  local ok
  ok, err = container:destroy()
  return ok and 0, err
end
