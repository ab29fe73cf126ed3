# frozen_string_literal: true

module Sendgate
  # A limiter and its state, shared by threads. A policy is a Hash or its JSON; an instant is a Time.
  class Limiter
    prepend(Module.new do
      def initialize(policy) = super(Sendgate.json(policy))

      # Whether `cost` units may leave now; charges them if they may.
      def admit?(cost: 1, now: Time.now) = admit(cost, now)

      # `admit?` for several sends one after another, each with its cost.
      def admit_many(costs, now: Time.now) = super(costs.to_a, now)

      # Decides and, on an allow, charges: a Decision that is `allow?`, `defer?` or `reject?`.
      def decide(cost: 1, now: Time.now) = super(cost, now)

      # The same decision, charging nothing.
      def peek(cost: 1, now: Time.now) = super(cost, now)

      # Records units that left anyway, and returns the instant they count from.
      def charge(cost: 1, now: Time.now) = super(cost, now)

      # Takes back units that were charged at `charged_at`.
      def refund(charged_at:, cost: 1, now: Time.now) = super(cost, charged_at, now)

      # What each window holds.
      def usage(now: Time.now) = super(now)
    end)
  end

  # One policy, many keys.
  class Limiters
    prepend(Module.new do
      def initialize(policy, most_keys: nil) = super(Sendgate.json(policy), most_keys)

      # Whether `cost` units of a key may leave now; charges them if they may.
      def admit?(key, cost: 1, now: Time.now) = admit(key, cost, now)

      # `admit?` for many keys at once, in their order.
      def admit_many(keys, cost: 1, now: Time.now) = super(keys.to_a, cost, now)

      def decide(key, cost: 1, now: Time.now) = super(key, cost, now)

      def peek(key, cost: 1, now: Time.now) = super(key, cost, now)

      def refund(key, charged_at:, cost: 1, now: Time.now) = super(key, cost, charged_at, now)

      def usage(key, now: Time.now) = super(key, now)

      # Forgets keys in whose windows nothing is in use; looks at `most` of them.
      def evict(most: 4_294_967_295, now: Time.now) = super(most, now)
    end)
  end

  # Several things that are limited, decided all at once.
  class Gate
    prepend(Module.new do
      def initialize(policy) = super(Sendgate.json(policy))

      # Decides for all dimensions together; one cost for each. `status` is :active, :suspended or :closed.
      def decide(costs, status: :active, now: Time.now) = super(Sendgate.status(status), costs.to_a, now)

      def peek(costs, held: [], status: :active, now: Time.now)
        super(Sendgate.status(status), costs.to_a, held.to_a, now)
      end

      def explain(costs, held: [], status: :active, now: Time.now)
        super(Sendgate.status(status), costs.to_a, held.to_a, now)
      end

      def charge(dimension, cost: 1, now: Time.now) = super(dimension, cost, now)
    end)
  end

  # The number of an account's status.
  def self.status(word) = AccountStatus.const_get(word.to_s.upcase)
end
