-- Losses as modules; the operations below them have specs of their own.
local torch = require "torch"
local helper = require "spec.support.helper"
local nn = torch.nn

describe("losses", function()
  local x = torch.tensor { { 1.0, 2.0 }, { 3.0, 4.0 } }
  local y = torch.tensor { { 0.0, 2.0 }, { 5.0, 0.0 } }

  it("reduce by mean, sum or not at all", function()
    assert.are.equal(5.25, nn.MSELoss()(x, y):item())
    assert.are.equal(21, nn.MSELoss { reduction = "sum" }(x, y):item())
    assert.are.same({ { 1, 0 }, { 4, 16 } }, nn.MSELoss { reduction = "none" }(x, y):tolist())
    assert.are.equal(7, nn.L1Loss { reduction = "sum" }(x, y):item())
  end)

  it("know the words of PyTorch 0.3", function()
    assert.are.equal(21, nn.MSELoss { size_average = false }(x, y):item())
    assert.are.equal(5.25, nn.MSELoss { size_average = true }(x, y):item())
    assert.are.equal("none", nn.MSELoss { reduce = false }.reduction)
    assert.are.equal(21, nn.functional.mse_loss(x, y, { size_average = false }):item())
    assert.are.equal(5.25, nn.functional.mse_loss(x, y, { reduce = true }):item())
  end)

  it("take classes from 1", function()
    local target = torch.tensor { 2, 1 }
    local want = -(x:log_softmax(2)[{ 1, 2 }] + x:log_softmax(2)[{ 2, 1 }]):item() / 2
    helper.close_to(nn.CrossEntropyLoss()(x, target):item(), want)
    helper.close_to(nn.NLLLoss()(x:log_softmax(2), target):item(), want)
    assert.has_error(function() nn.CrossEntropyLoss()(x, torch.tensor { 0, 1 }) end)
    assert.has_error(function() nn.CrossEntropyLoss()(x, torch.tensor { 3, 1 }) end)
  end)

  it("keep their weights as buffers", function()
    local loss = nn.CrossEntropyLoss { weight = torch.tensor { 1.0, 3.0 }, ignore_index = 1 }
    assert.are.equal(1, #loss:buffers())
    assert.are.equal(torch.float64, loss:double().weight.dtype)
    local target = torch.tensor { 2, 1 }
    helper.close_to(loss(x:double(), target):item(), -x:double():log_softmax(2)[{ 1, 2 }]:item())
    assert.are.equal("CrossEntropyLoss()", tostring(loss))
  end)

  it("refuse what they do not know", function()
    helper.raises(function() nn.MSELoss { reducton = "sum" } end,
      "MSELoss() got an unexpected keyword argument 'reducton'; did you mean 'reduction'?")
    assert.has_error(function() nn.MSELoss { reduction = "average" }(x, y) end)
  end)
end)
