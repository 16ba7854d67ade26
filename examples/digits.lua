-- A classifier of handwritten digits: data, a network, training, a test, a saved model. About a second.
--
--    tlua examples/digits.lua --seed 1 --epochs 40
--
-- The 1,797 digits are in data/digits.csv (see data/README.md).
local torch = require "torch"
local nn, optim, data = torch.nn, torch.optim, torch.utils.data
local folder = arg[0]:match("^.*/") or "./"
local run = dofile(folder .. "support/args.lua") {epochs = 40, batch = 32, save = ""}

-- Each line holds 64 pixels from 0 (paper) to 16 (ink), then the digit.
local function load_digits(path)
  local images, labels = {}, {}
  for line in io.lines(path) do
    local image = {}
    for number in line:gmatch("%d+") do image[#image + 1] = math.tointeger(number) end
    labels[#labels + 1] = table.remove(image) + 1            -- class 1 is the digit 0
    images[#images + 1] = image
  end
  return torch.tensor(images):to(torch.float32) / 16, torch.tensor(labels)
end

local images, labels = load_digits(folder .. "../data/digits.csv")
local digits = data.TensorDataset(images, labels)

-- Four fifths to learn from, one fifth to be tested on.
local train, test = table.unpack(data.random_split(digits, {0.8, 0.2}))
local loader = data.DataLoader(train, {batch_size = run.batch, shuffle = true})
local test_images, test_labels = table.unpack(test:batch(torch.arange(1, #test + 1):tolist()))
test_images, test_labels = test_images:to(run.device), test_labels:to(run.device)

local function network()
  return nn.Sequential(
    nn.Linear(64, 512),
    nn.ReLU(),
    nn.Dropout(0.5),
    nn.Linear(512, 10)
  ):to(run.device)
end

local model = network()
local criterion = nn.CrossEntropyLoss()
local optimizer = optim.Adam(model:parameters(), {lr = 1e-3})
print(("%d digits to learn from, %d to be tested on"):format(#train, #test))
print(model)

-- The share of right answers: the class with the highest score is the answer.
local function accuracy(net)
  local _ <close> = torch.no_grad()
  net:eval()
  local right = net(test_images):argmax(2):eq(test_labels):sum():item()
  net:train()
  return right / #test
end

local bar = torch.progress{total = run.epochs * #loader, desc = "training", unit = " batches"}
local last
for epoch = 1, run.epochs do
  local total = 0
  for x, y in loader do
    local loss = criterion(model(x:to(run.device)), y:to(run.device))
    optimizer:zero_grad()
    loss:backward()
    optimizer:step()
    total = total + loss:item()
    bar:set_postfix{loss = loss:item()}
    bar:update()
  end
  last = accuracy(model)
  bar:write(("epoch %2d  loss %.4f  test accuracy %.2f %%"):format(epoch, total / #loader, 100 * last))
end
bar:close()

-- Some of the test digits, drawn, and what the network takes them for.
local shades = {" ", "░", "▒", "▓", "█"}

local function draw(count)
  local answers = torch.no_grad(function() return model:eval()(test_images):argmax(2):tolist() end)
  local pictures, truth = test_images:to("cpu"):tolist(), test_labels:tolist()
  print()
  for row = 1, 8 do
    local line = {}
    for i = 1, count do
      for column = 1, 8 do
        local ink = pictures[i][8 * (row - 1) + column]
        line[#line + 1] = shades[math.floor(ink * 4 + 0.5) + 1]:rep(2)
      end
      line[#line + 1] = "  "
    end
    print(table.concat(line))
  end
  local line = {}
  for i = 1, count do line[i] = ("%-18s"):format(("%d, taken for %d"):format(truth[i] - 1, answers[i] - 1)) end
  print(table.concat(line))
  print()
end
draw(4)

-- Save the parameters, put them into a fresh network, and see that it answers alike.
local path = run.save ~= "" and run.save or os.tmpname()
torch.save(model:state_dict(), path)
local copy = network()
copy:load_state_dict(torch.load(path))
assert(accuracy(copy) == last, "the reloaded model answers differently")
assert(torch.equal(copy:eval()(test_images), model:eval()(test_images)), "the reloaded model answers differently")
print(("saved, reloaded and checked: test accuracy %.2f %%"):format(100 * accuracy(copy)))
if run.save == "" then os.remove(path) else print("the model is in " .. path) end
