// Sends through Sendgate with the official Node SDKs of Resend and Postmark.
//
// Nothing but the base URL and the key is Sendgate's: the calls are those of the SDKs' documentation. SENDGATE_URL and
// SENDGATE_KEY say where. The last line counts cases.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { setTimeout as wait } from "node:timers/promises";

const require = createRequire(new URL("../sdk/node/package.json", import.meta.url));
const { Resend } = require("resend");
const { Errors, Models, ServerClient } = require("postmark");

const url = process.env.SENDGATE_URL.replace(/\/$/, "");
const key = process.env.SENDGATE_KEY;
const from = "Shop <orders@shop.example>";
// The SDK logs the errors that it returns.
console.error = () => {};

const resend = new Resend(key, { baseUrl: url });
const postmarkOf = (token) => new ServerClient(token, { useHttps: false, requestHost: new URL(url).host });
const postmark = postmarkOf(key);

// A key has so many requests a second: who is told to wait waits.
async function patiently(act) {
    for (;;) {
        const answer = await act().catch((error) => {
            if (error instanceof Errors.RateLimitExceededError) return { error: { name: "rate_limit_exceeded" } };
            throw error;
        });
        if (answer?.error?.name !== "rate_limit_exceeded") return answer;
        await wait(Number(answer.headers?.["retry-after"] ?? 1) * 1000);
    }
}

async function recipients(id) {
    const message = await patiently(() => own("GET", `/v1/messages/${id}`));
    return message.recipients.map((recipient) => recipient.address);
}

// Sendgate's own API.
async function own(method, path, body) {
    const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
    const response = await fetch(url + path, { method, headers, body: body && JSON.stringify(body) });
    if (response.status === 429) {
        return { error: { name: "rate_limit_exceeded" }, headers: Object.fromEntries(response.headers) };
    }
    assert.ok(response.ok, `${path}: ${response.status}`);
    return response.json();
}

const email = (to, more) => ({ from, to, subject: "Hello", text: "Hi", ...more });
const mail = (To, more) => ({ From: from, To, Subject: "Hello", TextBody: "Hi", ...more });

