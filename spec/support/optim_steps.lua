-- optim_steps.lua -- the optimizers of spec/golden/optim_steps.json, whose text matches a pattern, step by step.
local torch = require "torch"
local json = require "spec.support.json"

-- "Adam(P,lr=1e-2,betas=(.8,.99))" as a call
local function make(text, p)
  local name, rest = text:match("^(%w+)%(P,?(.*)%)$")
  local lua = rest:gsub("%(([^()]*)%)", "{%1}"):gsub("True", "true"):gsub("False", "false")
  return torch.optim[name]({ p }, assert(load("return {" .. lua .. "}"))())
end

return function(pattern, it)
  for _, g in ipairs(json.read("spec/golden/optim_steps.json")) do
    if g.optimizer:find(pattern) then
      it("gives the figures of " .. g.optimizer, function()
        local p = torch.nn.Parameter(torch.tensor(g.start))
        local o = make(g.optimizer, p)
        for k, want in ipairs(g.after_each_step) do
          p.grad = torch.tensor(g.gradients[k])
          o:step()
          assert(torch.equal(p:detach(), torch.tensor(want)), "step " .. k)
        end
      end)

      it("is near to them in float64: " .. g.optimizer, function()
        local p = torch.nn.Parameter(torch.tensor(g.start, { dtype = torch.float64 }))
        local o = make(g.optimizer, p)
        for k in ipairs(g.after_each_step) do
          p.grad = torch.tensor(g.gradients[k], { dtype = torch.float64 })
          o:step()
        end
        local want = torch.tensor(g.after_each_step[#g.after_each_step], { dtype = torch.float64 })
        assert(torch.allclose(p:detach(), want, { rtol = 1e-5, atol = 1e-6 }))
      end)
    end
  end
end
