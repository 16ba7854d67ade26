--- The part of torch.cuda about order: streams, events, and graphs of recorded work.
--
--    local s = torch.cuda.Stream()
--    s:wait_stream(torch.cuda.current_stream())
--    torch.cuda.stream(s, function() y = x:matmul(w) end)
--    torch.cuda.current_stream():wait_stream(s)
--
-- What is given to one stream runs in order; between streams there is only the order that events make. A tensor's
-- memory belongs to the stream that was current when it was made: x:record_stream(s) says that s uses it too.

local torch = require "torch"
local Class = require "torch.class"
local args = require "torch.utils.args"

local fail, C = torch._C.fail, torch._C.cuda

return function(cuda, ordinal, within)

  ------------------------------------------------------------------------------------------- streams

  local known = setmetatable({}, {__mode = "v"})       -- address of a queue -> its Stream
  local own = {}                                       -- number of a card -> the Stream of its own queue
  local held = {} -- luacheck: ignore 241               number of a card -> the Stream that is current there

  local Stream = Class:extend("Stream")
  cuda.Stream = Stream

  local stream_args = args("Stream", {"device"}, {"priority", 0})

  -- queue: a handle of ours, an address that somebody else looks after, nil for the card's own
  local function fill(s, n, queue, priority)
    s._number, s._queue, s.device, s.priority = n, queue, torch.device("cuda", n), priority
    s.cuda_stream = queue and C.stream_pointer(queue)
    if queue then known[s.cuda_stream] = s end
    return s
  end

  --- torch.cuda.Stream(device, priority): a queue beside the card's own one. Priority -1 goes before 0.
  function Stream:init(...)
    local device, priority = stream_args(...)
    if math.type(priority) ~= "integer" then fail("Stream(): argument 'priority' must be int") end
    local n = C.number(ordinal(device))
    fill(self, n, C.stream_new(n, priority), priority)
  end

  local function default_stream(n)
    if not own[n] then own[n] = fill(Stream.create(Stream), n, nil, 0) end
    return own[n]
  end

  function Stream.__eq(a, b) return a._number == b._number and a.cuda_stream == b.cuda_stream end

  function Stream:__tostring()
    return ("<torch.cuda.Stream device=%s cuda_stream=%s>")
      :format(tostring(self.device), self.cuda_stream and ("%p"):format(self.cuda_stream) or "0x0")
  end

  --- Has the stream done all that it was given?
  function Stream:query() return C.stream_idle(self._number, self._queue) end

  --- The host waits for the stream.
  function Stream:synchronize() C.stream_sync(self._number, self._queue) end

  --- A mark after what the stream has been given so far: `event`, or a new one; returned.
  function Stream:record_event(event)
    event = event or cuda.Event()
    event:record(self)
    return event
  end

  --- What the stream is given from now on runs after the event; the host does not wait.
  function Stream:wait_event(event) event:wait(self) end

  --- The same after all that another stream has been given so far.
  function Stream:wait_stream(stream) self:wait_event(stream:record_event()) end

  local current_args, default_args = args("current_stream", {"device"}), args("default_stream", {"device"})

  --- The stream that operations go to on a card.
  function cuda.current_stream(...)
    local n = C.number(ordinal(current_args(...)))
    local queue = C.stream_current(n)
    if not queue then return default_stream(n) end
    return known[queue] or fill(Stream.create(Stream), n, queue, 0)
  end

  --- The card's own stream, which is current at first.
  function cuda.default_stream(...) return default_stream(C.number(ordinal(default_args(...)))) end

  local function check(s, what)
    if Class.is(s, Stream) then return s end
    fail(("%s(): expected a torch.cuda.Stream, not %s"):format(what, torch.typename(s)))
  end

  --- Makes a stream, and its card, the current one. nil changes nothing.
  function cuda.set_stream(s)
    if s == nil then return end
    check(s, "set_stream")
    C.stream_set(s._number, s._queue)
    held[s._number] = s                                -- a queue in use must not be collected
    C.set_device(s._number)
  end

  local stream_guard = {__name = "torch.cuda.stream"}

  function stream_guard.__close(guard)
    if guard.stream then
      cuda.set_stream(guard.stream)
      C.set_device(guard.device)
    end
  end

  --- Another current stream (and its card) for a while: torch.cuda.stream(s, fn, ...) is fn(...) under it, and
  -- `local _ <close> = torch.cuda.stream(s)` holds to the end of the block. nil changes nothing.
  function cuda.stream(s, fn, ...)
    local guard = setmetatable({}, stream_guard)
    if s ~= nil then
      check(s, "stream")
      guard.device, guard.stream = C.number(), cuda.current_stream(s._number)
      cuda.set_stream(s)
    end
    if fn == nil then return guard end
    return within(guard, fn, ...)
  end

  ------------------------------------------------------------------------------------------- events

  local Event = Class:extend("Event")
  cuda.Event = Event

  local event_args = args("Event", {"enable_timing", false}, {"blocking", false}, {"interprocess", false})

  --- torch.cuda.Event{enable_timing = true}: a mark in a stream. It belongs to the card where it is first recorded.
  function Event:init(...)
    local timed, _, interprocess = event_args(...)
    if interprocess then fail("Event(): interprocess events are not supported") end
    self.enable_timing = timed
  end

  --- Puts the mark after what `stream`, else the current one, has been given so far.
  function Event:record(stream)
    stream = stream and check(stream, "record") or cuda.current_stream()
    self._mark = self._mark or C.event_new(stream._number, self.enable_timing)
    self._number, self.device = self._number or stream._number, self.device or stream.device
    C.event_record(self._number, self._mark, stream._queue)
  end

  --- `stream`, else the current one, goes on only after the mark. The host does not wait.
  function Event:wait(stream)
    if not self._mark then return end
    stream = stream and check(stream, "wait") or cuda.current_stream()
    C.event_wait(self._number, self._mark, stream._number, stream._queue)
  end

  --- Is all done that the mark comes after? True before the first record.
  function Event:query() return not self._mark or C.event_done(self._number, self._mark) end

  --- The host waits for the mark.
  function Event:synchronize()
    if self._mark then C.event_sync(self._number, self._mark) end
  end

  --- Milliseconds from this mark to a later one; both made with {enable_timing = true}, recorded and done.
  function Event:elapsed_time(other)
    if not (self.enable_timing and other.enable_timing) then
      fail("Both events must be created with argument 'enable_timing=True'.")
    elseif not (self._mark and other._mark) then
      fail("Both events must be recorded before calculating elapsed time.")
    elseif not (self:query() and other:query()) then
      fail("Both events must be completed before calculating elapsed time.")
    end
    return C.event_between(self._number, self._mark, other._mark)
  end

  function Event:__tostring()
    if not self._mark then return "<torch.cuda.Event uninitialized>" end
    return ("<torch.cuda.Event device=%s>"):format(tostring(self.device))
  end

  ------------------------------------------------------------------------------------------- graphs

  --- Are the commands of a card being written down now instead of running?
  function cuda.is_current_stream_capturing()
    local device = torch._C.noting()
    return device ~= nil and device.type == "cuda"
  end

  local CUDAGraph = Class:extend("CUDAGraph")
  cuda.CUDAGraph = CUDAGraph

  --- Runs what torch.cuda.graph wrote down, on the memory it was written down with.
  function CUDAGraph:replay()
    if not self._plan then fail("Called CUDAGraph::replay without a preceding successful capture.") end
    self._plan:run()
  end

  --- Lets go of the recorded work and its memory.
  function CUDAGraph:reset() self._plan = nil end

  local graph_args = args("graph", "cuda_graph", "fn", {"pool"}, {"stream"}, {"capture_error_mode"})

  --- torch.cuda.graph(g, fn, {stream =}): writes down what fn gives to the current card, without running it, and
  -- returns what fn returns: tensors that get their values at g:replay(). New inputs are copied into the tensors that
  -- fn read. fn must have run before, so that optimizers have their state; nothing in it may look at a value.
  -- (torch.capture does the same on any device, runs fn once and returns the recorded step.)
  function cuda.graph(...)
    local g, fn, _, stream = graph_args(...)
    if not Class.is(g, CUDAGraph) then fail("graph(): argument 'cuda_graph' must be a torch.cuda.CUDAGraph") end
    if g._plan then
      fail("This CUDAGraph instance already owns a captured graph. To capture a new graph, create a new instance.")
    end
    local _ <close> = cuda.stream(stream)
    local device, results = cuda.current_stream().device, nil
    cuda.synchronize()
    collectgarbage()                                   -- what is dead must not die inside the recording
    g._plan = torch._C.note(function()
      results = table.pack(fn())
      return table.unpack(results, 1, results.n)
    end, device)
    return table.unpack(results, 1, results.n)
  end
end
