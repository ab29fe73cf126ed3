# frozen_string_literal: true

require "json"

require_relative "sendgate/time"
require_relative "sendgate/native"
require_relative "sendgate/error"
require_relative "sendgate/limiter"
require_relative "sendgate/message"
require_relative "sendgate/provider"
require_relative "sendgate/mailroom"
require_relative "sendgate/suppressions"
