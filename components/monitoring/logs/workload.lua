-- Gives each record its place in the stack and takes secrets out of it. WORKLOADS stands above: what pods' names begin
-- with, and the fields of their records.

local REDACTED = "[redacted]"

local function any_case(name)
  return (name:gsub("%a", function(letter) return "[" .. letter:upper() .. letter:lower() .. "]" end))
end

local SECRET_NAMES = {
  "api[_%-]?key", "hf[_%-]token", "access[_%-]token", "auth[_%-]token", "session[_%-]token", "security[_%-]token",
  "secret[_%-]access[_%-]key", "password", "passwd", "client[_%-]secret", "authorization",
}

-- Where a value is named: api_key='...', "api_key": "...", --api-key ..., X-Amz-Security-Token=...
local NAMED = {}
-- A field of a record whose name ends in one of the names.
local FIELDS = {}
for index, name in ipairs(SECRET_NAMES) do
  NAMED[index] = "(" .. any_case(name) .. "[\"']?%s*[=:%s]%s*[\"']?)([^%s\"',;&)}%]]+)"
  FIELDS[index] = any_case(name) .. "$"
end

-- What is a secret by its own shape.
local SHAPES = {
  { "hf_" .. ("%w"):rep(20) .. "%w*", REDACTED },
  { "sk%-[%w_%-]" .. ("[%w_%-]"):rep(19) .. "[%w_%-]*", REDACTED },
  { "A[KS]IA" .. ("[%u%d]"):rep(16), REDACTED },
  { "eyJ[%w_%-]+%.[%w_%-]+%.[%w_%-]+", REDACTED },
  { "([Bb][Ee][Aa][Rr][Ee][Rr]%s+)[%w%._~+/=%-]+", "%1" .. REDACTED },
  { "([Xx]%-[Aa]mz%-[Ss]ignature=)%x+", "%1" .. REDACTED },
  { "(://[^%s/:@]+:)[^%s/@]+@", "%1" .. REDACTED .. "@" },
  { "(%-%-%-%-%-BEGIN [%u ]*PRIVATE KEY%-%-%-%-%-).-(%-%-%-%-%-END)", "%1" .. REDACTED .. "%2" },
}

local NO_SECRET = { ["None"] = true, ["null"] = true, ["Bearer"] = true, [REDACTED] = true }

local function unless_empty(name, value)
  if NO_SECRET[value] then return nil end
  return name .. REDACTED
end

local function redact(text)
  for _, shape in ipairs(SHAPES) do text = text:gsub(shape[1], shape[2]) end
  for _, pattern in ipairs(NAMED) do text = text:gsub(pattern, unless_empty) end
  return text
end

local function is_secret(field)
  for _, pattern in ipairs(FIELDS) do
    if field:find(pattern) then return true end
  end
  return false
end

local function clean(record)
  for field, value in pairs(record) do
    if type(value) == "table" then
      clean(value)
    elseif type(value) == "string" then
      if type(field) == "string" and is_secret(field) and value ~= "" then
        record[field] = REDACTED
      else
        record[field] = redact(value)
      end
    end
  end
end

-- A DisaggregatedSet calls its LeaderWorkerSets <set>-<slice>-<revision>-<role>: without slice and revision, <set>-<role>.
local OF_A_SET = "^(.-)%-%d+%-" .. ("%x"):rep(8) .. "%-(.+)$"

-- The pod's workload by the longest beginning of its name, and the parts that follow.
local function writer_of(pod)
  local name, rest = pod:gsub(OF_A_SET, "%1-%2"), {}
  while name do
    if WORKLOADS[name] then return WORKLOADS[name], rest end
    local shorter, part = name:match("^(.+)%-([^%-]+)$")
    table.insert(rest, 1, part)
    name = shorter
  end
  return nil, rest
end

-- A router colours its lines, wherever they go.
local COLOUR = "\27%[[%d;]*m"

-- The request of a line: rid='...' or "rid": "..." of the engine, request_id="..." of the router.
local function request_of(record)
  for _, field in ipairs({ "request_id", "rid" }) do
    if type(record[field]) == "string" then return record[field] end
  end
  local text = record.log or record.message
  if type(text) ~= "string" then return nil end
  return text:match("request_id[\"']?[=:]%s*[\"']?([%w_%-]+)") or text:match("%f[%w]rid[\"']?[=:]%s*[\"']?([%w_%-]+)")
end

-- The trace of a request that came with one: {"traceparent": "00-<trace>-<span>-01"} among the headers that an engine
-- logs (https://www.w3.org/TR/trace-context/).
local function trace_of(record)
  local text = record.log or record.message
  if type(text) ~= "string" then return nil end
  local trace = text:match("traceparent[\"']%s*[=:]%s*[\"']%x%x%-(%x+)%-%x+%-%x%x")
  if trace and #trace == 32 then return trace end
end

function workload(tag, timestamp, record)
  record["_p"], record["time"] = nil, nil
  if type(record.log) == "string" then record.log = record.log:gsub(COLOUR, "") end
  clean(record)
  record.request_id, record.trace_id = request_of(record), trace_of(record)
  local namespace, pod, container = tag:match("^workload%.([^%.]+)%.([^%.]+)%.([^%.]+)$")
  record.namespace, record.pod, record.container = namespace, pod, container
  local writer, rest = writer_of(pod or "")
  for field, value in pairs(writer and writer.fields or {}) do record[field] = value end
  if writer and writer.ranked then
    record.group, record.rank = rest[1], rest[2] or "0"
  end
  if type(record.log) == "string" then
    -- [2026-08-20 10:00:00 DP0 TP3] ...: which process of the pod.
    record.process = record.log:match("^%[%d+%-%d+%-%d+ %d+:%d+:%d+ ([%u%d ]+)%]")
  end
  return 2, timestamp, record
end
