-- Dropout: the mask is drawn as PyTorch draws it, in the logical order of the elements.
local torch = require "torch"
local helper = require "spec.support.helper"
local nn = torch.nn
local raises = helper.raises

describe("Dropout", function()
  it("draws one double for each element #cpu", function()
    torch.manual_seed(1)
    local u = torch.rand(12, { dtype = torch.float64 })
    local after = torch.rand(1):item()
    local want = u:lt(0.5):to(torch.float32):mul(2)
    torch.manual_seed(1)
    assert.same(want:tolist(), nn.Dropout(0.5)(torch.ones(12)):tolist())
    assert.equal(after, torch.rand(1):item())
    torch.manual_seed(1)                                  -- a transposed input takes the same mask
    local x = torch.arange(1, 13.0):reshape(4, 3):t()
    assert.same((x * want:reshape(3, 4)):tolist(), nn.Dropout(0.5)(x):tolist())
  end)

  it("gives its mask to the gradient", function()
    local x = torch.ones(50, { requires_grad = true })
    local y = nn.Dropout(0.25)(x)
    y:sum():backward()
    assert.same(y:tolist(), x.grad:tolist())
    local kept = torch.tensor { 1 / 0.75 }:item()
    for _, v in ipairs(y:tolist()) do assert.is_true(v == 0 or v == kept) end
  end)

  it("draws nothing when it is evaluated, or p is 0, or nothing comes in", function()
    torch.manual_seed(4)
    local next_draw = torch.rand(1):item()
    torch.manual_seed(4)
    local x = torch.ones(5)
    local m = nn.Dropout(0.5):eval()
    assert.equal(x, m(x))
    assert.same({ 1, 1, 1, 1, 1 }, nn.Dropout(0)(x):tolist())
    assert.same({ 0, 0, 0, 0, 0 }, nn.Dropout(1)(x):tolist())
    assert.same({ 0 }, nn.Dropout(0.5)(torch.empty(0)).shape)
    assert.equal(next_draw, torch.rand(1):item())
  end)

  it("in place writes into its input", function()
    local x = torch.ones(20)
    local y = nn.Dropout(0.5, true)(x)
    assert.equal(x:data_ptr(), y:data_ptr())
    assert.same(x:tolist(), y:tolist())
    local leaf = torch.ones(20, { requires_grad = true })
    local z = nn.Dropout(0.5, { inplace = true })(leaf * 1)
    z:sum():backward()
    assert.same(z:tolist(), leaf.grad:tolist())
  end)

  it("prints, and refuses what is no probability", function()
    assert.equal("Dropout(p=0.5, inplace=False)", tostring(nn.Dropout()))
    assert.equal("Dropout(p=0.25, inplace=True)", tostring(nn.Dropout { p = 0.25, inplace = true }))
    raises(function() return nn.Dropout(1.5) end, "dropout probability has to be between 0 and 1, but got 1.5")
    raises(function() return nn.Dropout(-1) end, "dropout probability has to be between 0 and 1, but got -1")
  end)
end)
