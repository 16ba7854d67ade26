-- device.lua -- busted's helper for running specs on another device: $TLUA_DEVICE becomes the default one, so that
-- what the specs make without saying where is made there.  Specs of what only the CPU gives (the bits of its
-- generator, words that name its tensors) have #cpu in their names and are left out there.
local torch = require "torch"
local name = os.getenv("TLUA_DEVICE")
if name then torch.set_default_device(name) end
