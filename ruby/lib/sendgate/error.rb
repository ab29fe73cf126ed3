# frozen_string_literal: true

module Sendgate
  # What every error of Sendgate's is: `rescue Sendgate::Error` takes them all, `rescue Sendgate::SendgateError::RateLimited`
  # one kind. Each has a stable `code`, a `detail` for people, and its data.
  Error = SendgateError

  module SendgateError
    # The code and the sentence.
    def message = "#{code}: #{detail}"
    alias to_s message
    alias full message
  end

  SendgateError.constants.each do |name|
    error = SendgateError.const_get(name)
    next unless error.is_a?(::Class) && error < StandardError

    error.prepend(SendgateError)
    const_set(name, error) unless const_defined?(name, false)
  end
end
