---@meta ctr.core.netlink
-- Made by `make reference`: change it in the schema and in the docstrings.

local ctr_core_netlink = {}

---Opens a socket.
---@param netns? any a descriptor of the network namespace; the caller's own without it
---@return ctr.fd?
---@return ctr.Error? # `SystemError`
function ctr_core_netlink.open(netns) end

---Prepares a socket that somebody else opened, in his network namespace.
---@param socket any
---@return boolean? # true
---@return ctr.Error? # `SystemError`; `EINVAL` for what is no such socket
function ctr_core_netlink.adopt(socket) end

---Opens the network namespace that a socket stands for.
---@param socket any
---@return ctr.fd?
---@return ctr.Error? # `SystemError`
function ctr_core_netlink.netns(socket) end

---All links.
---@param socket any
---@return table[]? # of each `index`, `name`, `kind` (`"veth"`, `"bridge"`, `""` for hardware), `mac`, `alias` (words for people), `mtu`, `txqlen`, `master` (its bridge's index), `peer` (the other end's index there), `up`, `flags` (words), `operstate` (`"up"`), `hairpin` (of a bridge's port), `stats`: `rx_bytes`, `rx_packets`, `rx_errors`, `rx_dropped`, and `tx_…`
---@return ctr.Error? # `SystemError`
function ctr_core_netlink.links(socket) end

---One link, as of `links`.
---@param socket any
---@param link any its name or its index
---@return table?
---@return ctr.Error? # `SystemError`; `ENODEV` when there is none
function ctr_core_netlink.link(socket, link) end

---Makes a veth pair, each end with its name, in its namespace, at once.
---@param socket any
---@param options table of one end: `name`, `mac`, `mtu`, `txqlen`, `master` (a bridge's index), `up`, `netns` (a descriptor; the socket's without it), `rx_queues`, `tx_queues`; `peer`: the same of the other
---@return boolean? # true
---@return ctr.Error? # `SystemError`
function ctr_core_netlink.add_veth(socket, options) end

---Changes a link: all of it, or nothing of what the kernel refuses first.
---@param socket any
---@param index number
---@param options table as of `add_veth`, but queues and `peer`; with `netns` it moves there, to be called `name` there; `alias`: words for people
---@return boolean? # true
---@return ctr.Error? # `SystemError`
function ctr_core_netlink.set_link(socket, index, options) end

---Says whether a port of a bridge gets its own frames back.
---@param socket any
---@param index number
---@param on boolean
---@return boolean? # true
---@return ctr.Error? # `SystemError`
function ctr_core_netlink.set_hairpin(socket, index, on) end

---Removes a link, and its other end with it.
---@param socket any
---@param index number
---@return boolean? # true
---@return ctr.Error? # `SystemError`; `ENODEV` when it is gone
function ctr_core_netlink.delete_link(socket, index) end

---The addresses of links.
---@param socket any
---@param index? number of a link; all without it
---@return table[]? # of each `index`, `family` (`"inet"` or `"inet6"`), `address`, `peer`, `broadcast`, `prefix`, `scope` (`"global"`), `flags` (words: `"permanent"`)
---@return ctr.Error? # `SystemError`
function ctr_core_netlink.addresses(socket, index) end

---Gives a link an address.
---@param socket any
---@param index number of the link
---@param options table `address`, `prefix` (the whole address without it), `peer`, `broadcast`, `scope`, `flags` (words; `"nodad"`: an IPv6 address can be used at once)
---@return boolean? # true
---@return ctr.Error? # `SystemError`; `EEXIST` when it has the address
function ctr_core_netlink.add_address(socket, index, options) end

---Takes an address from a link.
---@param socket any
---@param index number
---@param options table as of `add_address`
---@return boolean? # true
---@return ctr.Error? # `SystemError`; `EADDRNOTAVAIL` when it does not have it
function ctr_core_netlink.delete_address(socket, index, options) end

---The routes.
---@param socket any
---@param family? string `"inet"` or `"inet6"`; both without it
---@return table[]? # of each `family`, `destination` and `prefix` (`0.0.0.0` and 0: the default route), `gateway`, `source`, `index` (of the link), `metric`, `table`, `protocol`, `scope`, `type`, `onlink`
---@return ctr.Error? # `SystemError`
function ctr_core_netlink.routes(socket, family) end

---Adds a route.
---@param socket any
---@param options table `destination`, `prefix` (0 for the default route), `gateway`, `source`, `index` (of the link), `metric`, `table`, `scope`, `type` (words), `onlink`: the gateway is on the link, whatever the addresses say
---@return boolean? # true
---@return ctr.Error? # `SystemError`; `EEXIST` when there is such a one
function ctr_core_netlink.add_route(socket, options) end

---Removes a route.
---@param socket any
---@param options table as of `add_route`
---@return boolean? # true
---@return ctr.Error? # `SystemError`; `ESRCH` when there is none
function ctr_core_netlink.delete_route(socket, options) end

return ctr_core_netlink
