// The official Node SDKs of Brevo, MailerSend, Mailtrap and SparkPost, as their documentation shows them.

import { createHash } from 'node:crypto';
import { BrevoClient } from '@getbrevo/brevo';
import { Attachment, EmailParams, MailerSend, Recipient, Sender } from 'mailersend';
import { MailtrapClient } from 'mailtrap';
import SparkPost from 'sparkpost';
import { assert, base, filled, isInline, joined } from './common.mjs';

/** `{email, name}`, as several providers have it. */
const person = ({ address, name }) => (name ? { email: address, name } : { email: address });
const persons = (list) => list?.map(person);

export async function byBrevo(message, name) {
  const client = new BrevoClient({ apiKey: 'xkeysib-test', baseUrl: `${base}/brevo/v3`, maxRetries: 0 });
  // The key is the caller's to choose: this is the one that Sendgate makes of the message's id.
  const digest = createHash('sha256').update(`key-${name}`).digest();
  digest[6] = (digest[6] & 0x0f) | 0x40;
  digest[8] = (digest[8] & 0x3f) | 0x80;
  const idempotencyKey = digest
    .toString('hex', 0, 16)
    .replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, '$1-$2-$3-$4-$5');
  const answer = await client.transactionalEmails.sendTransacEmail(
    filled({
      sender: person(message.from),
      to: persons(message.to),
      cc: persons(message.cc),
      bcc: persons(message.bcc),
      replyTo: persons(message.reply_to)?.[0],
      subject: message.subject,
      htmlContent: message.html_body,
      textContent: message.text_body,
      headers: filled({
        ...message.headers,
        'X-Mailin-custom': message.metadata && JSON.stringify(message.metadata),
        idempotencyKey,
      }),
      tags: message.tags,
      templateId: message.template && Number(message.template.id),
      params: message.template?.data,
      attachment: message.attachments?.map((file) => ({ name: file.filename, content: file.content })),
    }),
  );
  assert(answer.messageId, answer);
}

export async function byMailersend(message) {
  const client = new MailerSend({ apiKey: 'mlsn.test' });
  client.email.baseUrl = `${base}/mailersend/v1`;
  const people = (list) => list?.map(({ address, name }) => new Recipient(address, name));
  const { opens, clicks } = message.tracking ?? {};
  const answer = await client.email.send(
    new EmailParams({
      from: new Sender(message.from.address, message.from.name),
      to: people(message.to),
      cc: people(message.cc),
      bcc: people(message.bcc),
      replyTo: people(message.reply_to)?.[0],
      subject: message.subject,
      text: message.text_body,
      html: message.html_body,
      headers: message.headers && Object.entries(message.headers).map(([name, value]) => ({ name, value })),
      tags: message.tags,
      settings: message.tracking && filled({ track_opens: opens, track_clicks: clicks }),
      templateId: message.template?.id,
      personalization: message.template && message.to.map(({ address }) => ({ email: address, data: message.template.data })),
      attachments: message.attachments?.map(
        (file) => new Attachment(file.content, file.filename, file.disposition, file.content_id),
      ),
    }),
  );
  assert(answer.statusCode === 202 && answer.headers['x-message-id'], answer);
}

export async function byMailtrap(message) {
  const client = new MailtrapClient({ token: 'mailtrap-test' });
  // Its hosts are constants.
  client.axios.interceptors.request.use((config) => ({
    ...config,
    url: config.url.replace('https://send.api.mailtrap.io', `${base}/mailtrap`),
  }));
  const answer = await client.send(
    filled({
      from: person(message.from),
      to: persons(message.to),
      cc: persons(message.cc),
      bcc: persons(message.bcc),
      reply_to: persons(message.reply_to)?.[0],
      subject: message.subject,
      text: message.text_body,
      html: message.html_body,
      category: message.tags?.[0],
      headers: message.headers,
      custom_variables: message.metadata,
      template_uuid: message.template?.id,
      template_variables: message.template?.data,
      attachments: message.attachments?.map((file) =>
        filled({
          filename: file.filename,
          content: Buffer.from(file.content, 'base64'),
          type: file.content_type,
          disposition: file.disposition ?? 'attachment',
          content_id: file.content_id,
        }),
      ),
    }),
  );
  assert(answer.success && answer.message_ids.length, answer);
}

export async function bySparkpost(message) {
  const client = new SparkPost('sparkpost-test', { origin: `${base}/sparkpost` });
  const recipients = (list) => list?.map((mailbox) => ({ address: person(mailbox) }));
  const files = (inline) =>
    message.attachments
      ?.filter((file) => isInline(file) === inline)
      .map((file) => ({
        name: inline ? file.content_id : file.filename,
        type: file.content_type,
        data: file.content,
      })) ?? [];
  const { opens, clicks } = message.tracking ?? {};
  const answer = await client.transmissions.send(
    filled({
      recipients: recipients(message.to),
      cc: recipients(message.cc),
      bcc: recipients(message.bcc),
      content: message.template
        ? { template_id: message.template.id }
        : filled({
            from: person(message.from),
            reply_to: joined(message.reply_to),
            subject: message.subject,
            text: message.text_body,
            html: message.html_body,
            headers: message.headers,
            attachments: files(false),
            inline_images: files(true),
          }),
      substitution_data: message.template?.data,
      campaign_id: message.tags?.[0],
      metadata: message.metadata,
      options: filled({
        open_tracking: opens,
        click_tracking: clicks,
        ip_pool: message.stream,
        transactional: true,
      }),
    }),
  );
  assert(answer.results.id && answer.results.total_rejected_recipients === 0, answer);
}
