-- A judge for programs that nobody trusts: each gets a container of its own, an input, and limits.
-- usage (as root): lctr examples/judge.lua [ROOTFS]
--
-- A submission is a shell script that reads numbers and prints their sum. Verdicts are those of
-- programming contests.

local ctr = require("ctr")
local core = require("ctr.core")

local here = arg[0]:match("^(.*)/[^/]*$") or "."
local rootfs = assert(core.path.realpath(arg[1] or here .. "/../build/rootfs"))

local TESTS = { { input = "1 2 3\n", output = "6" }, { input = "20 -5 0\n", output = "15" } }

local SUBMISSIONS = {
  { name = "right", code = "read a b c; echo $((a + b + c))" },
  { name = "wrong", code = "echo 6" },
  { name = "slow", code = "while :; do :; done" },
  { name = "hungry", code = "head -c 100m /dev/zero | tail -c 100m" },
  { name = "forking", code = "while :; do sleep 1000 & done; wait" },
  { name = "crashing", code = "exit 3" },
  { name = "chatty", code = "yes" },
  { name = "curious", code = "cat /etc/shadow || wget -q http://10.0.0.1/; read a b c; echo 6" },
}

local factory = assert(ctr.new())

local function run(submission, input)
  return assert(ctr.run({
    factory = factory,
    rootfs = rootfs,
    readonlyfs = true,
    user = "65534:65534",
    capabilities = {},
    args = { "/bin/sh", "-c", submission.code },
    stdin = input,
    timeout = "5s",
    output_limit = "64k",
    limits = { memory = "32M", pids = 16, cpus = 0.5 },
  }))
end

local function verdict_of(result, expected)
  if result.oom then
    return "memory limit exceeded"
  elseif result.truncated then
    return "output limit exceeded"
  elseif result.timed_out then
    return "time limit exceeded"
  elseif result.code ~= 0 then
    return "runtime error: " .. (result.signal or "exit " .. result.code)
  elseif result.stdout:gsub("%s+$", "") ~= expected then
    return "wrong answer"
  end
  return "accepted"
end

local function judge(submission)
  for index, test in ipairs(TESTS) do
    local verdict = verdict_of(run(submission, test.input), test.output)
    if verdict ~= "accepted" then
      return ("%s (test %d)"):format(verdict, index)
    end
  end
  return "accepted"
end

for _, submission in ipairs(SUBMISSIONS) do
  print(("%-10s %s"):format(submission.name, judge(submission)))
end
factory:close()
