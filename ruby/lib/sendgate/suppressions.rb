# frozen_string_literal: true

module Sendgate
  # An exact set of suppressed addresses without the addresses themselves.
  class Suppressions
    prepend(Module.new do
      def initialize(addresses = [], key: nil) = super(addresses.to_a, key)

      # Whether each of these addresses is suppressed, in their order.
      def contains_many(addresses) = super(addresses.to_a)
    end)

    alias include? contains
    alias member? contains
    alias === contains
    alias delete remove

    # Adds an address.
    def <<(address)
      add(address)
      self
    end

    # Goes on from saved bytes.
    def self.load(bytes, key:) = from_bytes(bytes, key)

    # Shows no key.
    def inspect = "#<Sendgate::Suppressions of #{size} addresses>"
  end
end
