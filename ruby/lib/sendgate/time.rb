# frozen_string_literal: true

# Decides for every email: now, later, or never, and through whom.
module Sendgate
  # The instant so many milliseconds after 1970.
  def self.time_of(millis) = Time.at(millis / 1000, millis % 1000, :millisecond).utc

  # Milliseconds since 1970 of a Time, or of the number that they are already.
  def self.millis_of(instant)
    millis = instant.is_a?(Integer) ? instant : (instant.to_r * 1000).floor
    raise RangeError, "an instant must not be before 1970" if millis.negative?

    millis
  end

  # JSON text of a Hash, or the text itself.
  def self.json(value) = value.is_a?(String) ? value : JSON.generate(value)
end
