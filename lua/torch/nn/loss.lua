--- Losses as modules: loss(input, target). reduction is "mean", "sum" or "none"; size_average and reduce are
-- PyTorch 0.3's way to say it. Class labels count from 1.

local torch = require "torch"
local args = require "torch.utils.args"
local compat = require "torch.compat"
local Module = require "torch.nn.module"
local F = require "torch.nn.functional"

local losses = {}

--- A loss without weights: define("HuberLoss", "huber_loss", {"delta", 1.0}).
local function define(name, op, parameter)
  local fn = rawget(F, op)
  if not fn then return end
  local class = Module:extend(name)
  local extra = parameter and parameter[1]
  local read = args(name, {"size_average"}, {"reduce"}, {"reduction", "mean"}, parameter)
  function class:init(...)
    local size_average, reduce, reduction, value = read(...)
    self.reduction = compat.reduction(size_average, reduce, reduction)
    if extra then self[extra] = value end
  end
  function class:forward(input, target)
    local options = {reduction = self.reduction}
    if extra then options[extra] = self[extra] end
    return fn(input, target, options)
  end
  losses[name] = class
end

--- (input - target)^2
define("MSELoss", "mse_loss")
--- |input - target|
define("L1Loss", "l1_loss")
--- Squared below beta, absolute beyond.
define("SmoothL1Loss", "smooth_l1_loss", {"beta", 1.0})

if rawget(F, "huber_loss") then
  local HuberLoss = Module:extend("HuberLoss")
  local read = args("HuberLoss", {"reduction", "mean"}, {"delta", 1.0})
  function HuberLoss:init(...) self.reduction, self.delta = read(...) end
  function HuberLoss:forward(input, target)
    return F.huber_loss(input, target, {reduction = self.reduction, delta = self.delta})
  end
  losses.HuberLoss = HuberLoss
end

-- Losses with a weight, which is a buffer.
local function weighted(name, op, parameters, options_of)
  local fn = rawget(F, op)
  if not fn then return end
  local class = Module:extend(name)
  local read = args(name, {"weight"}, {"size_average"}, table.unpack(parameters))
  local names = {"weight", "size_average"}
  for i, p in ipairs(parameters) do names[i + 2] = p[1] end
  function class:init(...)
    local values, given = {}, table.pack(read(...))
    for i, n in ipairs(names) do values[n] = given[i] end
    self:register_buffer("weight", values.weight)
    self.reduction = compat.reduction(values.size_average, values.reduce, values.reduction)
    for _, n in ipairs(options_of) do
      if values[n] ~= nil and torch.is_tensor(values[n]) then
        self:register_buffer(n, values[n])
      else
        self[n] = values[n]
      end
    end
  end
  function class:forward(input, target)
    local options = {weight = self.weight, reduction = self.reduction}
    for _, n in ipairs(options_of) do options[n] = self[n] end
    return fn(input, target, options)
  end
  losses[name] = class
end

--- Minus the log-probability of the target class: input [N, C] or [N, C, ...], target [N] of 1..C.
weighted("NLLLoss", "nll_loss", {{"ignore_index", -100}, {"reduce"}, {"reduction", "mean"}}, {"ignore_index"})

--- log_softmax and NLLLoss in one; target also as probabilities [N, C].
weighted("CrossEntropyLoss", "cross_entropy",
  {{"ignore_index", -100}, {"reduce"}, {"reduction", "mean"}, {"label_smoothing", 0.0}},
  {"ignore_index", "label_smoothing"})

--- For probabilities and for logits of yes-or-no questions.
weighted("BCELoss", "binary_cross_entropy", {{"reduce"}, {"reduction", "mean"}}, {})
weighted("BCEWithLogitsLoss", "binary_cross_entropy_with_logits",
  {{"reduce"}, {"reduction", "mean"}, {"pos_weight"}}, {"pos_weight"})

losses.NLLLoss2d = losses.NLLLoss and losses.NLLLoss:extend("NLLLoss2d")

return losses
