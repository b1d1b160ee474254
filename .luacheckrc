std = "luajit"
max_line_length = 100

files["specs"] = { std = "luajit+busted" }
files["**/*.rockspec"] = { std = "rockspec" }
files[".busted"] = { std = "luajit" }
files["examples"] = { read_globals = { "container", "bind", "tmpfs", "loopback", "veth", "log" } }
