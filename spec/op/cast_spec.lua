-- to, type, float ... bool, clone, contiguous; the figures are PyTorch's
local torch = require "torch"
local helper = require "spec.support.helper"
local tensors = require "spec.support.tensors"
local count, is = tensors.count, tensors.is

describe("other dtypes and copies", function ()
  it("to, type and the names of dtypes", function ()
    local x = torch.tensor { 1.7, -1.7, 0.0, 200.25 }
    is(x:to(torch.int64), "int64", { 4 }, { 1, -1, 0, 200 })
    is(x:double(), "float64", { 4 }, { 1.7000000476837158, -1.7000000476837158, 0, 200.25 })
    is(x:float(), "float32", { 4 }, { 1.7000000476837158, -1.7000000476837158, 0, 200.25 })
    is(x:half(), "float16", { 4 }, { 1.7001953125, -1.7001953125, 0, 200.25 })
    is(x:bfloat16(), "bfloat16", { 4 }, { 1.703125, -1.703125, 0, 200 })
    is(x:int(), "int32", { 4 }, { 1, -1, 0, 200 })
    is(x:short(), "int16", { 4 }, { 1, -1, 0, 200 })
    is(x:long(), "int64", { 4 }, { 1, -1, 0, 200 })
    is(x:bool(), "bool", { 4 }, { true, true, false, true })
    is(x:to { dtype = torch.float64 }, "float64", { 4 }, { 1.7000000476837158, -1.7000000476837158, 0, 200.25 })
    is(x:to(torch.zeros(1, { dtype = torch.int32 })), "int32", { 4 }, { 1, -1, 0, 200 })
    is(x:type(torch.float16), "float16", { 4 }, { 1.7001953125, -1.7001953125, 0, 200.25 })
    is(x:type("torch.LongTensor"), "int64", { 4 }, { 1, -1, 0, 200 })
    is(x:type("torch.float64"), "float64", { 4 }, { 1.7000000476837158, -1.7000000476837158, 0, 200.25 })
    is(x:type_as(torch.zeros(1, { dtype = torch.float64 })), "float64", { 4 }, { 1.7000000476837158,
      -1.7000000476837158, 0, 200.25 })
    is(torch.tensor({ 1, 0, 255 }):byte(), "uint8", { 3 }, { 1, 0, 255 })
    is(torch.tensor({ 1, 0, 200 }):char(), "int8", { 3 }, { 1, 0, -56 })
    is(x:to("cpu", torch.float64), "float64", { 4 }, { 1.7000000476837158, -1.7000000476837158, 0, 200.25 })
    is(torch.tensor({ 0 / 0, 0.5 }):bool(), "bool", { 2 }, { true, true })
  end)

  it("gives self when there is nothing to do, a copy when asked", function ()
    local x = count(2, 3)
    assert.is_true(x:to(torch.float64) == x)
    assert.is_true(x:double() == x)
    assert.is_true(x:to(helper.device) == x)
    local host = x:cpu()
    assert.is_true(host:cpu() == host and host:to("cpu") == host)
    local y = x:to(torch.float64, { copy = true })
    y[1] = 0
    assert.equal(1, x[1][1]:item())
    local c = x:t():clone()
    assert.same({ 1, 3 }, { c:stride(1), c:stride(2) })
    assert.same({ 2, 1 }, { x:t():contiguous():stride(1), x:t():contiguous():stride(2) })
    assert.same({ { 1, 4 }, { 2, 5 }, { 3, 6 } }, c:tolist())
  end)

  it("lets gradients through, in the dtype of the input", function ()
    local x = count(2):requires_grad_();
    (x:float() * torch.tensor { 2.0, 3.0 }):sum():backward()
    assert.same({ 2, 3 }, x.grad:tolist())
    assert.equal(torch.float64, x.grad.dtype)
    assert.equal("<ToCopyBackward0 object>", tostring(x:float().grad_fn))
    assert.equal("<CloneBackward0 object>", tostring(x:clone().grad_fn))
    assert.is_false(x:int().requires_grad)
  end)

  it("refuses in words", function ()
    local x = count(2)
    helper.raises(function () x:type("torch.FooTensor") end, "invalid type: 'torch.FooTensor'")
    helper.raises(function () x:to("foo") end, "device")
    helper.raises(function () x:to(3) end, "to()")
    if not torch.cuda.is_available() then
      helper.raises(function () x:cuda() end, "cuda")
      helper.raises(function () x:to("cuda") end, "cuda")
    end
  end)
end)
