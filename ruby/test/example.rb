# frozen_string_literal: true

# Sends through a Mailroom to the simulator at the first argument, by the built-in transport and by a block, and asks the
# rest: example.rb URL DIRECTORY
require "net/http"
require "sendgate"

NOON = Time.utc(2026, 12, 1, 12)
url, directory = ARGV

def check(holds, what = "not as it should be") = holds || abort("error: #{what} (#{caller(1, 1).first})")

def raised(kind)
  yield
  abort "error: no #{kind} was raised (#{caller(1, 1).first})"
rescue kind => error
  error
end

provider = Sendgate::Provider.new(:resend, credential: "re_key", base_url: url)
check provider.inspect == "#<Sendgate::Provider resend>", provider.inspect
message = Sendgate::Message.new(from: "orders@shop.example", to: "ann@example.com", subject: "Order 42",
                                text_body: "On its way.", class: :bulk, metadata: { order: "42" })
calls = 0
Sendgate::Mailroom.open(File.join(directory, "ruby.db"), provider) do |mailroom|
  receipts = mailroom.submit([message], idempotency_key: "order-42")
  check mailroom.submit(message, idempotency_key: "order-42") == receipts
  drained = mailroom.drain(timeout: 60) do |request, timeout|
    calls += 1
    raise Sendgate::NotSent if calls == 1

    answer = Net::HTTP.start(URI(request.url).host, URI(request.url).port, read_timeout: timeout) do |http|
      http.send_request(request.method, URI(request.url).path, request.body, request.headers)
    end
    [answer.code.to_i, answer.each_header, answer.body]
  end
  # The first attempt was not sent, so there was a second one.
  check drained && calls == 2, "#{calls} calls"
  check JSON.generate(mailroom.trace(receipts.first.message_id)).include?('"event":"sent"')
  check mailroom.trace("msg_none").nil?
  raised(Sendgate::IdempotencyConflict) do
    other = Sendgate::Message.new(from: "orders@shop.example", to: "bob@example.net", subject: "Order 43", text_body: "Soon.")
    mailroom.submit(other, idempotency_key: "order-42")
  end
end

wrong = raised(Sendgate::InvalidMessage) { Sendgate::Message.new(from: "nobody", to: "ann@example.com", subject: "Hi", text_body: "Hello") }
check wrong.faults.first.field == "from" && wrong.is_a?(Sendgate::Error)
raised(Sendgate::Error) { Sendgate::Limiter.new({}) }
raised(Sendgate::WebhookRefused) do
  provider.parse_webhook(headers: {}, body: "{}", secrets: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", now: NOON)
end
template = Sendgate::Message.new(from: "orders@shop.example", to: "ann@example.com", template: { id: "t", data: { name: "Ann" } })
server = Sendgate::Provider.new(:smtp, credential: "user:word", base_url: "smtp://127.0.0.1:2525")
gap = raised(Sendgate::UnsupportedFeature) { server.build(template, message_id: "m1", now: NOON) }
check gap.provider == "smtp" && !gap.feature.empty?

account = { providers: [{ kind: "resend", credential: "K" }] }
limits = { "minute" => { account_windows: [{ kind: "sliding", name: "minute", limit: 1, period_ms: 60_000 }] },
           "month" => { quotas: [{ period: "month", limit: 1 }] } }
late, spent = limits.map do |name, limit|
  Sendgate::Mailroom.open(File.join(directory, "#{name}.db"), account.merge(limit), secrets: { "K" => "re_key" }) do |mailroom|
    mailroom.submit(message)
    raised(Sendgate::Error) { mailroom.submit(message) }
  end
end
check late.is_a?(Sendgate::RateLimited) && late.window == "minute" && late.retry_at > Time.now - 1, late.inspect
check spent.is_a?(Sendgate::QuotaExceeded) && spent.period == "month" && spent.retry_at > Time.now, spent.inspect

request = provider.build(message, message_id: "order-42", now: NOON)
check request.url.end_with?("/emails") && request.headers["Authorization"] == "Bearer re_key"
check !request.inspect.include?("re_key")
answer = provider.classify(status: 429, headers: { "retry-after" => "2" }, body: "{}", now: NOON)
check answer.outcome.throttled? && answer.outcome.retry_at == NOON + 2, answer.outcome.inspect
limiter = Sendgate::Limiter.new({ windows: [{ kind: "sliding", name: "second", limit: 2, period_ms: 1000 }] })
check limiter.admit_many([1, 1, 1], now: NOON) == [true, true, false]
check limiter.decide(now: NOON).retry_at == NOON + 1
suppressed = Sendgate::Suppressions.new(["Ann@EXAMPLE.com"]) << "bob@example.net"
check suppressed.include?("ann@example.com") && !suppressed.include?("eve@example.org")
check Sendgate::Suppressions.load(suppressed.to_bytes, key: suppressed.key).size == 2
puts "ruby: sent through Mailroom by a block, errors with their data, and the rest"
