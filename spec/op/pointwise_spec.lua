-- Pointwise operations: PyTorch's figures for values, gradients, dtypes and refusals.  That every row of
-- device/pointwise.def agrees with its formula and its derivatives is checked by spec/every_op_spec.lua.
local torch = require "torch"
local helper = require "spec.support.helper"
local close_to, raises = helper.close_to, helper.raises
local F = torch.nn.functional
local nan = 0 / 0

local function double(list) return torch.tensor(list, { dtype = torch.float64 }) end

-- values of f and the gradients of their sum
local function check(values, gradients, f, ...)
  local x = {}
  for k, list in ipairs { ... } do x[k] = double(list):requires_grad_() end
  local y = f(table.unpack(x))
  close_to(y, values, 1e-12)
  y:sum():backward()
  for k, want in ipairs(gradients) do close_to(x[k].grad, want, 1e-12) end
end

describe("pointwise", function ()
  it("powers choose their formula by the exponent", function ()
    check({ -3.375, 0, 8 }, { { 6.75, 0, 12 } }, function (a) return a ^ 3 end, { -1.5, 0, 2 })
    check({ 2, 1.5 }, { { 0.25, 1 / 3 } }, function (a) return a ^ 0.5 end, { 4, 2.25 })
    check({ 0.25, 0.0625 }, { { -0.25, 0.03125 } }, function (a) return a ^ -2 end, { 2, -4 })
    check({ 1, 1 }, { { 0, 0 } }, function (a) return a ^ 0 end, { 0, 2 })
    check({ 1, 0, 8, 0.5 }, { { 0, 0, 12, -0.25 }, { 0, 0, 5.545177444479562, 0.34657359027997264 } }, torch.pow, { 0, 0, 2, 2 }, { 0, 2,
      3, -1 })
    check({ 1, 8 }, { { 0.6931471805599453, 5.545177444479562 } }, function (b) return 2 ^ b end, { 0, 3 })
    close_to(torch.tensor { 0, 2, -3 } ^ torch.tensor { 0, 3, 3 }, { 1, 8, -27 })
    close_to(2 ^ torch.tensor { 0, -1, 3 }, { 1, 0, 8 })
    assert.are.equal(torch.int64, (torch.tensor { true, false } ^ 2).dtype)
    assert.are.equal(torch.float32, (torch.tensor { 1, 2 } ^ 0.5).dtype)
    raises(function () return torch.tensor { 1, 2 } ^ -1 end, "Integers to negative integer powers are not allowed.")
    raises(function () torch.tensor({ 1, 2 }):pow_(0.5) end, "result type float32 can't be cast to the desired output type int64")
  end)

  it("x^2 and x^3 are products, rounded as such", function ()
    for _, dtype in ipairs { torch.float32, torch.float64 } do
      local x = torch.randn(1000, { dtype = dtype })
      assert.is_true(torch.equal(x ^ 2, x * x))
      assert.is_true(torch.equal(x ^ 3, (x * x) * x))
      assert.is_true(torch.equal(x:abs() ^ 0.5, x:abs():sqrt()))
      assert.is_true(torch.equal(x ^ -1, x:reciprocal()))
    end
  end)

  it("has PyTorch's bits of atan2 and pow in float32 #cpu", function ()
    local a, b = torch.tensor { 0.7, -3.1, 1e-30, 2.5, -0.3, 123.456, 5e20, -1.9 }, torch.tensor { 1.3, -0.2, 3e-38, -7.7, 0.1, -9.25, 1e20, 41 }
    assert.is_true(torch.equal(a:atan2(b), torch.tensor { 0.493941367, -1.63522315, 1.57079625, 2.82765436, -1.24904573, 1.64558208,
      1.37340081, -0.0463083312 }))
    assert.is_true(torch.equal(a:abs():pow(b), torch.tensor { 0.628966391, 0.797494411, 1, 0.000862704415, 0.886568129, 4.50310534e-20,
      math.huge, 268471026000 }))
  end)

  it("divides as asked", function ()
    local a, b = torch.tensor { 7., -7., 7., -7. }, torch.tensor { 2., 2., -2., -2. }
    close_to(torch.div(a, b, { rounding_mode = "floor" }), { 3, -4, -4, 3 })
    close_to(torch.div(a, b, { rounding_mode = "trunc" }), { 3, -3, -3, 3 })
    close_to(torch.tensor { 7, -7 } / 2, { 3.5, -3.5 })
    close_to(torch.tensor { 7, -7 } // 2, { 3, -4 })
    close_to(torch.tensor { 7, -7 } % 3, { 1, 2 })
    close_to(torch.fmod(torch.tensor { 7, -7 }, 3), { 1, -1 })
    close_to(torch.remainder(torch.tensor { 5.5, -5.5 }, 2), { 1.5, 0.5 })
    close_to(torch.fmod(torch.tensor { 5.5, -5.5 }, 2), { 1.5, -1.5 })
    for _, f in ipairs { "remainder", "fmod", "floor_divide" } do
      raises(function () torch[f](torch.tensor { 1, 2 }, 0) end, "ZeroDivisionError")
    end
    raises(function () torch.div(a, b, { rounding_mode = "x" }) end, "rounding_mode")
  end)

  it("divides a number by a tensor as PyTorch rounds it: the reciprocal, times the number", function ()
    local function text(t) return (table.concat(t:tolist(), " ", 1, 3)) end
    local x = torch.tensor({ 3., 6., 7. }, { requires_grad = true })
    local y = 7 / x
    assert.equal(text(torch.tensor { 2.33333349, 1.16666675, 1. }), text(y))
    assert.equal("MulBackward0", y.grad_fn:name())
    assert.equal(text(torch.tensor { 2.33333325, 1.16666663, 1. }), text(torch.tensor { 7., 7., 7. } / x:detach()))
    y:sum():backward()
    assert.equal(text(torch.tensor { -0.777777851, -0.194444463, -0.142857149 }), text(x.grad))
    assert.equal("2.33203125 1.3994140625 1.0", text(7 / torch.tensor({ 3., 5., 7. }, { dtype = torch.float16 })))
    assert.equal("RsubBackward1", (1 - x).grad_fn:name())
  end)

  it("clamps, and passes the gradient on the limits", function ()
    check({ -1, -1, 0, 1, 1 }, { { 0, 1, 1, 1, 0 } }, function (a) return a:clamp(-1, 1) end, { -2, -1, 0, 1, 2 })
    check({ -1, 0, 1 }, { { 0, 1, 0 }, { 1, 0, 0 }, { 0, 0, 1 } }, function (a, l, h) return a:clamp(l, h) end, { -2, 0, 5 }, { -1, -1,
      -1 }, { 1, 1, 1 })
    close_to(torch.tensor({ 0., 5., -5. }):clamp(2, 1), { 1, 1, 1 })
    close_to(torch.tensor({ nan, 1. }):clamp { min = 2 }, { nan, 2 })
    close_to(torch.tensor({ 300, -300 }):to(torch.int16):clamp(-1000, 100), { 100, -300 })
    close_to(torch.tensor({ 200, 5 }, { dtype = torch.uint8 }):clamp(-5, 1000), { 200, 5 })
    local bytes = torch.tensor({ 0, 5, 255 }, { dtype = torch.uint8 })
    for _, y in ipairs { bytes:clamp_min(-1), bytes:clamp_max(300), F.hardtanh(bytes, -2, 300) } do close_to(y, { 0, 5, 255 }) end
    raises(function () bytes:clamp { max = -1 } end, "Clamp max value -1 is outside the representable range of uint8")
    raises(function () bytes:clamp_max(-1) end, "Clamp max value -1 is outside the representable range of uint8")
    raises(function () bytes:clamp_min(256) end, "Clamp min value 256 is outside the representable range of uint8")
    raises(function () F.hardtanh(bytes, 2, 1) end, "min_val cannot be greater than max_val")
    assert.are.equal(torch.float32, torch.tensor({ 1, 2 }):clamp(0.5).dtype)
    assert.are.equal(torch.int64, torch.tensor({ true }):clamp { min = 0 }.dtype)
    raises(function () torch.tensor({ 1. }):clamp() end, "At least one of 'min' or 'max' must not be None")
  end)

  it("chooses", function ()
    close_to(torch.where(torch.tensor { true, false }, torch.tensor { 1, 2 }, 2.5), { 1, 2.5 })
    close_to(torch.tensor({ 1, 2 }):where(torch.tensor { true, false }, 7), { 1, 7 })
    local at = torch.where(torch.tensor { { true, false }, { true, true } })
    close_to(at[1], { 1, 2, 2 })
    close_to(at[2], { 1, 1, 2 })
    assert.are.equal(torch.int64, torch.where(torch.tensor { true }, 1, 2).dtype)
    raises(function () torch.where(torch.tensor { 1. }, 1, 2) end,
      "where expected condition to be a boolean tensor, but got a tensor with dtype float32")
  end)

  it("mixes three operands", function ()
    local a, b = torch.tensor { 1., 2. }, torch.tensor { 3., 6. }
    close_to(torch.lerp(a, b, 0.25), { 1.5, 3 })
    raises(function () torch.lerp(a:long(), b:long(), 0.25) end, "lerp(): input dtype should be floating point; got int64 instead")
    close_to(torch.lerp(a, b, torch.tensor { 0.75, 0.5 }), { 2.5, 4 })
    close_to(torch.addcmul(a, torch.tensor { 3., 4. }, torch.tensor { 5., 6. }, { value = 0.5 }), { 8.5, 14 })
    close_to(torch.addcdiv(a, torch.tensor { 3., 4. }, torch.tensor { 5., 8. }, { value = 2 }), { 2.2, 3 }, 1e-7)
  end)

  it("rounds halves to even", function ()
    close_to(torch.round(torch.tensor { 0.5, 1.5, -0.5, 2.5 }), { 0, 2, 0, 2 })
    close_to(torch.round(torch.tensor { 1.2345, -2.3456 }, { decimals = 2 }), { 1.2300000190734863, -2.3499999046325684 }, 0)
    close_to(torch.round(torch.tensor { 1234., 1250. }, { decimals = -2 }), { 1200, 1200 })
  end)

  it("has PyTorch's gradients at corners and ties", function ()
    check({ 1, 3, 3 }, { { 0.5, 0, 1 }, { 0.5, 1, 0 } }, torch.maximum, { 1, 2, 3 }, { 1, 3, 2 })
    check({ 1, 2, 2 }, { { 0.5, 1, 0 }, { 0.5, 0, 1 } }, torch.minimum, { 1, 2, 3 }, { 1, 3, 2 })
    check({ 0, 0, 2 }, { { 0, 0, 1 } }, torch.relu, { -1, 0, 2 })
    check({ 1, 0, 2 }, { { -1, 0, 1 } }, torch.abs, { -1, 0, 2 })
    check({ -1, 0, 1 }, { { 0, 0, 0 } }, torch.sign, { -1, 0, 2 })
    check({ 0.2689414213699951, 0.5, 0.8807970779778823 }, { { 0.19661193324148185, 0.25, 0.10499358540350662 } }, torch.sigmoid, { -1,
      0, 2 })
    check({ -0.7615941559557649, 0, 0.9640275800758169 }, { { 0.41997434161402614, 1, 0.07065082485316443 } }, torch.tanh, { -1, 0, 2 })
  end)

  it("has the activations of nn.functional", function ()
    check({ -0.15865525393145702, 0, 1.9544997361036416 }, { { -0.08331547058768635, 0.5, 1.085231801078197 } }, F.gelu, { -1, 0, 2 })
    check({ -0.15880800939172324, 0, 1.954597694087775 }, { { -0.08296408384578252, 0.5, 1.0860992566236183 } },
      function (x) return F.gelu(x, { approximate = "tanh" }) end, { -1, 0, 2 })
    check({ 0.31326168751822286, 0.6931471805599453, 30 }, { { 0.2689414213699951, 0.5, 1 } }, F.softplus, { -1, 0, 30 })
    check({ -0.2689414213699951, 0, 1.7615941559557646 }, { { 0.07232948812851325, 0.5, 1.0907842487848955 } }, F.silu, { -1, 0, 2 })
    check({ -0.6321205588285577, 0, 2 }, { { 0.36787944117144233, 1, 1 } }, F.elu, { -1, 0, 2 })
    check({ -0.01, 0, 2 }, { { 0.01, 0.01, 1 } }, F.leaky_relu, { -1, 0, 2 })
    check({ -1, 0.5, 1 }, { { 0, 1, 0 } }, F.hardtanh, { -1, 0.5, 2 })
  end)

  it("wraps integers and treats bool as PyTorch", function ()
    local u8 = torch.tensor({ 250, 3 }, { dtype = torch.uint8 })
    close_to(u8 + 10, { 4, 13 })
    close_to(u8 - 5, { 245, 254 })
    close_to(-u8, { 6, 253 })
    close_to(torch.tensor { 1 << 62 } * 4, { 0 })
    close_to(torch.add(torch.tensor { 1, 2 }, torch.tensor { 3, 4 }, { alpha = 2 }), { 7, 10 })
    close_to(torch.sub(torch.tensor { 1., 2. }, torch.tensor { 3., 4. }, { alpha = 0.5 }), { -0.5, 0 })
    close_to(torch.rsub(torch.tensor { 1., 2. }, 3, { alpha = 2 }), { 1, -1 })
    local t, f = torch.tensor { true, false }, torch.tensor { true, true }
    close_to(t + f, { true, true })
    close_to(t * f, { true, false })
    close_to(~t, { false, true })
    close_to(t ~ f, { false, true })
    close_to(torch.tensor { 1, -8 } << 2, { 4, -32 })
    close_to(torch.tensor { 7, -8 } >> 1, { 3, -4 })
    close_to(torch.tensor { 6 } & 3, { 2 })
    close_to(torch.tensor { 6 } | 3, { 7 })
    close_to(torch.gcd(torch.tensor { 12, -18 }, torch.tensor { 18, 12 }), { 6, 6 })
    close_to(torch.lcm(torch.tensor { 4, 6 }, torch.tensor { 6, 0 }), { 12, 0 })
    raises(function () return t - f end, "with two bool tensors is not supported. Use the `~` or `logical_xor()` operator instead.")
    raises(function () return t - 1 end,
      "Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying to invert a mask")
    raises(function () return -t end, "Negation, the `-` operator, on a bool tensor is not supported.")
    raises(function () return torch.tensor { 1.5 } & 1 end, "\"bitwise_and\" not implemented for 'float32'")
  end)

  it("is exact for integers that a double cannot hold", function ()
    assert.are.equal(9007199254740993, (torch.tensor { 9007199254740992 } + 1):item())
    assert.are.equal(math.maxinteger, torch.tensor({ math.maxinteger }):clamp { min = 0 }:item())
  end)

  it("keeps the layout of its operands, and computes through any", function ()
    local a = torch.randn(3, 4):t()
    assert.are.same({ 1, 4 }, { (a + a):stride(1), (a + a):stride(2) })
    local wide = torch.arange(6.):reshape(2, 3)
    close_to(wide + torch.tensor { 10., 20., 30. }, { { 10, 21, 32 }, { 13, 24, 35 } })
    close_to(wide * torch.tensor { { 2. }, { 3. } }, { { 0, 2, 4 }, { 9, 12, 15 } })
    assert.are.same({ 0, 3 }, { table.unpack((torch.zeros(0, 3) + torch.zeros(1, 3)).shape) })
    assert.are.same({}, { table.unpack((torch.tensor(1.) + torch.tensor(2)).shape) })
  end)

  it("writes in place and into out", function ()
    local x, out = torch.tensor { 1., 2. }, torch.empty(0)
    local same = x:add_(1)
    assert.is_true(same == x)
    close_to(x, { 2, 3 })
    torch.mul(x, 2, { out = out })
    close_to(out, { 4, 6 })
    raises(function () x:add_(torch.ones(3, 2)) end, "output with shape [2] doesn't match the broadcast shape [3, 2]")
    raises(function () torch.tensor({ 1 }):add_(1.5) end, "result type float32 can't be cast to the desired output type int64")
    raises(function () torch.add(torch.ones(2), 1, { out = torch.empty(2, { dtype = torch.int64 }) }) end,
      "result type float32 can't be cast")
    local p = torch.ones(2, { requires_grad = true })
    raises(function () p:add_(1) end, "a leaf Variable that requires grad is being used in an in-place operation.")
    raises(function () torch.add(p, 1, { out = out }) end, "functions with out=... arguments don't support automatic differentiation")
  end)

  it("saves only what a derivative that is asked for reads", function ()
    local w, x = torch.ones(2, { requires_grad = true }), torch.tensor { 2., 3. }
    local y = w * x
    w:detach():mul_(5)                                    -- d(w*x)/dw reads x alone
    y:sum():backward()
    close_to(w.grad, { 2, 3 })
    y = w * x
    x:add_(1)
    raises(function () y:sum():backward() end, "has been modified by an inplace operation")
  end)

  -- figures of PyTorch 2.15
  it("takes a number beside a half type as a float in products and as a divisor, rounded elsewhere", function ()
    local h = torch.tensor({ 1e-3, 1 }, { dtype = torch.float16 })
    assert.same({ 65.5625, math.huge }, (h * 65536):tolist())
    assert.same({ 65.5625, math.huge }, (torch.tensor(65536.) * h):tolist())
    assert.same({ 0, 2.0^-16 }, (h / 65536):tolist())
    close_to(1e-6 / h, { 9.9945e-04, 1.0133e-06 }, 1e-4)
    assert.equal(math.huge, (h + 65536)[2]:item())
    local b = torch.tensor({ 1.5, 3 }, { dtype = torch.bfloat16 })
    assert.same((b:float() * 1.003):bfloat16():tolist(), (b * 1.003):tolist())
    assert.same((b:float() ^ torch.tensor(1.003):bfloat16():float()):bfloat16():tolist(), (b ^ 1.003):tolist())
    raises(function () return h:pow(70000) end, "pow: value cannot be converted to type c10::Half without overflow")
    raises(function () return torch.tensor({ 0 }, { dtype = torch.int8 }):pow(256) end,
      "pow: value cannot be converted to type int8_t without overflow")
    assert.same({ -85 }, torch.tensor({ 3 }, { dtype = torch.int8 }):pow(127):tolist())
  end)
end)
