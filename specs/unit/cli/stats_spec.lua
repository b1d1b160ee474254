local stats = require("ctr.cli.stats")

local MAX = "18446744073709551615"

-- What `container:stats()` says on v1.
local V1 = {
  interfaces = {},
  cgroup_stats = {
    cpu_stats = {
      cpu_usage = { total_usage = 820630, percpu_usage = { 820630, 0 }, usage_in_kernelmode = 1e7,
        usage_in_usermode = 0 },
      throttling_data = { periods = 3, throttled_periods = 2, throttled_time = 1 },
    },
    cpuset_stats = { cpus = { 0, 1 }, mems = { 0 } },
    memory_stats = {
      cache = 4096, stats = { rss = 8192, cache = 4096 },
      usage = { limit = "9223372036854771712", usage = 102400, max_usage = 262144, failcnt = 0 },
      swap_usage = { limit = 1e15, usage = 1, max_usage = 2, failcnt = 3 },
    },
    pids_stats = { current = 1, limit = 0 },
    blkio_stats = {
      io_service_bytes_recursive = { { major = 8, minor = 0, op = "Read", value = 4096 } },
      io_queued_recursive = {},
      sectors_recursive = { { major = 8, minor = 16, op = "", value = 7 } },
    },
    hugetlb_stats = { ["2MB"] = { usage = 1, max_usage = 2, failcnt = 3 },
      ["1GB"] = { usage = 0, failcnt = 0 } },
    misc_stats = {},
  },
}

local V1_DATA = '{"cpu":{"usage":{"total":820630,"kernel":10000000,"user":0,"percpu":[820630,0]},'
  .. '"throttling":{"periods":3,"throttledPeriods":2,"throttledTime":1}},'
  .. '"cpuset":{"cpus":[0,1],"mems":[0]},'
  .. '"memory":{"cache":4096,'
  .. '"usage":{"limit":9223372036854771712,"usage":102400,"max":262144,"failcnt":0},'
  .. '"swap":{"limit":1000000000000000,"usage":1,"max":2,"failcnt":3},'
  .. '"raw":{"cache":4096,"rss":8192}},'
  .. '"pids":{"current":1,"limit":0},'
  .. '"blkio":{"ioServiceBytesRecursive":[{"major":8,"minor":0,"op":"Read","value":4096}],'
  .. '"ioQueueRecursive":[],"sectorsRecursive":[{"major":8,"minor":16,"value":7}]},'
  .. '"hugetlb":{"1GB":{"usage":0,"failcnt":0},"2MB":{"usage":1,"max":2,"failcnt":3}},'
  .. '"intel_rdt":{},"network_interfaces":[]}'

-- On v2, where less is counted and pressure is told.
local PSI = { some = { avg10 = 0.5, avg60 = 12.34, avg300 = 0, total = 123456789012 },
  full = { avg10 = 0, avg60 = 0, avg300 = 0, total = MAX } }
local PSI_JSON = '{"some":{"avg10":0.50,"avg60":12.34,"avg300":0.00,"total":123456789012},'
  .. '"full":{"avg10":0.00,"avg60":0.00,"avg300":0.00,"total":' .. MAX .. '}}'

local V2 = {
  interfaces = { { name = "eth0", rx_bytes = 1, rx_packets = 2, rx_errors = 3, rx_dropped = 4,
    tx_bytes = 5, tx_packets = 6, tx_errors = 7, tx_dropped = 8 } },
  cgroup_stats = {
    cpu_stats = {
      cpu_usage = { total_usage = 9007199254740992000, usage_in_kernelmode = 2000,
        usage_in_usermode = 3000 },
      throttling_data = { periods = 0, throttled_periods = 0, throttled_time = 0 }, psi = PSI,
    },
    memory_stats = {
      cache = 0, stats = {}, usage = { limit = MAX, usage = 1, failcnt = 0 }, psi = PSI,
    },
    pids_stats = {}, blkio_stats = { psi = PSI }, hugetlb_stats = {},
  },
}

local V2_DATA = '{"cpu":{"usage":{"total":9007199254740992000,"kernel":2000,"user":3000},'
  .. '"throttling":{"periods":0,"throttledPeriods":0,"throttledTime":0},"psi":' .. PSI_JSON .. '},'
  .. '"memory":{"cache":0,"usage":{"limit":' .. MAX .. ',"usage":1,"failcnt":0},'
  .. '"psi":' .. PSI_JSON .. '},"pids":{},"blkio":{"psi":' .. PSI_JSON .. '},"hugetlb":{},'
  .. '"intel_rdt":{},"network_interfaces":[{"Name":"eth0","RxBytes":1,"RxPackets":2,"RxErrors":3,'
  .. '"RxDropped":4,"TxBytes":5,"TxPackets":6,"TxErrors":7,"TxDropped":8}]}'

describe("ctr.cli.stats", function()
  describe("data", function()
    it("says what v1 counts, in order and in full", function()
      assert.equal(V1_DATA, stats.data(V1))
    end)

    it("says what v2 counts, with its pressure", function()
      assert.equal(V2_DATA, stats.data(V2))
    end)

    it("leaves out what is unknown", function()
      assert.equal('{"cpu":{"usage":{},"throttling":{}},"memory":{},"pids":{},"blkio":{},'
        .. '"hugetlb":{},"intel_rdt":{},"network_interfaces":[]}', stats.data({}))
    end)

    it("takes resctrl's part as it is", function()
      assert.matches('"intel_rdt":{"a":1},', stats.data({}, '{"a":1}'), 1, true)
    end)
  end)

  describe("line", function()
    it("is one line", function()
      assert.equal('{"type":"oom","id":"c1"}\n', stats.line("oom", "c1"))
      assert.equal('{"type":"stats","id":"c1","data":{}}\n', stats.line("stats", "c1", "{}"))
    end)
  end)

  describe("interfaces", function()
    it("reads /proc/PID/net/dev", function()
      assert.same({
        { name = "lo", rx_bytes = "1", rx_packets = "2", rx_errors = "3", rx_dropped = "4",
          tx_bytes = "9", tx_packets = "10", tx_errors = "11", tx_dropped = "12" },
        { name = "eth0@x", rx_bytes = MAX, rx_packets = "0", rx_errors = "0", rx_dropped = "0",
          tx_bytes = "0", tx_packets = "0", tx_errors = "0", tx_dropped = "0" },
      }, stats.interfaces(([[
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo
    lo: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16
eth0@x:%s 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0
]]):format(MAX)))
    end)

    it("reads none of what is not there", function()
      assert.same({}, stats.interfaces(nil))
    end)
  end)
end)
