//! Failover, calls of several messages, faults and kills, all together, against two providers that keep their own books.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "tests fail loudly"
)]

mod host;

use host::*;
use sendgate_core::{
    http::{HttpRequest, HttpResponse},
    mailroom::{Attempt, Effect},
    outcome::TransportFailure,
    sql::Value as Cell,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What a provider saw: a call's instant, its messages and their recipients.
type Arrival = (u64, u64, u64);

/// A provider that knows idempotency keys, as the sandbox and Resend do.
#[derive(Default)]
struct Esp {
    keys: BTreeMap<String, (Vec<u8>, HttpResponse)>,
    taken: BTreeMap<String, u32>,
    arrivals: Vec<Arrival>,
}

/// A call on its way, and what will come of it.
struct Flying {
    attempt: Attempt,
    to: &'static str,
    /// Its place among the arrivals, if it arrives.
    arrival: Option<usize>,
    answers_at: u64,
    result: Result<HttpResponse, TransportFailure>,
}

#[derive(Default)]
struct World {
    esps: BTreeMap<&'static str, Esp>,
    flying: Vec<Flying>,
    accepted: u64,
}

impl Esp {
    /// Carries a call out, once for each key.
    fn carry_out(&mut self, request: &HttpRequest, bad: impl Fn(usize) -> Option<(u16, &'static str)>) -> HttpResponse {
        let key = field(request, "idempotency-key").unwrap();
        match self.keys.get(&key) {
            Some((body, answer)) if *body == request.body => return answer.clone(),
            Some(_) => return answer(409, r#"{"code":"idempotency_conflict"}"#, &[]),
            None => {}
        }
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let list = body.as_array().cloned();
        let one = |n: usize, message: &Value| match bad(n) {
            Some((status, code)) => json!({"status": status, "code": code}),
            None => {
                let id = message["id"].as_str().unwrap();
                json!({"id": format!("esp-{id}")})
            }
        };
        let messages = list.clone().unwrap_or_else(|| vec![body]);
        let answers: Vec<Value> = messages.iter().enumerate().map(|(n, message)| one(n, message)).collect();
        for (message, answer) in messages.iter().zip(&answers) {
            if answer["id"].is_string() {
                *self.taken.entry(message["id"].as_str().unwrap().into()).or_default() += 1;
            }
        }
        let response = match (&list, answers[0]["status"].as_u64()) {
            (Some(_), _) => answer(200, &json!(answers).to_string(), &[]),
            // A single message's refusal is the call's, and no key is kept for it.
            (None, Some(status)) => return answer(status as u16, &answers[0].to_string(), &[]),
            (None, None) => answer(200, &answers[0].to_string(), &[]),
        };
        self.keys.insert(key, (request.body.clone(), response.clone()));
        response
    }
}

impl World {
    fn depart(&mut self, host: &mut Host, attempt: Attempt, request: &HttpRequest, calm: bool) {
        let to = provider_of(request);
        let esp = self.esps.entry(to).or_default();
        let latency = host.random() % 1_500;
        let now = host.now.as_millis();
        let chance = if calm { 99 } else { host.random() % 24 };
        let which = host.random() as usize % 8;
        let per_item = |n: usize| match (chance, n == which) {
            (10, true) => Some((500, "server_error")),
            (11, true) => Some((422, "invalid_message")),
            (12, true) => Some((422, "recipient_suppressed")),
            _ => None,
        };
        let result = match chance {
            0 => Err(TransportFailure::NotSent),
            1 => Err(TransportFailure::MaybeSent),
            2 | 3 => {
                esp.carry_out(request, per_item);
                Err(TransportFailure::MaybeSent)
            }
            4 => Ok(answer(503, "{}", &[])),
            5 => Ok(answer(429, r#"{"code":"rate_limited"}"#, &[("retry-after", "2")])),
            6 => Ok(answer(429, r#"{"code":"rate_limited"}"#, &[("retry-after", "9")])),
            // A verdict on what the call says: a key that is known has its first one.
            7 if !esp.keys.contains_key(&field(request, "idempotency-key").unwrap()) => {
                Ok(answer(422, r#"{"code":"invalid_message"}"#, &[]))
            }
            8 if which == 0 => Ok(answer(401, "{}", &[])),
            9 => Ok(answer(502, "", &[])),
            _ => Ok(esp.carry_out(request, per_item)),
        };
        let arrives = result != Err(TransportFailure::NotSent);
        let arrival = arrives.then(|| {
            let body: Value = serde_json::from_slice(&request.body).unwrap();
            let list = body.as_array().cloned().unwrap_or_else(|| vec![body]);
            let of =
                |message: &Value| ["to", "cc"].iter().map(|l| message[l].as_array().map_or(0, Vec::len)).sum::<usize>();
            let recipients: usize = list.iter().map(of).sum();
            let at = now + host.random() % (latency + 1);
            esp.arrivals.push((at, list.len() as u64, recipients as u64));
            esp.arrivals.len() - 1
        });
        self.flying.push(Flying { attempt, to, arrival, answers_at: now + latency, result });
    }

    /// Settles what is answered by now, in any order.
    fn answer(&mut self, host: &mut Host) {
        let now = host.now.as_millis();
        while let Some(place) = self.flying.iter().position(|call| call.answers_at <= now) {
            let call = self.flying.swap_remove(place);
            host.settle(call.attempt, call.result.as_ref().map_err(|failure| *failure));
        }
    }

    /// Ends the process. What was on its way arrives by then or never.
    fn kill(&mut self, host: &mut Host) {
        for call in self.flying.drain(..) {
            if let Some(place) = call.arrival {
                let at = &mut self.esps.get_mut(call.to).unwrap().arrivals[place].0;
                *at = (*at).min(host.now.as_millis());
            }
        }
        host.crash();
    }

    fn submit(&mut self, host: &mut Host, step: usize) {
        let many = host.random() % 12 + 1;
        let one = |n: u64, chance: u64| {
            let domain = ["example.com", "gmail.com", "hotmail.com"][n as usize % 3];
            let mut message = of_class(["transactional", "bulk"][step % 2], &format!("u{step}-{n}@{domain}"));
            if chance.is_multiple_of(4) {
                message["cc"] = json!([format!("c{step}-{n}@example.org")]);
            }
            if chance.is_multiple_of(5) {
                // Only the second provider takes this.
                message["provider_options"] = json!({"resend": {"x": 1}});
            }
            message
        };
        let messages: Vec<Value> = (0..many).map(|n| one(n, host.random())).collect();
        if host.send(&json!({ "messages": messages })).status == 202 {
            self.accepted += many;
        }
    }

    /// No window of a provider's was ever exceeded at its own clock.
    fn check_windows(&self, name: &str, limits: [u64; 3]) {
        let mut arrivals = self.esps[name].arrivals.clone();
        arrivals.sort_unstable();
        for (first, (at, _, _)) in arrivals.iter().enumerate() {
            let second = arrivals[first..].iter().take_while(|(later, _, _)| *later < at + 1_000);
            let sums =
                second.fold([0, 0, 0], |[c, m, r], (_, messages, recipients)| [c + 1, m + messages, r + recipients]);
            assert!(sums.iter().zip(limits).all(|(sum, limit)| *sum <= limit), "{name}: {sums:?} in a second");
        }
    }
}

fn windows(host: &mut Value, place: usize, [calls, messages, recipients]: [u64; 3]) {
    let provider = &mut host["providers"][place];
    provider["windows"] = window("calls", calls as u32, 1_000);
    provider["message_windows"] = window("messages", messages as u32, 1_000);
    provider["recipient_windows"] = window("recipients", recipients as u32, 1_000);
}

/// R113, R114, R059, R077: whatever fails and whenever the process ends, every accepted message is in exactly one state, the
/// ledger agrees, nobody is handed over twice by anybody, and no provider sees more than its windows.
#[test]
fn nothing_is_lost_or_sent_twice_by_any_provider() {
    let (first, second) = ([4, 22, 25], [3, 12, 14]);
    for seed in 0..4 {
        let mut host = Host::with(|account| {
            two_providers(account, "sandbox", "sandbox");
            windows(account, 0, first);
            windows(account, 1, second);
            account["batch"] = json!({"max_messages": 8});
            account["retry"] = json!({"jitter": true, "base_ms": 300, "cap_ms": 4_000, "hold_ms": 5_000});
            account["key_windows"] = window("key-second", 100_000, 1_000);
            account["account_windows"] = window("plan-minute", 100_000, 60_000);
            if seed % 2 == 1 {
                account["domain_windows"] = json!({"gmail": window("s", 5, 1_000), "*": window("s", 9, 1_000)});
                account["class_windows"] = json!({"bulk": window("s", 6, 1_000)});
                account["sending"] = json!({"per_second": 30});
            }
        });
        host.entropy = seed * 104_729;
        let mut world = World::default();
        for step in 0..1_500 {
            match host.random() % 12 {
                0 | 1 if world.accepted < 700 => world.submit(&mut host, step),
                2 if step % 3 == 0 => {
                    let entry = json!({"email": format!("u{}-1@gmail.com", host.random() % 2_500)}).to_string();
                    host.request(&key_of("k1"), "POST", "/v1/suppressions", entry.as_bytes());
                }
                3 if host.random().is_multiple_of(20) => world.kill(&mut host),
                4..=8 => {
                    if let Effect::Send { attempt, call, .. } = host.next() {
                        world.depart(&mut host, attempt, &http(call), false);
                    }
                }
                _ => {
                    let pause = host.random() % 400;
                    host.advance(pause);
                    world.answer(&mut host);
                }
            }
            conserved(&mut host, world.accepted);
        }
        finish(&mut host, &mut world);
        conserved(&mut host, world.accepted);
        world.check_windows("main", first);
        world.check_windows("second", second);
        check_ends(&mut host, &world, seed);
    }
}

/// Everything works from here on: whatever waits leaves or ends.
fn finish(host: &mut Host, world: &mut World) {
    for _ in 0..20_000 {
        match host.next() {
            Effect::Send { attempt, call, .. } => world.depart(host, attempt, &http(call), true),
            Effect::Wait { until } => {
                let answer = world.flying.iter().map(|call| call.answers_at).min().unwrap_or(u64::MAX);
                let pause = until.as_millis().min(answer).saturating_sub(host.now.as_millis());
                host.advance(pause);
            }
            Effect::Idle if world.flying.is_empty() => return,
            Effect::Idle => host.advance(100),
        }
        world.answer(host);
    }
    panic!("it does not come to an end");
}

fn check_ends(host: &mut Host, world: &World, seed: u64) {
    let mut taken: BTreeMap<&str, u32> = BTreeMap::new();
    for (id, times) in world.esps.values().flat_map(|esp| &esp.taken) {
        *taken.entry(id).or_default() += times;
    }
    assert!(taken.values().all(|times| *times == 1), "seed {seed}: handed over twice");
    let mut ends: BTreeMap<String, u32> = BTreeMap::new();
    for row in host.query("SELECT id, status FROM message") {
        let [Cell::Text(id), Cell::Text(status)] = row.as_slice() else { panic!("another shape") };
        *ends.entry(status.clone()).or_default() += 1;
        match status.as_str() {
            "sent" => assert!(taken.contains_key(id.as_str()), "seed {seed}: nobody took it"),
            "failed" | "suppressed" => assert!(!taken.contains_key(id.as_str()), "seed {seed}: it was taken"),
            "unknown" => {}
            other => panic!("seed {seed}: {other} at the end"),
        }
    }
    let shares = world.esps.values().map(|esp| esp.taken.len()).collect::<Vec<_>>();
    assert!(shares.iter().all(|n| *n > 25), "seed {seed}: {shares:?} {ends:?}");
    let batches = world.esps.values().flat_map(|esp| &esp.arrivals).filter(|(_, messages, _)| *messages > 1).count();
    assert!(batches > 20, "seed {seed}: {batches} calls of several");
    assert!(ends["sent"] > 10 * ends.get("unknown").copied().unwrap_or(0), "seed {seed}: {ends:?}");
}
