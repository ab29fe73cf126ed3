// Never run: compiled, strictly. A line under `@ts-expect-error` has to be refused.
import {
  Allow, Backoff, Decision, Due, Event, Gate, HttpRequest, Limiter, Limiters, Mailroom, Message, NeedsCertificate,
  PackedKeys, Provider, RateLimited, Receipt, SendgateError, Storage, Suppressions, Verdict, fetchTransport, init, initSync,
} from "@sendgate/core";

await init(new URL("https://shop.example/sendgate.wasm"));
initSync(new Uint8Array());

const limiter = new Limiter({ windows: [{ kind: "sliding", name: "minute", limit: 3, period_ms: 60_000 }] });
// @ts-expect-error a window has a period
new Limiter({ windows: [{ kind: "sliding", name: "minute", limit: 3 }] });

export function wait(decision: Decision): number | undefined {
  switch (decision.kind) {
    case "allow":
      return decision.chargedAt;
    case "defer":
      return decision.retryAt + decision.window;
    case "reject":
      // @ts-expect-error no waiting helps
      return decision.retryAt;
  }
}
const decision = limiter.decide(1, new Date());
if (decision instanceof Allow) limiter.refund(1, decision.chargedAt, 7n);
// @ts-expect-error an instant is no text
limiter.decide(1, "now");

const limiters = new Limiters('{"windows":[]}', { mostKeys: 10 });
const admitted: Uint8Array = limiters.admitMany(["ann", new Uint8Array(2)], Uint32Array.of(1, 2));
const { kinds, instants } = limiters.decideMany(new PackedKeys(["ann"]), 1, 0);
export const sum: number = admitted.length + kinds.length + instants.length;

const gate = new Gate([{ scope: "account", name: "shop", unit: "messages", windows: [] }]);
export const verdict: Verdict = gate.peek([1], 0, { held: [2], status: "active" });
export const said = verdict.kind === "defer" ? verdict.binding.window : verdict.kind === "reject" ? verdict.reason : "";
export const retry = new Backoff({ jitter: "none" }).next(1, 5n, 0, null);
// @ts-expect-error there is no such jitter
new Backoff({ jitter: "some" });
export const size: number = new Suppressions(["ann@example.com"]).size;

const message = new Message({ from: "a@shop.example", to: ["ann@example.com"], sendAt: new Date() });
// @ts-expect-error a message has a sender
new Message({ to: "ann@example.com" });
const provider = new Provider("resend", "key", { baseUrl: "https://api.example" });
const request = provider.build(message, "id");
export const url = request.kind === "http" ? request.url : request.host;
if (request instanceof HttpRequest) request.body.length;
const report = provider.parseWebhook(new Map([["a", "b"]]), "{}", { secrets: ["s"] });
export const events: Event[] = report instanceof NeedsCertificate ? [] : Array.isArray(report) ? report : [];

declare const storage: Storage;
const mailroom = new Mailroom(storage, provider, { transport: fetchTransport(), max_messages: 10 });
export function deliver(): Receipt[] {
  try {
    return mailroom.submit([message], { idempotencyKey: "one" });
  } catch (error) {
    if (error instanceof RateLimited && error.retryAt !== null) return [];
    throw error instanceof SendgateError ? new Error(error.code) : error;
  }
}
const work = mailroom.next();
if (work?.kind === "due") await mailroom.carry(work satisfies Due);
else if (work !== null) work.at.toFixed();
