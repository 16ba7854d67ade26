-- Linear, Identity, Flatten, Unflatten.
local torch = require "torch"
local helper = require "spec.support.helper"
local json = require "spec.support.json"
local nn = torch.nn

describe("Linear", function()
  it("starts with PyTorch's numbers", function()
    for _, g in ipairs(json.read("spec/golden/init_layers.json")) do
      local n, m = g.layer:match("Linear%((%d+),(%d+)%)")
      torch.manual_seed(g.seed)
      local l = nn.Linear(math.tointeger(n), math.tointeger(m))
      assert.are.equal(g.next_rand_after_construction, torch.rand(1):item())
      for _, p in ipairs(g.parameters) do
        local flat = l[p.name]:detach():flatten():tolist()
        for i, v in ipairs(p.first4) do if flat[i] then assert.are.equal(v, flat[i]) end end
        assert.are.equal(p.last2[2], flat[#flat])
      end
    end
  end)

  it("is x W^T + b for inputs of any number of dims", function()
    local l = nn.Linear(3, 2):double()
    for _, shape in ipairs { { 3 }, { 4, 3 }, { 2, 4, 3 }, { 0, 3 } } do
      local x = torch.randn(shape, { dtype = torch.float64 })
      assert.is_true(torch.allclose(l(x), x:matmul(l.weight:t()) + l.bias))
    end
    local bare = nn.Linear(3, 2, false)
    local x = torch.randn(4, 3)
    assert.is_true(torch.allclose(bare(x), x:mm(bare.weight:t())))
  end)

  it("has the right gradients", function()
    local l = nn.Linear(3, 2):double()
    local x = torch.randn(2, 3, { dtype = torch.float64, requires_grad = true })
    assert.is_true(torch.autograd.gradcheck(function(i, w, b) return nn.functional.linear(i, w, b) end, { x, l.weight, l.bias }))
  end)

  it("takes dtype and refuses sizes that are none", function()
    assert.are.equal(torch.float64, nn.Linear(2, 2, { dtype = torch.float64 }).weight.dtype)
    helper.raises(function() nn.Linear("2", 3) end, "Linear: in_features and out_features should be integers")
    assert.are.equal(0, nn.Linear(0, 3).weight:numel())
  end)
end)

describe("shapes", function()
  it("flatten, from 1", function()
    local x = torch.zeros(2, 3, 4)
    assert.are.same({ 2, 12 }, { table.unpack(nn.Flatten()(x).shape) })
    assert.are.same({ 6, 4 }, { table.unpack(nn.Flatten(1, 2)(x).shape) })
    assert.are.same({ 24 }, { table.unpack(nn.Flatten(1, -1)(x).shape) })
    assert.are.equal("Flatten(start_dim=2, end_dim=-1)", tostring(nn.Flatten()))
  end)

  it("unflatten", function()
    local x = torch.zeros(2, 6)
    assert.are.same({ 2, 2, 3 }, { table.unpack(nn.Unflatten(2, { 2, 3 })(x).shape) })
    assert.are.same({ 2, 3, 2 }, { table.unpack(nn.Unflatten(-1, { -1, 2 })(x).shape) })
    assert.are.equal("Unflatten(dim=2, unflattened_size=(2, 3))", tostring(nn.Unflatten(2, { 2, 3 })))
    helper.raises(function() nn.Unflatten(3, { 2, 3 })(x) end, "Unflatten: dimension out of range")
    helper.raises(function() nn.Unflatten(0, { 2, 3 })(x) end, "Unflatten: dimension out of range")
  end)

  it("pass through Identity", function()
    local x = torch.zeros(1)
    assert.is_true(rawequal(x, nn.Identity(54, { unused = true })(x)))
  end)
end)

describe("activations", function()
  it("print their arguments", function()
    assert.are.equal("ReLU()", tostring(nn.ReLU()))
    assert.are.equal("ReLU(inplace=True)", tostring(nn.ReLU(true)))
    assert.are.equal("Softmax(dim=2)", tostring(nn.Softmax(2)))
    assert.are.equal("Softmax(dim=None)", tostring(nn.Softmax()))
    assert.are.equal("LeakyReLU(negative_slope=0.01)", tostring(nn.LeakyReLU()))
    assert.are.equal("ELU(alpha=2, inplace=True)", tostring(nn.ELU(2, true)))
  end)

  it("work in place where they are told to", function()
    local x = torch.tensor { -1.0, 2.0 }
    local y = nn.ReLU(true)(x)
    assert.is_true(rawequal(x, y) or x[1]:item() == 0)
    assert.are.equal(0, x[1]:item())
    local z = torch.tensor { -1.0, 2.0 }
    nn.LeakyReLU(0.5, { inplace = true })(z)
    assert.are.same({ -0.5, 2 }, z:tolist())
  end)

  it("choose a dim as PyTorch's old softmax did, when none is given", function()
    local x = torch.randn(2, 3)
    assert.is_true(torch.equal(nn.functional.softmax(x), nn.functional.softmax(x, 2)))
    local v = torch.randn(3)
    assert.is_true(torch.equal(nn.Softmax()(v), nn.functional.softmax(v, 1)))
  end)
end)
