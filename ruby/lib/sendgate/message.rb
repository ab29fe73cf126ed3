# frozen_string_literal: true

module Sendgate
  # A message, checked: `Message.new(from:, to:, subject:, text_body:, ...)`. One mailbox may stand for a list of them;
  # `class` is :transactional, :lifecycle, :drip or :bulk; instants are Times; `template` is `{ id:, data: }`.
  #
  # InvalidMessage has every fault of it in `faults`.
  class Message
    prepend(Module.new do
      def initialize(from:, to:, **fields)
        fields[:mail_class] = MailClass.const_get(fields.delete(:class).to_s.upcase) if fields[:class]
        %i[cc bcc reply_to tags].each { |list| fields[list] = Array(fields[list]) if fields.key?(list) }
        fields[:attachments] = fields[:attachments].map { |file| Attachment.new(**file) } if fields[:attachments]
        if (template = fields[:template])
          fields[:template] = Template.new(id: template[:id], data: Sendgate.json(template[:data] || {}))
        end
        if (options = fields[:provider_options])
          fields[:provider_options] = options.to_h { |name, value| [name.to_s, Sendgate.json(value)] }
        end
        %i[headers metadata].each { |map| fields[map] = fields[map].transform_keys(&:to_s) if fields[map] }
        super(Draft.new(from: from, to: Array(to), **fields))
      end

      # Shows no address.
      def inspect = "#<Sendgate::Message of #{size} bytes>"
    end)
  end
end
