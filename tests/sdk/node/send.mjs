// Sends the shared messages with the official Node SDKs to a simulator that is running, and looks at what came.
//
// usage: send.mjs BASE_URL SMTP_PORT CERTIFICATE

import { readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";

const [base, smtpPort, certificate] = process.argv.slice(2);
const messages = JSON.parse(readFileSync(new URL("../messages.json", import.meta.url), "utf8"));

/** The mailbox as one text, with letters outside ASCII as they are. */
const mailbox = (address) => (address.name ? `${address.name} <${address.address}>` : address.address);
const mailboxes = (message, field) => (message[field] ?? []).map(mailbox);
const bytes = (file) => Buffer.from(file.content, "base64");
/** Tags and metadata as pairs, for providers whose tags are such. */
const pairs = (message) => [
  ...(message.tags ?? []).map((tag) => [tag, "true"]),
  ...Object.entries(message.metadata ?? {}),
];
const withoutNothing = (fields) =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value?.length !== 0));

// --- the SDKs: each returns what sends one message ----------------------------------------------------------------------

async function resend() {
  const { Resend } = await import("resend");
  const client = new Resend("re_test", { baseUrl: `${base}/sandbox/resend` });
  return async (message) => {
    const { error } = await client.emails.send(
      withoutNothing({
        from: mailbox(message.from),
        to: mailboxes(message, "to"),
        cc: mailboxes(message, "cc"),
        bcc: mailboxes(message, "bcc"),
        replyTo: message.reply_to && mailbox(message.reply_to),
        subject: message.subject,
        text: message.text,
        html: message.html,
        headers: message.headers,
        tags: pairs(message).map(([name, value]) => ({ name, value })),
        attachments: (message.attachments ?? []).map((file) => ({
          filename: file.filename,
          content: file.content,
          contentType: file.content_type,
          contentId: file.content_id,
        })),
      }),
    );
    if (error) throw new Error(JSON.stringify(error));
  };
}

async function postmark() {
  const { ServerClient } = await import("postmark");
  const requestHost = `${base.replace("http://", "")}/sandbox/postmark`;
  const client = new ServerClient("POSTMARK_API_TEST", { useHttps: false, requestHost });
  return (message) =>
    client.sendEmail(
      withoutNothing({
        From: mailbox(message.from),
        To: mailboxes(message, "to").join(","),
        Cc: mailboxes(message, "cc").join(","),
        Bcc: mailboxes(message, "bcc").join(","),
        ReplyTo: message.reply_to && mailbox(message.reply_to),
        Subject: message.subject,
        TextBody: message.text,
        HtmlBody: message.html,
        Headers: Object.entries(message.headers ?? {}).map(([Name, Value]) => ({ Name, Value })),
        Tag: message.tags?.[0],
        Metadata: message.metadata,
        Attachments: (message.attachments ?? []).map((file) => ({
          Name: file.filename,
          Content: file.content,
          ContentType: file.content_type,
          ContentID: file.content_id ? `cid:${file.content_id}` : null,
        })),
      }),
    );
}

async function sendgrid() {
  const { Client } = (await import("@sendgrid/client")).default;
  const { MailService } = (await import("@sendgrid/mail")).default;
  const client = new Client();
  client.setApiKey("SG.test.test");
  client.setDefaultRequest("baseUrl", `${base}/sandbox/sendgrid/`);
  const service = new MailService();
  service.setClient(client);
  const person = (address) => (address.name ? { email: address.address, name: address.name } : address.address);
  return (message) =>
    service.send(
      withoutNothing({
        from: person(message.from),
        to: message.to.map(person),
        cc: (message.cc ?? []).map(person),
        bcc: (message.bcc ?? []).map(person),
        replyTo: message.reply_to && person(message.reply_to),
        subject: message.subject,
        text: message.text,
        html: message.html,
        headers: message.headers,
        categories: message.tags,
        customArgs: message.metadata,
        attachments: (message.attachments ?? []).map((file) =>
          withoutNothing({
            filename: file.filename,
            content: file.content,
            type: file.content_type,
            disposition: file.content_id ? "inline" : "attachment",
            // The SDK does not rename `contentId` inside attachments.
            content_id: file.content_id,
          }),
        ),
      }),
    );
}

