// What a caller writes; tsc reads it with the declarations and nothing runs it.
import { ApiError, Backoff, RateLimitError, Sendgate, UnreachableError } from "../src/index.js";

const client = new Sendgate({ baseUrl: "https://mail.shop.example", key: "sg_shop_k1_x_y", backoff: { maxAttempts: 3 } });

export async function tour(): Promise<number | undefined> {
  try {
    const outcome = await client.send({ from: "a@shop.example", to: [{ address: "b@example.com", name: "B" }] });
    const id: string = outcome.message_id;
    await client.send({ from: "a@shop.example", to: "b@example.com" }, { idempotencyKey: "order-1" });
    await client.sendBulk({
      message: { from: "a@shop.example", subject: "Hello {{name}}", text_body: "Dear {{name}}" },
      recipients: [{ email: "b@example.com", substitutions: { name: "B" } }],
    });
    const answer = await client.sendBatch([{ from: "a@shop.example", to: "b@example.com", class: "bulk" }]);
    for (const item of answer.messages) if ("error" in item) console.log(item.error.code, id);
    for await (const entry of client.suppressions.all({ status: "active" })) console.log(entry.email);
    await client.suppressions.update("b@example.com", { expires_at: null }, { scope: "account" });
    const { limits } = await client.limits();
    return limits[0]?.remaining;
  } catch (error) {
    if (error instanceof RateLimitError || error instanceof UnreachableError) return error.retryAt;
    if (error instanceof ApiError) console.log(error.code, error.status, error.requestId, error.window);
    throw error;
  }
}

const next = new Backoff({ jitter: "none" }).next(1, 0n, 0);
export const at: number = "at" in next ? next.at : next.exhausted;

// @ts-expect-error a class that does not exist
void client.send({ from: "a@shop.example", to: "b@example.com", class: "urgent" });
// @ts-expect-error a key must be given
new Sendgate({ baseUrl: "https://mail.shop.example" });
