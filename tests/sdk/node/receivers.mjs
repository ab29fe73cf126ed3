// Checks the simulator's webhooks with the receivers' helpers of the official SDKs: signed ones hold, forged ones do not.
//
//     node receivers.mjs PORT
//
// PORT is the simulator's. The last line counts cases.

import { createServer } from 'node:http';
import { EventWebhook } from '@sendgrid/eventwebhook';
import { verifyWebhookSignature } from 'mailtrap';
import { Resend } from 'resend';

const base = `http://127.0.0.1:${process.argv[2]}/sandbox`;

/** Whether each provider's helper believes a request with these header fields and this body, by this key. */
const believes = {
  sendgrid: (header, body, { public_key }) => {
    const webhook = new EventWebhook();
    const key = webhook.convertPublicKeyToECDSA(public_key);
    const name = 'x-twilio-email-event-webhook';
    return webhook.verifySignature(key, body, header[`${name}-signature`], header[`${name}-timestamp`]);
  },
  resend: (header, body, { secret }) => {
    const headers = {
      id: header['svix-id'],
      timestamp: header['svix-timestamp'],
      signature: header['svix-signature'],
    };
    return Boolean(new Resend('re_test').webhooks.verify({ payload: body, headers, webhookSecret: secret }));
  },
  mailtrap: (header, body, { secret }) => verifyWebhookSignature(body, header['mailtrap-signature'], secret),
};
/** A helper that throws says no, too. */
function isBelieved(dialect, { header, body }) {
  try {
    return believes[dialect](header, body, keys[dialect]);
  } catch {
    return false;
  }
}

/** SendGrid's helper does not look at the clock, and Mailtrap signs nothing that is dated. */
const forgeries = {
  sendgrid: ['body', 'signature', 'key'],
  resend: ['body', 'signature', 'key', 'stale'],
  mailtrap: ['body', 'signature', 'key'],
};

const waiting = [];
const server = createServer((request, response) => {
  const parts = [];
  request.on('data', (part) => parts.push(part));
  request.on('end', () => {
    response.end();
    waiting.shift()({ header: request.headers, body: Buffer.concat(parts).toString('utf8') });
  });
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const url = `http://127.0.0.1:${server.address().port}/`;

async function ask(method, path, body) {
  const answer = await fetch(base + path, { method, body: body && JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}

/** The webhook that an order brings. */
async function brought(path, order) {
  const received = new Promise((resolve) => waiting.push(resolve));
  const { ids } = await ask('POST', path, order);
  return { id: ids[0], ...(await received) };
}

let [passed, failed] = [0, 0];
function check(name, is) {
  if (is) passed += 1;
  else {
    failed += 1;
    console.log(`${name}: the helper disagrees`);
  }
}

const hook = { url, delay_ms: 0 };
await ask('PUT', '/settings', { webhooks: { sendgrid: hook, resend: hook, mailtrap: hook } });
const { keys } = await ask('GET', '/webhooks');
for (const [dialect, forged] of Object.entries(forgeries)) {
  const first = await brought('/webhooks', { dialect, event: 'bounced', recipient: 'ann@example.com' });
  check(`${dialect} signed`, isBelieved(dialect, first));
  for (const forge of forged) {
    const again = await brought(`/webhooks/${first.id}/replay`, { forge });
    check(`${dialect} ${forge}`, !isBelieved(dialect, again));
  }
}
server.close();
server.closeAllConnections();
console.log(`${passed} passed, ${failed} failed, 0 skipped`);
process.exitCode = failed ? 1 : 0;