async function mailgun() {
  const Mailgun = (await import("mailgun.js")).default;
  const FormData = (await import("form-data")).default;
  const client = new Mailgun(FormData).client({ username: "api", key: "key-test", url: `${base}/sandbox/mailgun` });
  const upload = (file) => ({ filename: file.filename, data: bytes(file), contentType: file.content_type });
  return (message) => {
    const files = message.attachments ?? [];
    const marked = (mark, fields) => Object.fromEntries(Object.entries(fields ?? {}).map(([n, v]) => [mark + n, v]));
    return client.messages.create(
      "mg.shop.example",
      withoutNothing({
        from: mailbox(message.from),
        to: mailboxes(message, "to"),
        cc: mailboxes(message, "cc"),
        bcc: mailboxes(message, "bcc"),
        subject: message.subject,
        text: message.text,
        html: message.html,
        "o:tag": message.tags,
        "h:Reply-To": message.reply_to && mailbox(message.reply_to),
        ...marked("h:", message.headers),
        ...marked("v:", message.metadata),
        attachment: files.filter((file) => !file.content_id).map(upload),
        inline: files.filter((file) => file.content_id).map(upload),
      }),
    );
  };
}

async function ses() {
  const { SESv2Client, SendEmailCommand } = await import("@aws-sdk/client-sesv2");
  const client = new SESv2Client({
    endpoint: `${base}/sandbox/ses`,
    region: "us-east-1",
    // Amazon's example credential, which the simulator takes unless another is set.
    credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" },
  });
  const encoded = (address) =>
    /^[ -~]*$/.test(address.name ?? "")
      ? mailbox(address)
      : `=?utf-8?B?${Buffer.from(address.name).toString("base64")}?= <${address.address}>`;
  const part = (text) => text && { Data: text, Charset: "UTF-8" };
  return (message) =>
    client.send(
      new SendEmailCommand({
        FromEmailAddress: encoded(message.from),
        Destination: {
          ToAddresses: message.to.map(encoded),
          CcAddresses: message.cc?.map(encoded),
          BccAddresses: message.bcc?.map(encoded),
        },
        ReplyToAddresses: message.reply_to && [encoded(message.reply_to)],
        Content: {
          Simple: {
            Subject: part(message.subject),
            Body: withoutNothing({ Text: part(message.text), Html: part(message.html) }),
            Headers: Object.entries(message.headers ?? {}).map(([Name, Value]) => ({ Name, Value })),
            Attachments: message.attachments?.map((file) => ({
              FileName: file.filename,
              RawContent: bytes(file),
              ContentType: file.content_type,
              ContentDisposition: file.content_id ? "INLINE" : "ATTACHMENT",
              ContentId: file.content_id,
            })),
          },
        },
        EmailTags: pairs(message).map(([Name, Value]) => ({ Name, Value })),
      }),
    );
}

async function cloudflare() {
  const Cloudflare = (await import("cloudflare")).default;
  const client = new Cloudflare({
    apiToken: "cf-test",
    baseURL: `${base}/sandbox/cloudflare/client/v4`,
    maxRetries: 0,
  });
  const person = (address) => address && (address.name ? address : address.address);
  return (message) =>
    client.emailSending.send(
      withoutNothing({
        account_id: "acc123",
        from: person(message.from),
        to: message.to.map(person),
        cc: (message.cc ?? []).map(person),
        bcc: (message.bcc ?? []).map(person),
        reply_to: person(message.reply_to),
        subject: message.subject,
        text: message.text,
        html: message.html,
        headers: message.headers,
        attachments: (message.attachments ?? []).map((file) =>
          withoutNothing({
            filename: file.filename,
            content: file.content,
            type: file.content_type,
            disposition: file.content_id ? "inline" : "attachment",
            content_id: file.content_id,
          }),
        ),
      }),
    );
}

