// Sends the messages through the official Node SDKs, as their documentation shows it.
//
//     node send.mjs PORT PLAN MESSAGES SMTP_PORT CERTIFICATE
//
// PORT is the recorder's, SMTP_PORT the mail server's, which has the CERTIFICATE; PLAN is an object of provider -> ids of
// the messages it can send, MESSAGES the list that messages.py prints; both are files. An SDK that throws, or answers that
// a message was not taken, fails the case. The last line counts cases.

import { readFileSync } from 'node:fs';
import { SESv2Client, SendEmailCommand } from '@aws-sdk/client-sesv2';
import sendgrid from '@sendgrid/mail';
import { Client as SendgridClient } from '@sendgrid/client';
import Cloudflare from 'cloudflare';
import FormData from 'form-data';
import Mailgun from 'mailgun.js';
import { ServerClient } from 'postmark';
import { Resend } from 'resend';
import { allQuoted, assert, base, filled, isInline, joined, quoted } from './common.mjs';
import { byBrevo, byMailersend, byMailtrap, bySparkpost } from './later.mjs';
import { sendMail } from './send-mail.mjs';

const [port, planFile, messagesFile, smtpPort, certificate] = process.argv.slice(2);
const plan = JSON.parse(readFileSync(planFile, 'utf8'));
const messages = JSON.parse(readFileSync(messagesFile, 'utf8'));

async function bySendgrid(message) {
  const client = new SendgridClient();
  client.setApiKey('SG.test');
  client.setDefaultRequest('baseUrl', `${base}/sendgrid/`);
  sendgrid.setClient(client);
  const mailbox = ({ address, name }) => (name ? { email: address, name } : { email: address });
  const people = (list) => list?.map(mailbox);
  const { opens, clicks } = message.tracking ?? {};
  const answers = people(message.reply_to) ?? [];
  const isDynamic = message.template?.id.startsWith('d-');
  const [answer] = await sendgrid.send(
    filled({
      from: mailbox(message.from),
      to: people(message.to),
      cc: people(message.cc),
      bcc: people(message.bcc),
      replyTo: answers.length === 1 ? answers[0] : undefined,
      replyToList: answers.length > 1 ? answers : undefined,
      subject: message.subject,
      text: message.text_body || undefined,
      html: message.html_body || undefined,
      headers: message.headers,
      categories: message.tags,
      customArgs: message.metadata,
      ipPoolName: message.stream,
      templateId: message.template?.id,
      dynamicTemplateData: isDynamic ? message.template.data : undefined,
      substitutions: isDynamic ? undefined : message.template?.data,
      substitutionWrappers: ['', ''],
      trackingSettings: message.tracking && {
        ...(clicks === undefined ? {} : { clickTracking: { enable: clicks, enableText: clicks } }),
        ...(opens === undefined ? {} : { openTracking: { enable: opens } }),
      },
      attachments: message.attachments?.map((file) =>
        filled({
          content: file.content,
          filename: file.filename,
          type: file.content_type,
          disposition: file.disposition ?? 'attachment',
          content_id: file.content_id,
        }),
      ),
    }),
  );
  assert(answer.statusCode === 202 && answer.headers['x-message-id'], answer);
}

async function byMailgun(message) {
  const client = new Mailgun(FormData).client({ username: 'api', key: 'key-test', url: `${base}/mailgun` });
  const files = (inline) =>
    message.attachments
      ?.filter((file) => isInline(file) === inline)
      .map((file) => ({
        filename: inline ? file.content_id : file.filename,
        data: Buffer.from(file.content, 'base64'),
        contentType: file.content_type,
      }));
  const prefixed = (prefix, pairs = {}) =>
    Object.fromEntries(Object.entries(pairs).map(([name, value]) => [prefix + name, value]));
  const tracking = Object.entries(message.tracking ?? {}).map(([what, on]) => [`o:tracking-${what}`, on ? 'yes' : 'no']);
  const answer = await client.messages.create(
    'mg.shop.example',
    filled({
      from: quoted(message.from),
      to: allQuoted(message.to),
      cc: allQuoted(message.cc),
      bcc: allQuoted(message.bcc),
      subject: message.subject,
      text: message.text_body,
      html: message.html_body,
      'h:Reply-To': joined(message.reply_to),
      'o:tag': message.tags,
      'o:sending-ip-pool': message.stream,
      template: message.template?.id,
      't:variables': message.template && JSON.stringify(message.template.data),
      attachment: files(false),
      inline: files(true),
      ...prefixed('h:', message.headers),
      ...prefixed('v:', message.metadata),
      ...Object.fromEntries(tracking),
    }),
  );
  assert(answer.status === 200 && answer.id, answer);
}

