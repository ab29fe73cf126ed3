# frozen_string_literal: true

# scripts/ruby.sh puts the native library and uniffi's Ruby into lib/sendgate first.
Gem::Specification.new do |gem|
  gem.name = "sendgate"
  gem.version = "0.1.0"
  gem.summary = "Decides for every email: now, later, or never, and through whom"
  gem.description = "Exact rate limits, suppression, requests to email providers and a durable outbox, from one Rust core."
  gem.authors = ["The Sendgate authors"]
  gem.licenses = ["MIT", "Apache-2.0"]
  gem.homepage = "https://sendgate.example"
  gem.platform = Gem::Platform.local
  gem.required_ruby_version = ">= 3.1"
  gem.files = ["README.md", "lib/sendgate.rb"] +
              %w[native.rb libsendgate_ffi.so time.rb error.rb limiter.rb message.rb provider.rb mailroom.rb suppressions.rb]
              .map { |name| "lib/sendgate/#{name}" }
  gem.add_dependency "ffi", ">= 1.15", "< 2"
end
