# frozen_string_literal: true

module Sendgate
  # A provider with its settings: `Provider.new(:resend, credential: "re_...")`.
  class Provider
    prepend(Module.new do
      def initialize(kind, **settings)
        known = kind.to_s.upcase.to_sym
        raise ArgumentError, "there is no such provider; there are #{Provider.kinds.join(', ')}" unless ProviderKind.const_defined?(known)

        super(ProviderKind.const_get(known), ProviderSettings.new(**settings))
      end

      # The HttpRequest or SmtpRequest that hands a message to the provider.
      def build(message, message_id:, now: Time.now) = super(message, message_id, now).request

      # The request that hands several messages, a Hash of ids and messages, to the provider at once.
      def build_batch(messages, now: Time.now)
        super(messages.map { |id, message| Addressed.new(message: message, message_id: id) }, now).request
      end

      # What an HTTP answer means: an Answer, whose `outcome` is `accepted?`, `throttled?` and so on.
      def classify(status:, headers: {}, body: "", now: Time.now)
        super(HttpResponse.new(status: status, headers: headers, body: body.b), now)
      end

      # What an HTTP answer to a request of several messages means for each of them.
      def classify_batch(count, status:, headers: {}, body: "", now: Time.now)
        super(HttpResponse.new(status: status, headers: headers, body: body.b), count, now)
      end

      # Verifies a report and reads its events: a Report that is `events?`, `needs_certificate?` or `confirm?`.
      def parse_webhook(headers:, body:, secrets:, now: Time.now, certificate: nil, **trust)
        certificate = Certificate.new(**certificate) if certificate
        super(headers, body.b, Trust.new(secrets: Array(secrets), **trust), now, certificate)
      end

      # Shows no credential.
      def inspect = "#<Sendgate::Provider #{Provider.kinds[kind]}>"
    end)

    # The words of all providers.
    def self.kinds = ProviderKind.constants.sort_by { |name| ProviderKind.const_get(name) }.map { |name| name.to_s.downcase }
  end

  class HttpRequest
    # Shows no credential and no address.
    def inspect = "#<Sendgate::HttpRequest #{method} of #{body.bytesize} bytes>"
  end
end
