-- Questions about two tensors.
local torch = require "torch"
local helper = require "spec.support.helper"
local close_to, raises = helper.close_to, helper.raises
local nan, inf = 0 / 0, math.huge

describe("compare", function ()
  it("isclose and allclose", function ()
    local a, b = torch.tensor { 1., 1e10, inf, nan, inf }, torch.tensor { 1.000001, 1.00001e10, inf, nan, -inf }
    close_to(torch.isclose(a, b), { true, false, true, false, false })
    close_to(torch.isclose(a, b, { equal_nan = true, rtol = 1e-4 }), { true, true, true, true, false })
    close_to(torch.isclose(torch.tensor { 1, 2 }, torch.tensor { 1, 3 }, { rtol = 0.5 }), { true, true })
    assert.is_false(torch.allclose(a, b))
    assert.is_true(torch.allclose(torch.ones(2), torch.ones(2) + 1e-7))
    assert.is_true(torch.allclose(torch.zeros(0), torch.zeros(0)))
    raises(function () torch.allclose(torch.ones(1), torch.ones(1, { dtype = torch.float64 })) end, "float32 did not match float64")
    raises(function () torch.isclose(a, b, { rtol = -1 }) end, "rtol must be greater than or equal to zero, but got -1")
  end)

  it("equal and is_same_size give Lua booleans", function ()
    assert.is_true(torch.equal(torch.tensor { 1, 2 }, torch.tensor { 1, 2 }))
    assert.is_false(torch.equal(torch.tensor { 1, 2 }, torch.tensor { 1, 3 }))
    assert.is_false(torch.equal(torch.ones(2), torch.ones(3)))
    assert.is_false(torch.equal(torch.tensor { nan }, torch.tensor { nan }))
    assert.is_true(torch.equal(torch.ones(2), torch.ones(2, { dtype = torch.float64 })))
    assert.is_true(torch.is_same_size(torch.ones(2, 3), torch.tensor { { 1, 2, 3 }, { 4, 5, 6 } }))
  end)
end)
