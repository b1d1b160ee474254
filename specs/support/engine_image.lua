--- Makes the image that engines load: one layer, a busybox root.
-- @module specs.support.engine_image

local core = require("ctr.core")
local rootfs = require("specs.support.rootfs")

local M = {}

--- What engines call it: `busybox`, with all that they add to a short name.
M.NAME = "docker.io/library/busybox:latest"

local OCI = "application/vnd.oci.image."

local function write(path, text)
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
end

local function sh(text)
  local result = assert(core.proc.run({ path = "/bin/sh", args = { "sh", "-ec", text },
    env = { "PATH=/usr/bin:/bin" }, timeout = 120 }))
  assert(result.code == 0, result.stderr)
  return result.stdout
end

-- Moves a file to where the layout keeps what has its content, and returns the JSON that says which
-- that is: `"digest": …, "size": …`.
local function store(layout, file)
  local digest, size = sh(("cd %s; set -- $(sha256sum %s) $(stat -c %%s %s);"
    .. "mv %s blobs/sha256/$1; echo $1 $3"):format(layout, file, file, file)):match("(%S+) (%S+)")
  return ('"digest":"sha256:%s","size":%s'):format(digest, size), digest
end

local function store_text(layout, text)
  write(layout .. "/text", text)
  return store(layout, "text")
end

--- Writes the archive: an OCI layout in a tar file, with the manifest that `docker load` wants.
-- @string folder which is there
-- @tparam[opt] string name the image's, instead of `NAME`
-- @tparam[opt] string words its command as a JSON list's elements, instead of a shell
-- @treturn string the archive's path
function M.archive(folder, name, words)
  name = name or M.NAME
  local layout = folder .. "/layout"
  sh(("mkdir -p %s/blobs/sha256; tar -C '%s' -cf %s/layer ."):format(layout, rootfs.shared(),
    layout))
  local layer, layer_digest = store(layout, "layer")
  local config, config_digest = store_text(layout, ([[{"architecture":"amd64","os":"linux",
    "config":{"Env":["PATH=/usr/local/bin:/usr/bin:/bin:/sbin"],"Cmd":[%s]},
    "rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}]])
    :format(words or '"/bin/sh"', layer_digest))
  local manifest = store_text(layout, ([[{"schemaVersion":2,"mediaType":"%smanifest.v1+json",
    "config":{"mediaType":"%sconfig.v1+json",%s},
    "layers":[{"mediaType":"%slayer.v1.tar",%s}]}]]):format(OCI, OCI, config, OCI, layer))
  write(layout .. "/oci-layout", '{"imageLayoutVersion":"1.0.0"}')
  write(layout .. "/index.json", ([[{"schemaVersion":2,"mediaType":"%sindex.v1+json",
    "manifests":[{"mediaType":"%smanifest.v1+json",%s,"annotations":{
    "io.containerd.image.name":"%s","org.opencontainers.image.ref.name":"%s"}}]}]])
    :format(OCI, OCI, manifest, name, name))
  write(layout .. "/manifest.json", ('[{"Config":"blobs/sha256/%s","RepoTags":["%s"],'
    .. '"Layers":["blobs/sha256/%s"]}]'):format(config_digest, name, layer_digest))
  sh(("tar -C %s -cf %s/image.tar .; rm -r %s"):format(layout, folder, layout))
  return folder .. "/image.tar"
end

return M
