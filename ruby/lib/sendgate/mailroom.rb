# frozen_string_literal: true

module Sendgate
  # For a transport to raise when the provider surely has not got the request.
  class NotSent < StandardError; end

  # A durable sender on a SQLite file, for several threads and several processes on one file.
  #
  # The built-in transport works in the background without the interpreter's lock. A transport of Ruby's is a block that takes
  # an HttpRequest and a time-out in seconds and returns a status, header fields and a body; it runs on the thread that
  # drains, and raises NotSent when the provider surely has not got the request.
  class Mailroom
    # Opens the file for a Provider, or for an account's configuration (a Hash or JSON) with the values of its `secrets`,
    # which are environment variables otherwise. Given a block, yields the Mailroom and stops it at the end.
    def self.open(path, account, secrets: nil, profile: nil, lease: nil, transport: nil)
      lease &&= (lease * 1000).ceil
      mailroom = if account.is_a?(Provider)
                   of_provider(path.to_s, account, profile, nil, lease)
                 else
                   new(path.to_s, Sendgate.json(account), secrets, nil, lease)
                 end
      mailroom.instance_variable_set(:@transport, transport)
      return mailroom unless block_given?

      begin
        yield mailroom
      ensure
        mailroom.stop
      end
    end

    prepend(Module.new do
      # Stores messages for delivery, one or several, and returns a Receipt for each.
      def submit(messages, idempotency_key: nil)
        super(messages.is_a?(Message) ? [messages] : messages.to_a, idempotency_key)
      end

      # Delivers until no message waits or is on its way, or for `timeout` seconds; whether none is left. A block is the
      # transport of this once.
      def drain(timeout: nil, &transport)
        until_then = timeout && (Process.clock_gettime(Process::CLOCK_MONOTONIC) + timeout)
        transport ||= @transport
        return deliver(transport, until_then) if transport

        is_ours = run
        # Each look returns at once: other threads of Ruby's go on in between.
        sleep(LOOK) until (is_done = super(0)) || Sendgate.passed?(until_then)
        stop if is_ours
        is_done
      end

      # The trace, the quotas and the limits, as the API tells of them.
      def trace(message_id) = super&.then { |text| JSON.parse(text) }

      def usage = JSON.parse(super)["usage"]

      def limits = JSON.parse(super)["limits"]
    end)

    private

    def deliver(transport, until_then)
      until Sendgate.passed?(until_then)
        step = self.next
        return true if step.idle?

        if step.send?
          carry_by(transport, step.due)
        else
          sleep([step._until - Time.now, LOOK].min.clamp(0, LOOK))
        end
      end
      false
    end

    def carry_by(transport, due)
      request = due.request
      # Mails to mail servers go by the built-in carrier.
      return carry(due) if request.smtp?

      settle(due, Sendgate.carried(transport, request.request, due.timeout / 1000.0))
    end

    LOOK = 0.02
    private_constant :LOOK
  end

  # What became of a request that a block carried.
  def self.carried(transport, request, timeout)
    status, headers, body = transport.call(request, timeout)
    Carried::ANSWERED.new(response: HttpResponse.new(status: status, headers: headers.to_h, body: body.b))
  rescue NotSent
    Carried::NOT_SENT.new
  rescue StandardError => error
    # The request may have left before it was raised, and nobody else would tell of the error.
    warn "sendgate: the transport raised #{error.class}"
    Carried::MAYBE_SENT.new
  end

  # Whether an instant of the monotonic clock has passed.
  def self.passed?(instant) = instant && Process.clock_gettime(Process::CLOCK_MONOTONIC) >= instant
end
