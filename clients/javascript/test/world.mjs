// A clock that runs as fast as everybody waits, and a server with one true window.

/** Time passes only when nobody has anything else to do. */
export class World {
  constructor(now = 1_796_119_200_000) {
    this.time = now;
    this.sleepers = [];
    this.slept = [];
    this.clock = { now: () => this.time, sleep: (ms) => this.#sleep(ms) };
  }

  #sleep(ms) {
    if (!(ms >= 0 && ms <= Number.MAX_SAFE_INTEGER)) throw new Error(`a sleep of ${ms} ms`);
    this.slept.push(ms);
    return new Promise((wake) => this.sleepers.push({ at: this.time + ms, wake }));
  }

  /** Lets time pass until the promise is settled, and gives what came of it. */
  async run(promise) {
    let settled;
    promise.then(
      (value) => (settled = { value }),
      (error) => (settled = { error }),
    );
    for (;;) {
      // An answer takes a few turns of the loop until it is read.
      for (let turn = 0; turn < 10 && !settled; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      if (settled) break;
      this.sleepers.sort((a, b) => a.at - b.at);
      const next = this.sleepers.shift();
      if (!next) throw new Error("everybody waits for nothing");
      this.time = Math.max(this.time, next.at);
      next.wake();
    }
    if ("error" in settled) throw settled.error;
    return settled.value;
  }
}

/** So many requests in every period, told as Sendgate tells it. `answers` makes what an admitted request gets. */
export class Server {
  constructor(world, { limit, periodMs, skewMs = 0, ratelimit = true }, answers) {
    Object.assign(this, { world, limit, periodMs, skewMs, ratelimit, answers });
    this.admitted = [];
    this.refused = 0;
    this.requests = [];
    this.fetch = async (url, init) => {
      this.requests.push({ url, ...init });
      const answer = await this.#answer(url, init);
      // The answer is on its way for a while, in which others may ask.
      await new Promise((resolve) => setImmediate(resolve));
      return answer;
    };
  }

  async #answer(url, init) {
    const now = this.world.time;
    this.admitted = this.admitted.filter((at) => at > now - this.periodMs);
    const fits = this.admitted.length < this.limit;
    if (fits) this.admitted.push(now);
    else this.refused += 1;
    const remaining = this.limit - this.admitted.length;
    const waitMs = this.admitted.length > 0 ? this.admitted[0] + this.periodMs - now : 0;
    const told = now + this.skewMs;
    const headers = {
      date: new Date(Math.floor(told / 1_000) * 1_000).toUTCString(),
      "x-ratelimit-limit": String(this.limit),
      "x-ratelimit-remaining": String(remaining),
      "x-ratelimit-reset": String(Math.ceil((told + waitMs) / 1_000)),
      ...(this.ratelimit ? { ratelimit: `"w";r=${remaining};t=${Math.ceil(waitMs / 1_000)}` } : {}),
    };
    if (fits) {
      const { status = 200, body = {}, more = {} } = this.answers(url, init);
      return new Response(status === 204 || status === 304 ? null : JSON.stringify(body), { status, headers: { ...headers, ...more } });
    }
    const problem = { status: 429, code: "rate_limit_exceeded", detail: "full", request_id: "req_1", window: "w" };
    const wait = { "retry-after": String(Math.max(1, Math.ceil(waitMs / 1_000))) };
    return new Response(JSON.stringify(problem), { status: 429, headers: { ...headers, ...wait } });
  }
}

/** What Sendgate answers to good messages. */
export function accept(init) {
  const { messages } = JSON.parse(init.body);
  return {
    status: 202,
    body: {
      request_id: "req_1",
      messages: messages.map((message) => ({ message_id: `msg_${message.subject}`, to: [message.to], status: "queued" })),
    },
  };
}

/** An answer of this kind, whatever is asked. */
export const answering = (status, body = {}, headers = {}) => async () =>
  new Response(status === 204 ? null : JSON.stringify(body), { status, headers });

export const letter = (subject) => ({ from: "a@shop.example", to: "b@example.com", subject: String(subject) });