const cases = {
    async resendSends() {
        const more = {
            html: "<p>Hi</p>",
            cc: "bob@example.net",
            replyTo: "help@shop.example",
            headers: { "X-Order": "42" },
            attachments: [{ filename: "a.txt", content: Buffer.from("hello") }],
            tags: [{ name: "category", value: "receipt" }],
        };
        const sent = await patiently(() => resend.emails.send(email("ann@example.com", more)));
        assert.equal(sent.error, null);
        assert.deepEqual(Object.keys(sent.data), ["id"]);
        assert.deepEqual(await recipients(sent.data.id), ["ann@example.com", "bob@example.net"]);
    },
    async resendRepeatsUnderAnIdempotencyKey() {
        const options = { idempotencyKey: "node-order-42" };
        const send = (to) => patiently(() => resend.emails.send(email(to), options));
        assert.equal((await send("ann@example.com")).data.id, (await send("ann@example.com")).data.id);
        const { error } = await send("bob@example.net");
        assert.deepEqual([error.statusCode, error.name], [409, "invalid_idempotent_request"]);
    },
    async resendSendsBatches() {
        const [good, bad] = [email("ann@example.com"), email("not an address")];
        const sent = await patiently(() => resend.batch.send([good, email("bob@example.net")]));
        assert.equal(sent.data.data.length, 2);
        assert.deepEqual(await recipients(sent.data.data[1].id), ["bob@example.net"]);
        const strict = await patiently(() => resend.batch.send([good, bad]));
        assert.deepEqual([strict.error.statusCode, strict.error.name], [422, "validation_error"]);
        const lenient = await patiently(() => resend.batch.send([good, bad], { batchValidation: "permissive" }));
        assert.equal(lenient.data.data.length, 1);
        assert.deepEqual(lenient.data.errors.map((error) => error.index), [1]);
    },
    async resendSchedulesMovesAndCancels() {
        const later = email("ann@example.com", { scheduledAt: "2999-01-01T10:00:00Z" });
        const { id } = (await patiently(() => resend.emails.send(later))).data;
        const shown = (await patiently(() => resend.emails.get(id))).data;
        assert.deepEqual([shown.last_event, shown.subject], ["scheduled", "Hello"]);
        const moved = await patiently(() => resend.emails.update({ id, scheduledAt: "2999-01-02T10:00:00Z" }));
        assert.deepEqual(moved.data, { object: "email", id });
        assert.deepEqual((await patiently(() => resend.emails.cancel(id))).data, { object: "email", id });
    },
    async resendTellsItsErrors() {
        const missing = await patiently(() => resend.emails.send({ from, subject: "x", text: "y" }));
        assert.deepEqual([missing.error.statusCode, missing.error.name], [422, "missing_required_field"]);
        const topic = await patiently(() => resend.emails.send(email("ann@example.com", { topicId: "t-1" })));
        assert.deepEqual([topic.error.statusCode, topic.error.name], [422, "invalid_parameter"]);
        const stranger = new Resend("re_made_up", { baseUrl: url });
        const wrong = await patiently(() => stranger.emails.send(email("ann@example.com")));
        assert.deepEqual([wrong.error.statusCode, wrong.error.name], [403, "invalid_api_key"]);
        const burst = await Promise.all(Array.from({ length: 40 }, () => resend.emails.send(email("ann@example.com"))));
        const limited = burst.find((answer) => answer.error);
        assert.deepEqual([limited.error.statusCode, limited.error.name], [429, "rate_limit_exceeded"]);
        assert.match(limited.headers["retry-after"], /^[1-9][0-9]*$/);
    },
    async postmarkSends() {
        const more = {
            To: '"Ann, B." <ann@example.com>, bob@example.net',
            HtmlBody: '<img src="cid:logo">',
            Tag: "receipt",
            Metadata: { order: "42" },
            Headers: [new Models.Header("X-Order", "42")],
            Attachments: [
                new Models.Attachment("a.txt", Buffer.from("hello").toString("base64"), "text/plain"),
                new Models.Attachment("logo.png", "iVBORw0KGgoAAQ==", "image/png", "cid:logo"),
            ],
            MessageStream: "outbound",
        };
        const sent = await patiently(() => postmark.sendEmail(mail("", more)));
        assert.deepEqual([sent.ErrorCode, sent.Message, sent.To], [0, "OK", "ann@example.com, bob@example.net"]);
        assert.ok(!Number.isNaN(Date.parse(sent.SubmittedAt)));
        assert.deepEqual(await recipients(sent.MessageID), ["ann@example.com", "bob@example.net"]);
    },
    async postmarkSendsBatches() {
        const mails = [mail("ann@example.com"), mail("not an address"), mail("bob@example.net")];
        const sent = await patiently(() => postmark.sendEmailBatch(mails));
        assert.deepEqual(sent.map((one) => one.ErrorCode), [0, 300, 0]);
        assert.deepEqual(await recipients(sent[2].MessageID), ["bob@example.net"]);
    },
    async postmarkTellsItsErrors() {
        const refused = (send, kind) => assert.rejects(() => patiently(send), kind);
        await refused(() => postmark.sendEmail(mail("not an address")), Errors.InvalidEmailRequestError);
        await refused(() => postmarkOf("made-up").sendEmail(mail("ann@example.com")), Errors.InvalidAPIKeyError);
        const entry = { email: "gone@example.com", reason: "hard_bounce" };
        await patiently(() => own("POST", "/v1/suppressions", entry));
        await refused(
            () => postmark.sendEmail(mail("gone@example.com")),
            (error) => error instanceof Errors.InactiveRecipientsError && error.recipients[0] === "gone@example.com",
        );
        const partly = await patiently(() => postmark.sendEmail(mail("ann@example.com, gone@example.com")));
        assert.match(partly.Message, /^Message OK, but will not deliver to these inactive addresses: gone@example.com\./);
        const burst = await Promise.allSettled(
            Array.from({ length: 40 }, () => postmark.sendEmail(mail("ann@example.com"))),
        );
        const limited = burst.find((answer) => answer.status === "rejected");
        assert.ok(limited.reason instanceof Errors.RateLimitExceededError, String(limited.reason));
    },
};

let failed = 0;
for (const [name, act] of Object.entries(cases)) {
    try {
        await act();
    } catch (error) {
        failed += 1;
        console.log(`${name}:\n${error.stack}`);
    }
}
console.log(`drop-in, Node SDKs: ${Object.keys(cases).length - failed} passed, ${failed} failed`);
process.exitCode = failed ? 1 : 0;
