// sendgate.hpp with hand-reasoned answers: objects FILE, where a Mailroom's file is to be.

#include "sendgate.hpp"

#include <atomic>
#include <cstdlib>
#include <iostream>
#include <type_traits>

namespace {

int checks = 0;

void check(bool holds, const char *what, int line) {
    checks++;
    if (holds) return;
    std::cerr << "objects.cpp:" << line << ": does not hold: " << what << "\n";
    std::exit(1);
}

#define CHECK(condition) check((condition), #condition, __LINE__)

using sendgate::Instant;
using namespace std::chrono_literals;

const Instant NOON = sendgate::instant(1800000000000);
const char *const POLICY = R"({"windows":[{"kind":"sliding","name":"minute","limit":3,"period_ms":60000}]})";
const char *const MESSAGE =
    R"({"from":"orders@shop.example","to":["ann@example.com"],"subject":"Hi","text_body":"Hello"})";
const char *const ACCOUNT = R"({"providers":[{"kind":"resend","credential":"KEY"}]})";

static_assert(!std::is_copy_constructible_v<sendgate::Limiter> && std::is_nothrow_move_constructible_v<sendgate::Limiter>);
static_assert(!std::is_copy_constructible_v<sendgate::Mailroom> && std::is_nothrow_move_constructible_v<sendgate::Mailroom>);

void a_limiter_decides_and_moves() {
    sendgate::Limiter limiter(POLICY);
    CHECK(limiter.decide(2, NOON).kind == SENDGATE_DECISION_KIND_ALLOW);
    const sendgate::Limiter moved = std::move(limiter);
    const auto decision = moved.decide(2, NOON);
    CHECK(decision.kind == SENDGATE_DECISION_KIND_DEFER && sendgate::instant(decision.retry_at) == NOON + 60s);
    const sendgate::Limiter other(POLICY);
    other.load(moved.state());
    CHECK(other.usage(NOON).at(0).used == 2);
    CHECK(other.decide_many({1, 1}, NOON).at(1).kind == SENDGATE_DECISION_KIND_DEFER);
    other.refund(3, NOON, NOON);
    CHECK(other.charge(1, NOON) == NOON && other.peek(2, NOON).kind == SENDGATE_DECISION_KIND_ALLOW);
}

void keys_gates_and_lists() {
    const sendgate::Limiters limiters(POLICY);
    CHECK(limiters.decide("ann", 3, NOON).kind == SENDGATE_DECISION_KIND_ALLOW);
    CHECK(limiters.peek("ann", 1, NOON).kind == SENDGATE_DECISION_KIND_DEFER);
    limiters.refund("ann", 3, NOON, NOON);
    CHECK(limiters.size() == 1 && limiters.evict(NOON + 2min) == 1);
    const sendgate::Gate gate(
        R"({"dimensions":[{"scope":"plan","name":"plan","unit":"requests","windows":[{"kind":"sliding","name":"m","limit":1,"period_ms":60000}]}]})");
    CHECK(gate.decide({1}, NOON).kind == SENDGATE_VERDICT_KIND_ALLOW);
    CHECK(gate.decide({1}, NOON).kind == SENDGATE_VERDICT_KIND_DEFER);
    const sendgate::Suppressions list("0123456789abcdef", {"ann@example.com"});
    CHECK(list.contains("Ann@Example.com") && list.add("bob@example.net") && list.remove("bob@example.net"));
    const auto again = sendgate::Suppressions::load("0123456789abcdef", list.save());
    CHECK(again.size() == 1 && again.contains_many({"bob@example.net", "ann@example.com"}) == std::vector<bool>({false, true}));
    CHECK(limiters.admit_many({"ann", "bob", "ann"}, 2, NOON) == std::vector<bool>({true, true, false}));
    CHECK(limiters.usage("ann", NOON).at(0).used == 2);
    const sendgate::Limiters others(POLICY, 1);
    CHECK(others.load("ann", limiters.state("ann")) && !others.load("bob", limiters.state("bob")));
    CHECK(others.peek("ann", 2, NOON).kind == SENDGATE_DECISION_KIND_DEFER);
    CHECK(sendgate::Limiter::unshared(POLICY).decide(1, NOON).kind == SENDGATE_DECISION_KIND_ALLOW);
    CHECK(gate.peek({1}, NOON + 1min, {1}).kind == SENDGATE_VERDICT_KIND_OCCUPIED);
    const auto standings = gate.explain({1}, NOON);
    CHECK(standings->count == 1 && standings->standings[0].used == 1 && standings->standings[0].is_binding);
    CHECK(gate.charge(0, 1, NOON) == NOON);
    gate.load(0, gate.state(0));
}

void a_ledger_keeps_quotas() {
    const sendgate::Ledger ledger(R"({"quotas":[{"period":"month","limit":10}],"time_zone":"Europe/Rome"})");
    const auto reserved = ledger.reserve(8, NOON);
    CHECK(reserved.kind == SENDGATE_RESERVED_KIND_RESERVED && std::string_view(reserved.reservation) == "8:1800000000000:m");
    CHECK(std::string_view(ledger.reserve(3, NOON).code) == "quota_monthly");
    ledger.commit(reserved.reservation, NOON, 5);
    ledger.release(reserved.reservation, NOON);
    const auto usage = ledger.usage(NOON).at(0);
    CHECK(usage.committed == 5 && usage.released == 3 && usage.free == 5);
    const sendgate::Ledger other(R"({"quotas":[{"period":"month","limit":4}]})");
    other.load(ledger.state());
    CHECK(other.usage(NOON).at(0).over == 1);
}

void errors_carry_their_data() {
    try {
        const sendgate::Limiter none(R"({"windows":[]})");
        CHECK(false);
    } catch (const sendgate::Error &error) {
        CHECK(error.status == SENDGATE_STATUS_INVALID_POLICY && error.code == "window_count");
    }
    const sendgate::Provider postmark("postmark", {"token", {}, {}, {}, {}});
    try {
        postmark.build(R"({"from":"a@shop.example","to":["b@example.com"],"subject":"s","text_body":"t","tags":["one","two"]})",
                       "id-1", NOON);
        CHECK(false);
    } catch (const sendgate::Error &error) {
        CHECK(error.status == SENDGATE_STATUS_UNSUPPORTED_FEATURE && error.provider == "postmark");
        CHECK(error.feature == "more than one tag");
    }
}

void a_provider_builds_and_classifies() {
    const sendgate::Provider resend("resend", {"re_key", {}, {}, {}, {}});
    CHECK(std::string_view(resend.build(MESSAGE, "id-1", NOON)->http->url) == "https://api.resend.com/emails");
    const auto answer = resend.classify({429, {{"Retry-After", "7"}}, "{}"}, NOON);
    CHECK(answer->outcome == SENDGATE_OUTCOME_THROTTLED && sendgate::instant(answer->retry_at) == NOON + 7s);
    const auto batch = resend.build_batch({{MESSAGE, "id-1"}, {MESSAGE, "id-2"}}, NOON);
    CHECK(std::string_view(batch->http->url) == "https://api.resend.com/emails/batch");
    const auto answers = resend.classify_batch({200, {}, R"({"data":[{"id":"re_1"},{"id":"re_2"}]})"}, 2, NOON);
    CHECK(answers.size() == 2 && std::string_view(answers.at(1)->provider_message_id) == "re_2");
}

void a_host_delivers_itself(const char *path) {
    const sendgate::Mailroom mailroom(path, ACCOUNT, {{{"KEY", "re_key"}}, {}, {}});
    const auto receipts = mailroom.submit({MESSAGE});
    const auto next = mailroom.next();
    CHECK(next.kind == SENDGATE_NEXT_KIND_SEND && std::string_view(next.due->message_id) == receipts->receipts[0].message_id);
    mailroom.settle(next.due, {200, {}, R"({"id":"re_2"})"});
    CHECK(mailroom.next().kind == SENDGATE_NEXT_KIND_IDLE);
}

void a_transport_is_a_function_and_its_exceptions_end_there(const char *path) {
    std::atomic<int> calls = 0;
    const auto carry = [&calls](const SendgateHttpRequest &request, std::chrono::milliseconds timeout) {
        CHECK(timeout > 0ms && std::string_view(request.method) == "POST");
        if (++calls == 2) throw std::runtime_error("a test's own");
        return sendgate::Response{200, {}, R"({"id":"re_1"})"};
    };
    const sendgate::Mailroom mailroom(path, ACCOUNT, {{{"KEY", "re_key"}}, 10s, carry});
    const auto first = mailroom.submit({MESSAGE}, "key-1");
    CHECK(mailroom.drain(60s) && calls == 1);
    CHECK(mailroom.trace(first->receipts[0].message_id)->find(R"("event":"sent")") != std::string::npos);
    CHECK(!mailroom.trace("msg_0"));
    mailroom.submit({MESSAGE});
    CHECK(!mailroom.drain(200ms) && calls == 2);
    CHECK(mailroom.run());
    mailroom.stop();
    CHECK(!mailroom.usage().empty() && !mailroom.limits().empty());
}

void small_things() {
    CHECK(sendgate::normalize_address("Ann@Example.COM") == "ann@example.com");
    SendgateBackoff backoff = sendgate::default_backoff();
    backoff.jitter = SENDGATE_JITTER_NONE;
    backoff.base_ms = 1000;
    backoff.max_attempts = 3;
    CHECK(sendgate::next_attempt(backoff, 1, {}, 0, NOON) == NOON + 1s);
    CHECK(sendgate::next_attempt(backoff, 1, NOON + 1h, 0, NOON) == NOON + 1h);
    CHECK(!sendgate::next_attempt(backoff, 3, {}, 0, NOON));
}

} // namespace

int main(int count, char **arguments) {
    if (count != 2) return 2;
    a_limiter_decides_and_moves();
    keys_gates_and_lists();
    a_ledger_keeps_quotas();
    errors_carry_their_data();
    a_provider_builds_and_classifies();
    a_host_delivers_itself((std::string(arguments[1]) + "-own").c_str());
    a_transport_is_a_function_and_its_exceptions_end_there(arguments[1]);
    small_things();
    std::cout << "objects: " << checks << " checks passed\n";
}
