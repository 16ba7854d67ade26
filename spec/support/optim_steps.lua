-- optim_steps.lua -- replays spec/golden/optim_steps.json: the parameters after every step, bit for bit.
local torch = require "torch"
local assert = require "luassert"
local json = require "spec.support.json"

-- "SGD(P,lr=.1,betas=(.8,.99),nesterov=True)" -> "SGD", { lr = 0.1, betas = { 0.8, 0.99 }, nesterov = true }
local function parse(text)
  local name, rest = text:match("^(%w+)%(P,?(.*)%)$")
  rest = rest:gsub("%(", "{"):gsub("%)", "}"):gsub("True", "true"):gsub("False", "false")
  return name, load("return {" .. rest .. "}")()
end

-- specs for every golden case of one optimizer; it: busted's
return function(it, wanted)
  for _, case in ipairs(json.read("spec/golden/optim_steps.json")) do
    local name, options = parse(case.optimizer)
    if name == wanted then
      it("takes the steps of " .. case.optimizer, function()
        local p = torch.nn.Parameter(torch.tensor(case.start))
        local o = torch.optim[name]({ p }, options)
        for i, g in ipairs(case.gradients) do
          p.grad = torch.tensor(g)
          o:step()
          assert.same(case.after_each_step[i], p:tolist(), "step " .. i)
        end
      end)
      it("takes them where memory is not contiguous, too: " .. case.optimizer, function()
        local function spread(values)                     -- every second element of a larger tensor
          local t = torch.zeros(2 * #values)
          local v = t:reshape(-1, 2):select(2, 1)
          v:copy_(torch.tensor(values))
          return v
        end
        local p = spread(case.start):requires_grad_()
        local o = torch.optim[name]({ p }, options)
        for _, g in ipairs(case.gradients) do
          p.grad = spread(g)
          o:step()
        end
        assert.same(case.after_each_step[#case.after_each_step], p:tolist())
      end)
    end
  end
end
