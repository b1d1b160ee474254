std = "luajit"
max_line_length = 100

files["specs"] = { std = "luajit+busted" }
files["**/*.rockspec"] = { std = "rockspec" }
files["tools/defence_list.lua"] = { max_line_length = 140 } -- lines of C and Lua as they are
files["lua/ctr/documentation.lua"] = { max_line_length = false } -- generated
files[".busted"] = { std = "luajit" }
files["examples/nginx.lua"] = { globals = { "ngx" } }
files["examples"] = { read_globals = { "container", "bind", "tmpfs", "loopback", "veth", "log" } }
