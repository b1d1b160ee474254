local order = require("ctr.describe.order")

local function sorted(...)
  local list = {}
  for index, row in ipairs({ ... }) do
    list[index] = { name = row[1], after = row[2] or {} }
  end
  local result, problems = order.sort(list)
  local names, texts = {}, {}
  for index, description in ipairs(result) do
    names[index] = description.name
  end
  for index, problem in ipairs(problems) do
    texts[index] = ("%s: %s %s"):format(problem.description.name, problem.path, problem.text)
  end
  return table.concat(names, " "), texts
end

describe("ctr.describe.order", function()
  it("leaves what has no order as it stands", function()
    assert.equal("b a c", (sorted({ "b" }, { "a" }, { "c" })))
  end)

  it("puts what comes after others behind them", function()
    assert.equal("d c b a", (sorted({ "a", { "b", "c" } }, { "b", { "c" } }, { "c", { "d" } },
      { "d" })))
  end)

  it("names a container that is not there, and the nearest one", function()
    assert.same({ 'web: after[1] is no container of this file: "bd"; did you mean "db"?' },
      select(2, sorted({ "web", { "bd" } }, { "db" })))
  end)

  it("names a ring", function()
    assert.same({ 'b: after[1] is "a", which comes after this one itself' },
      select(2, sorted({ "a", { "b" } }, { "b", { "a" } })))
    assert.same({ 'a: after[1] is "a", which comes after this one itself' },
      select(2, sorted({ "a", { "a" } })))
  end)

  it("names a second container of one name", function()
    assert.same({ 'a: name is that of another container, "a"' },
      select(2, sorted({ "a" }, { "a" })))
  end)
end)
