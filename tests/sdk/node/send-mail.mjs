// Sends a message with nodemailer, as its documentation shows it.

import { readFileSync } from 'node:fs';
import nodemailer from 'nodemailer';

const mailbox = ({ address, name }) => ({ address, name: name ?? '' });
const people = (list) => list?.map(mailbox);

/** One message through STARTTLS with a password; `messageId` is the mail's own. */
export async function sendMail(message, messageId, port, certificate) {
  const transport = nodemailer.createTransport({
    host: '127.0.0.1',
    port,
    requireTLS: true,
    tls: { ca: readFileSync(certificate) },
    auth: { user: 'shop', pass: 'any' },
  });
  const answer = await transport.sendMail({
    from: mailbox(message.from),
    to: people(message.to),
    cc: people(message.cc),
    bcc: people(message.bcc),
    replyTo: people(message.reply_to),
    subject: message.subject,
    text: message.text_body,
    html: message.html_body,
    headers: message.headers,
    date: new Date('2026-12-01T10:00:00Z'),
    messageId,
    attachments: message.attachments?.map((file) => ({
      filename: file.filename,
      content: file.content,
      encoding: 'base64',
      contentType: file.content_type,
      contentDisposition: file.disposition ?? 'attachment',
      cid: file.content_id,
    })),
  });
  transport.close();
  return answer;
}
