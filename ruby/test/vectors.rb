# frozen_string_literal: true

# The shared vectors from Ruby: every case through the core, the limiter's and the backoff's through the classes as well.
#
#   vectors.rb DIRECTORY
require "sendgate"

SUITES = %w[address backoff calendar gate hold lease ledger limiter outcome].freeze
OPERATIONS = %w[decide peek charge refund usage state load].freeze

def at(number) = Sendgate.time_of(Integer(number))

def decided(decision, names)
  if decision.allow? then { "allow" => { "charged_at" => Sendgate.millis_of(decision.charged_at) } }
  elsif decision.defer?
    { "defer" => { "retry_at" => Sendgate.millis_of(decision.retry_at), "window" => names[decision.window] } }
  else { "reject" => { "window" => names[decision.window] } }
  end
end

def used(usage)
  counts = %w[limit used remaining].to_h { |field| [field, usage.public_send(field)] }
  counts.merge(%w[next_at full_at].to_h { |field| [field, Sendgate.millis_of(usage.public_send(field))] })
end

def perform(limiter, names, step)
  now = at(step["now"] || 0)
  case step["op"]
  when "decide", "peek" then decided(limiter.public_send(step["op"], cost: step["cost"], now: now), names)
  when "charge" then { "charged_at" => Sendgate.millis_of(limiter.charge(cost: step["cost"], now: now)) }
  when "usage" then limiter.usage(now: now).map { |usage| used(usage) }
  when "state" then { "hex" => limiter.state.unpack1("H*") }
  when "refund"
    limiter.refund(cost: step["cost"], charged_at: at(step["charged_at"]), now: now)
    { "refunded" => true }
  when "load"
    limiter.load([step["hex"]].pack("H*"))
    { "loaded" => true }
  end
rescue Sendgate::InvalidState => error
  { "error" => error.code }
end

def limiter(vector)
  return unless vector.fetch("steps", []).all? { |step| OPERATIONS.include?(step["op"]) }

  names = vector["policy"].fetch("windows", []).map { |window| window["name"] }
  made = Sendgate::Limiter.new(vector["policy"])
  vector["steps"].map { |step| perform(made, names, step) }
rescue Sendgate::InvalidPolicy => error
  { "error" => error.code }
end

def backoff(vector)
  usual = Sendgate.default_backoff
  fields = %w[base_ms cap_ms max_attempts].to_h { |field| [field.to_sym, vector["policy"][field] || usual.public_send(field)] }
  jitter = vector["policy"]["jitter"]
  jitter = jitter ? Sendgate::Jitter.const_get(jitter.upcase) : usual.jitter
  hint = vector["hint"] && at(vector["hint"])
  policy = Sendgate::Backoff.new(**fields, jitter: jitter)
  answer = Sendgate.backoff_next(policy, vector["attempts"], hint, Integer(vector["entropy"]), at(vector["now"]))
  answer.at? ? { "at" => Sendgate.millis_of(answer.retry_at) } : { "exhausted" => { "attempts" => answer.attempts } }
end

directory = ARGV.fetch(0)
found = Dir.children(directory).grep(/\.json\z/).grep_v(/\.schema\.json\z/).map { |name| name.delete_suffix(".json") }
abort "the suites are #{found}" unless found.sort == SUITES
total = passed = typed = 0
SUITES.each do |suite|
  file = JSON.parse(File.read(File.join(directory, "#{suite}.json")))
  abort suite unless file["total"] == file["cases"].size
  file["cases"].each do |vector|
    total += 1
    want = vector.key?("want") ? vector["want"] : vector["steps"].map { |step| step["want"] }
    got = [JSON.parse(Sendgate.evaluate_vector(suite, JSON.generate(vector)))]
    again = { "limiter" => :limiter, "backoff" => :backoff }[suite]&.then { |name| send(name, vector) }
    got << again and typed += 1 if again
    if got.all? { |one| one == want } then passed += 1
    else puts "#{suite} #{vector['id']}\n  want #{want}\n  got  #{got}"
    end
  end
end
puts "of them through the typed functions as well: #{typed}"
puts "vectors: #{passed} passed, #{total - passed} failed, 0 skipped"
exit 1 if passed != total || total.zero?
