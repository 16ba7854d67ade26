-- softmax and log_softmax: PyTorch's figures, gradients, refusals.
local torch = require "torch"
local helper = require "spec.support.helper"
local close_to, raises = helper.close_to, helper.raises
local F = torch.nn.functional

local function double(list) return torch.tensor(list, { dtype = torch.float64 }) end
local x = double { { 1, -2, 3 }, { 4, 0, -6 } }

describe("softmax", function ()
  it("along any dim", function ()
    close_to(torch.softmax(x, 2), { { 0.11849965453500959, 0.005899750401902781, 0.8756005950630876 },
      { 0.9819700105182744, 0.017985408112219218, 4.458136950639617e-05 } }, 1e-14)
    close_to(torch.log_softmax(x, 1), { { -3.048587351573742, -2.1269280110429727, -0.00012340218972333965 },
      { -0.048587351573741965, -0.1269280110429726, -9.000123402189724 } }, 1e-13)
    close_to(F.softmin(x, 2), { { 0.047123416524664154, 0.9464991225528937, 0.006377460922442298 },
      { 4.528562196441245e-05, 0.0024725111823572427, 0.9974822031956785 } }, 1e-14)
    close_to(x:t():softmax(1), torch.softmax(x, 2):t(), 1e-14)
    close_to(torch.softmax(torch.tensor(3.), 1), 1)
    assert.are.equal(torch.float64, torch.softmax(torch.tensor { 1, 2 }, 1, { dtype = torch.float64 }).dtype)
  end)

  it("does not overflow", function ()
    close_to(torch.softmax(torch.tensor { 1000., 1000. }, 1), { 0.5, 0.5 })
    close_to(torch.log_softmax(torch.tensor { -1000., 0. }, 1), { -1000, 0 })
  end)

  it("has right gradients", function ()
    local function slope(f, want)
      local a = double({ 1, 2, 3 }):requires_grad_();
      (f(a, 1) * double { 1, 2, 3 }):sum():backward()
      close_to(a.grad, want, 1e-13)
    end
    slope(torch.softmax, { -0.1418170936098121, -0.14077035746962996, 0.28258745107944266 })
    slope(torch.log_softmax, { 0.4598165609777174, 0.5316291736712142, -0.9914457346489307 })
  end)

  it("refuses in words", function ()
    raises(function () torch.softmax(torch.tensor { 1, 2 }, 1) end, "\"softmax\" not implemented for 'int64'")
    raises(function () torch.softmax(x, 3) end, "Dimension out of range")
  end)
end)