async function byPostmark(message) {
  const host = `127.0.0.1:${port}/sandbox/postmark`;
  const client = new ServerClient('POSTMARK_API_TEST', { useHttps: false, requestHost: host });
  const { opens, clicks } = message.tracking ?? {};
  const common = filled({
    From: quoted(message.from),
    To: joined(message.to),
    Cc: joined(message.cc),
    Bcc: joined(message.bcc),
    ReplyTo: joined(message.reply_to),
    Tag: message.tags?.[0],
    Metadata: message.metadata,
    TrackOpens: opens,
    TrackLinks: clicks === undefined ? undefined : clicks ? 'HtmlAndText' : 'None',
    MessageStream: message.stream,
    Headers: Object.entries(message.headers ?? {}).map(([Name, Value]) => ({ Name, Value })),
    Attachments: message.attachments?.map((file) => ({
      Name: file.filename,
      Content: file.content,
      ContentType: file.content_type,
      ContentID: file.content_id ? `cid:${file.content_id}` : null,
    })),
  });
  const answer = message.template
    ? await client.sendEmailWithTemplate({
        ...common,
        ...(/^\d+$/.test(message.template.id)
          ? { TemplateId: Number(message.template.id) }
          : { TemplateAlias: message.template.id }),
        TemplateModel: message.template.data,
      })
    : await client.sendEmail(
        filled({ ...common, Subject: message.subject, TextBody: message.text_body, HtmlBody: message.html_body }),
      );
  assert(answer.ErrorCode === 0 && answer.MessageID, answer);
}

/** SES takes 7-bit addresses: a name of other letters is an encoded word. */
const sevenBit = ({ address, name }) =>
  // eslint-disable-next-line no-control-regex
  name && !/^[\x00-\x7f]*$/.test(name)
    ? `=?utf-8?b?${Buffer.from(name, 'utf8').toString('base64')}?= <${address}>`
    : quoted({ address, name });

async function bySes(message) {
  const client = new SESv2Client({
    region: 'eu-west-1',
    endpoint: `${base}/ses`,
    maxAttempts: 1,
    credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' },
  });
  const people = (list) => list?.map(sevenBit);
  const text = (value) => value !== undefined && { Data: value, Charset: 'UTF-8' };
  const headers = Object.entries(message.headers ?? {}).map(([Name, Value]) => ({ Name, Value }));
  const attachments = message.attachments?.map((file) =>
    filled({
      RawContent: Buffer.from(file.content, 'base64'),
      FileName: file.filename,
      ContentType: file.content_type,
      ContentDisposition: (file.disposition ?? 'attachment').toUpperCase(),
      ContentTransferEncoding: 'BASE64',
      ContentId: file.content_id,
    }),
  );
  const extras = filled({ Headers: headers, Attachments: attachments });
  const Content = message.template
    ? {
        Template: {
          TemplateName: message.template.id,
          TemplateData: JSON.stringify(message.template.data),
          ...extras,
        },
      }
    : {
        Simple: {
          Subject: text(message.subject),
          Body: filled({ Text: text(message.text_body) || undefined, Html: text(message.html_body) || undefined }),
          ...extras,
        },
      };
  const state = { true: 'ENABLED', false: 'DISABLED' };
  const { opens, clicks } = message.tracking ?? {};
  const Tracking = filled({ OpenTrackingEnabled: state[opens], ClickTrackingEnabled: state[clicks] });
  const tags = (message.tags ?? []).map((Value, n) => ({ Name: n ? `tag_${n + 1}` : 'tag', Value }));
  const metadata = Object.entries(message.metadata ?? {}).map(([Name, Value]) => ({ Name, Value }));
  const answer = await client.send(
    new SendEmailCommand(
      filled({
        FromEmailAddress: sevenBit(message.from),
        Destination: filled({
          ToAddresses: people(message.to),
          CcAddresses: people(message.cc),
          BccAddresses: people(message.bcc),
        }),
        ReplyToAddresses: people(message.reply_to),
        Content,
        EmailTags: [...tags, ...metadata],
        ConfigurationSetName: message.stream,
        ConfigurationOverrides: message.tracking && { Tracking },
      }),
    ),
  );
  assert(answer.MessageId, answer);
}