async function smtp() {
  const nodemailer = (await import("nodemailer")).default;
  const transport = nodemailer.createTransport({
    host: "localhost",
    port: Number(smtpPort),
    requireTLS: true,
    tls: { ca: readFileSync(certificate) },
    auth: { user: "shop", pass: "any" },
  });
  return (message) =>
    transport.sendMail({
      from: message.from,
      to: message.to,
      cc: message.cc,
      bcc: message.bcc,
      replyTo: message.reply_to,
      subject: message.subject,
      text: message.text,
      html: message.html,
      headers: message.headers,
      attachments: message.attachments?.map((file) => ({
        filename: file.filename,
        content: bytes(file),
        contentType: file.content_type,
        cid: file.content_id,
      })),
    });
}

const SDKS = { resend, postmark, sendgrid, mailgun, ses, cloudflare, smtp };

// --- what came ----------------------------------------------------------------------------------------------------------

async function ask(path, method = "GET", body = undefined) {
  const answer = await fetch(base + path, { method, body: body && JSON.stringify(body) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
  return text ? JSON.parse(text) : undefined;
}

const bare = (texts) => texts.map((text) => text.replace(/.*</s, "").replace(/>$/, "")).sort();

/** The names of the fields that did not come as they were sent. */
async function wrong(dialect, sent, came) {
  const lines = (text) => (text ?? "").replaceAll("\r\n", "\n").replace(/\n+$/, "");
  const headers = Object.fromEntries(came.headers.map(({ name, value }) => [name.toLowerCase(), value]));
  const files = sent.attachments ?? [];
  const compared = [
    ["dialect", dialect, came.dialect],
    ["subject", sent.subject, came.subject],
    ["from", [sent.from.address], bare([came.from])],
    ["text", lines(sent.text), lines(came.text_body)],
    ["html", sent.html ?? "", lines(came.html_body)],
    ["reply_to", sent.reply_to ? [sent.reply_to.address] : [], bare(came.reply_to)],
    ...["to", "cc", "bcc"].map((field) => [field, (sent[field] ?? []).map((a) => a.address).sort(), bare(came[field])]),
    ...Object.entries(sent.headers ?? {}).map(([name, value]) => [name, value, headers[name.toLowerCase()]]),
    ["filenames", files.map((f) => f.filename).sort(), came.attachments.map((f) => f.filename).sort()],
  ];
  for (const file of came.attachments) {
    const got = Buffer.from(await (await fetch(base + file.url)).arrayBuffer()).toString("base64");
    compared.push([file.filename, files.find((f) => f.filename === file.filename)?.content, got]);
  }
  const differ = compared.filter(([, want, got]) => !isDeepStrictEqual(want, got));
  return differ.map(([name, want, got]) => `${name}: sent ${JSON.stringify(want)}, came ${JSON.stringify(got)}`);
}

const known = await ask("/sandbox/settings");
let [passed, failed, skipped] = [0, 0, 0];
for (const [dialect, sdk] of Object.entries(SDKS)) {
  if (!(dialect in known)) {
    console.log(`skipped ${dialect}: the simulator does not have it`);
    skipped += messages.length;
    continue;
  }
  await ask("/sandbox/settings", "PUT", { [dialect]: { windows: [] } });
  const send = await sdk();
  for (const message of messages) {
    await ask("/sandbox/messages", "DELETE");
    let problems;
    try {
      await send(structuredClone(message));
      const came = (await ask("/sandbox/messages")).messages;
      problems = came.length === 1 ? await wrong(dialect, message, came[0]) : [`${came.length} messages came`];
    } catch (error) {
      problems = [String(error), JSON.stringify(error.response?.body ?? "")];
    }
    if (problems.length > 0) {
      failed += 1;
      console.log(`FAILED ${dialect}, ${message.name}: ${problems.join("; ")}`);
    } else {
      passed += 1;
    }
  }
}
console.log(`sdk node: ${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = failed > 0 ? 1 : 0;