async function byResend(message, name) {
  const client = new Resend('re_test', { baseUrl: `${base}/resend` });
  const tags = (message.tags ?? []).map((value, n) => ({ name: n ? `category_${n + 1}` : 'category', value }));
  const metadata = Object.entries(message.metadata ?? {}).map(([name, value]) => ({ name, value }));
  const answer = await client.emails.send(
    filled({
      from: quoted(message.from),
      to: allQuoted(message.to),
      cc: allQuoted(message.cc),
      bcc: allQuoted(message.bcc),
      replyTo: allQuoted(message.reply_to),
      subject: message.subject,
      text: message.text_body,
      html: message.html_body,
      headers: message.headers,
      tags: [...tags, ...metadata],
      template: message.template && { id: message.template.id, variables: message.template.data },
      attachments: message.attachments?.map((file) =>
        filled({
          filename: file.filename,
          content: file.content,
          contentType: file.content_type,
          contentId: file.content_id,
        }),
      ),
    }),
    { idempotencyKey: `key-${name}` },
  );
  assert(answer.data?.id, answer);
}

async function byCloudflare(message) {
  const mailbox = ({ address, name }) => (name ? { address, name } : address);
  const people = (list) => list?.map(mailbox);
  const client = new Cloudflare({
    apiToken: 'cf-test',
    baseURL: `${base}/cloudflare/client/v4`,
    maxRetries: 0,
  });
  const answer = await client.emailSending.send(
    filled({
      account_id: 'acc123',
      from: mailbox(message.from),
      to: people(message.to),
      cc: people(message.cc),
      bcc: people(message.bcc),
      reply_to: people(message.reply_to)?.[0],
      subject: message.subject,
      text: message.text_body,
      html: message.html_body,
      headers: message.headers,
      attachments: message.attachments?.map((file) =>
        filled({
          content: file.content,
          filename: file.filename,
          type: file.content_type,
          disposition: file.disposition ?? 'attachment',
          content_id: file.content_id,
        }),
      ),
    }),
  );
  assert(answer.delivered?.length || answer.queued?.length, answer);
}

async function bySmtp(message, name) {
  const answer = await sendMail(message, `<key-${name}@shop.example>`, Number(smtpPort), certificate);
  assert(answer.accepted.length && !answer.rejected.length, answer);
}

const senders = {
  sendgrid: bySendgrid,
  mailgun: byMailgun,
  postmark: byPostmark,
  ses: bySes,
  resend: byResend,
  cloudflare: byCloudflare,
  brevo: byBrevo,
  mailersend: byMailersend,
  mailtrap: byMailtrap,
  sparkpost: bySparkpost,
  smtp: bySmtp,
};

let [passed, failed, skipped] = [0, 0, 0];
for (const [provider, send] of Object.entries(senders)) {
  for (const { id, message } of messages) {
    if (!plan[provider].includes(id)) {
      skipped += 1;
      continue;
    }
    await fetch(`http://127.0.0.1:${port}/__case/node/${provider}/${id}`, { method: 'POST' });
    try {
      await send(message, id);
      passed += 1;
    } catch (error) {
      failed += 1;
      console.log(`node ${provider} ${id}: ${error.name}: ${error.message} ${JSON.stringify(error.response?.body ?? '')}`);
    }
  }
}
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = failed ? 1 : 0;
