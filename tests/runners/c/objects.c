/*
 * The objects of sendgate.h beside the limiter, with hand-reasoned answers: objects FILE, where a Mailroom's file is to be.
 */

#include "sendgate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int checks = 0;

static void check(int holds, const char *what, int line) {
    checks++;
    if (!holds) {
        fprintf(stderr, "objects.c:%d: does not hold: %s\n", line, what);
        exit(1);
    }
}

#define CHECK(condition) check(!!(condition), #condition, __LINE__)
#define OK(call) check((call) == SENDGATE_STATUS_OK, #call, __LINE__)

static const uint64_t NOON = 1800000000000;
static const char *const POLICY = "{\"windows\":[{\"kind\":\"sliding\",\"name\":\"minute\",\"limit\":3,\"period_ms\":60000}]}";
static const char *const MESSAGE =
    "{\"from\":\"orders@shop.example\",\"to\":[\"ann@example.com\"],\"subject\":\"Hi\",\"text_body\":\"Hello\"}";

static SendgateBytes bytes_of(const char *text) {
    return (SendgateBytes){(const uint8_t *)text, strlen(text)};
}

static void many_decisions_are_the_same_as_one_by_one(void) {
    SendgateLimiter *limiter = NULL;
    SendgateDecision decisions[4];
    const uint32_t costs[4] = {2, 2, 1, 4};
    OK(sendgate_limiter_new(POLICY, &limiter, NULL));
    OK(sendgate_limiter_decide_many(limiter, costs, 4, NOON, decisions, NULL));
    CHECK(decisions[0].kind == SENDGATE_DECISION_KIND_ALLOW && decisions[2].kind == SENDGATE_DECISION_KIND_ALLOW);
    CHECK(decisions[1].kind == SENDGATE_DECISION_KIND_DEFER && decisions[1].retry_at == NOON + 60000);
    CHECK(decisions[3].kind == SENDGATE_DECISION_KIND_REJECT);
    OK(sendgate_limiter_decide_many(limiter, NULL, 0, NOON, NULL, NULL));
    CHECK(sendgate_limiter_decide_many(limiter, costs, 4, NOON, NULL, NULL) == SENDGATE_STATUS_NULL_POINTER);
    sendgate_limiter_free(limiter);
}

static void a_limiter_of_one_thread_is_the_same(void) {
    SendgateLimiter *alone = NULL, *shared = NULL;
    SendgateDecision one, other;
    uint8_t mine[4096], theirs[4096];
    size_t length = 0, other_length = 0;
    OK(sendgate_limiter_new_unshared(POLICY, &alone, NULL));
    OK(sendgate_limiter_new(POLICY, &shared, NULL));
    for (uint32_t i = 0; i < 10; i++) {
        OK(sendgate_limiter_decide(alone, i % 5, NOON + 9000 * i, &one, NULL));
        OK(sendgate_limiter_decide(shared, i % 5, NOON + 9000 * i, &other, NULL));
        CHECK(one.kind == other.kind && one.window == other.window && one.charged_at == other.charged_at);
        CHECK(one.retry_at == other.retry_at);
    }
    OK(sendgate_limiter_state(alone, mine, sizeof mine, &length, NULL));
    OK(sendgate_limiter_state(shared, theirs, sizeof theirs, &other_length, NULL));
    CHECK(length == other_length && memcmp(mine, theirs, length) == 0);
    OK(sendgate_limiter_load(alone, theirs, other_length, NULL));
    CHECK(sendgate_limiter_new_unshared("{}", &alone, NULL) == SENDGATE_STATUS_INVALID_POLICY);
    sendgate_limiter_free(alone);
    sendgate_limiter_free(shared);
}

static void a_table_keeps_keys_apart(void) {
    SendgateLimiters *limiters = NULL, *other = NULL;
    SendgateDecision decision;
    SendgateUsage usage[8];
    const SendgateBytes keys[3] = {bytes_of("ann"), bytes_of("ann"), bytes_of("bob")};
    bool admitted[3], loaded = false;
    size_t count = 0, length = 0;
    uint8_t state[4096];
    OK(sendgate_limiters_new(POLICY, 2, &limiters, NULL));
    OK(sendgate_limiters_admit_many(limiters, keys, 3, 2, NOON, admitted, NULL));
    CHECK(admitted[0] && !admitted[1] && admitted[2]);
    OK(sendgate_limiters_decide(limiters, keys[0], 1, NOON, &decision, NULL));
    CHECK(decision.kind == SENDGATE_DECISION_KIND_ALLOW && decision.charged_at == NOON);
    OK(sendgate_limiters_peek(limiters, keys[0], 1, NOON, &decision, NULL));
    CHECK(decision.kind == SENDGATE_DECISION_KIND_DEFER);
    OK(sendgate_limiters_usage(limiters, keys[0], NOON, usage, 8, &count, NULL));
    CHECK(count == 1 && usage[0].used == 3 && usage[0].remaining == 0);
    OK(sendgate_limiters_state(limiters, keys[0], state, sizeof state, &length, NULL));
    OK(sendgate_limiters_new(POLICY, 0, &other, NULL));
    OK(sendgate_limiters_load(other, keys[0], (SendgateBytes){state, length}, &loaded, NULL));
    CHECK(loaded);
    OK(sendgate_limiters_refund(limiters, keys[0], 3, NOON, NOON, NULL));
    OK(sendgate_limiters_peek(limiters, keys[0], 3, NOON, &decision, NULL));
    CHECK(decision.kind == SENDGATE_DECISION_KIND_ALLOW);
    OK(sendgate_limiters_peek(other, keys[0], 1, NOON, &decision, NULL));
    CHECK(decision.kind == SENDGATE_DECISION_KIND_DEFER);
    OK(sendgate_limiters_evict(other, SIZE_MAX, NOON + 120000, &count, NULL));
    CHECK(count == 1);
    OK(sendgate_limiters_count(other, &count, NULL));
    CHECK(count == 0);
    CHECK(sendgate_limiters_decide(limiters, (SendgateBytes){NULL, 3}, 1, NOON, &decision, NULL) ==
          SENDGATE_STATUS_NULL_POINTER);
    sendgate_limiters_free(limiters);
    sendgate_limiters_free(other);
}

static void a_gate_charges_all_or_nothing(void) {
    static const char *const policy =
        "{\"dimensions\":[{\"scope\":\"plan\",\"name\":\"plan\",\"unit\":\"requests\",\"windows\":"
        "[{\"kind\":\"sliding\",\"name\":\"minute\",\"limit\":2,\"period_ms\":60000}]},"
        "{\"scope\":\"domain_group\",\"name\":\"gmail\",\"unit\":\"recipients\",\"windows\":"
        "[{\"kind\":\"pace\",\"name\":\"pace\",\"interval_ms\":100,\"burst\":1}]}]}";
    SendgateGate *gate = NULL;
    SendgateStandings *standings = NULL;
    SendgateVerdict verdict;
    SendgateError *error = NULL;
    const uint32_t one[2] = {1, 1}, much[2] = {3, 1};
    uint64_t charged_at = 0;
    uint8_t state[4096];
    size_t length = 0;
    OK(sendgate_gate_new(policy, &gate, NULL));
    OK(sendgate_gate_decide(gate, SENDGATE_ACCOUNT_STATUS_ACTIVE, one, 2, NOON, &verdict, NULL));
    CHECK(verdict.kind == SENDGATE_VERDICT_KIND_ALLOW);
    OK(sendgate_gate_peek(gate, SENDGATE_ACCOUNT_STATUS_ACTIVE, one, NULL, 2, NOON, &verdict, NULL));
    CHECK(verdict.kind == SENDGATE_VERDICT_KIND_DEFER && verdict.dimension == 1 && verdict.retry_at == NOON + 100);
    /* One of two units of the minute is used and one is on its way; the pace has room again. */
    OK(sendgate_gate_peek(gate, SENDGATE_ACCOUNT_STATUS_ACTIVE, one, (const uint32_t[2]){2, 0}, 2, NOON + 100, &verdict, NULL));
    CHECK(verdict.kind == SENDGATE_VERDICT_KIND_OCCUPIED && verdict.dimension == 0);
    OK(sendgate_gate_decide(gate, SENDGATE_ACCOUNT_STATUS_ACTIVE, much, 2, NOON, &verdict, NULL));
    CHECK(verdict.kind == SENDGATE_VERDICT_KIND_NEVER_FITS && verdict.dimension == 0);
    OK(sendgate_gate_decide(gate, SENDGATE_ACCOUNT_STATUS_SUSPENDED, one, 2, NOON, &verdict, NULL));
    CHECK(verdict.kind == SENDGATE_VERDICT_KIND_SUSPENDED);
    OK(sendgate_gate_explain(gate, SENDGATE_ACCOUNT_STATUS_ACTIVE, one, NULL, 2, NOON, &standings, NULL));
    CHECK(standings->count == 2 && standings->standings[0].scope == SENDGATE_SCOPE_PLAN);
    CHECK(standings->standings[0].limit == 2 && standings->standings[0].used == 1 && !standings->standings[0].is_binding);
    CHECK(standings->standings[1].unit == SENDGATE_UNIT_RECIPIENTS && standings->standings[1].is_binding);
    CHECK(strcmp(standings->standings[1].name, "gmail") == 0 && strcmp(standings->standings[1].window, "pace") == 0);
    CHECK(standings->standings[1].next_at == NOON + 100);
    sendgate_standings_free(standings);
    CHECK(sendgate_gate_explain(gate, 0, one, NULL, 1, NOON, &standings, NULL) == SENDGATE_STATUS_INVALID_ARGUMENT);
    OK(sendgate_gate_charge(gate, 0, 1, NOON, &charged_at, NULL));
    CHECK(charged_at == NOON);
    OK(sendgate_gate_state(gate, 0, state, sizeof state, &length, NULL));
    OK(sendgate_gate_load(gate, 0, (SendgateBytes){state, length}, NULL));
    CHECK(sendgate_gate_load(gate, 1, (SendgateBytes){state, length}, NULL) == SENDGATE_STATUS_INVALID_STATE);
    CHECK(sendgate_gate_decide(gate, 0, one, 1, NOON, &verdict, &error) == SENDGATE_STATUS_INVALID_ARGUMENT);
    CHECK(strcmp(sendgate_error_code(error), "wrong_count") == 0);
    sendgate_error_free(error);
    CHECK(sendgate_gate_decide(gate, 3, one, 2, NOON, &verdict, NULL) == SENDGATE_STATUS_INVALID_ARGUMENT);
    sendgate_gate_free(gate);
}

static void a_ledger_reserves_commits_and_gives_back(void) {
    /* NOON is 2027-01-15T08:00:00Z: the day of UTC ends 16 hours later. */
    static const char *const policy = "{\"quotas\":[{\"period\":\"day\",\"limit\":10}]}";
    SendgateLedger *ledger = NULL, *moved = NULL;
    SendgateReserved reserved, refused;
    SendgateQuotaUsage usage[3];
    SendgateError *error = NULL;
    uint8_t state[4096];
    size_t count = 0, length = 0;
    OK(sendgate_ledger_new(policy, &ledger, NULL));
    OK(sendgate_ledger_reserve(ledger, 8, NOON, &reserved, NULL));
    CHECK(reserved.kind == SENDGATE_RESERVED_KIND_RESERVED && strcmp(reserved.reservation, "8:1800000000000:d") == 0);
    OK(sendgate_ledger_reserve(ledger, 3, NOON, &refused, NULL));
    CHECK(refused.kind == SENDGATE_RESERVED_KIND_FULL && strcmp(refused.code, "quota_daily") == 0 && refused.free == 2);
    CHECK(refused.has_retry_at && refused.retry_at == NOON + 16 * 3600000 && refused.reservation[0] == 0);
    OK(sendgate_ledger_reserve(ledger, 11, NOON, &refused, NULL));
    CHECK(refused.kind == SENDGATE_RESERVED_KIND_TOO_LARGE && !refused.has_retry_at);
    CHECK(strcmp(refused.code, "overquota") == 0 && refused.period == SENDGATE_PERIOD_DAY);
    OK(sendgate_ledger_commit(ledger, reserved.reservation, 5, NOON, NULL));
    OK(sendgate_ledger_release(ledger, reserved.reservation, 3, NOON, NULL));
    OK(sendgate_ledger_usage(ledger, NOON, usage, 3, &count, NULL));
    CHECK(count == 1 && usage[0].committed == 5 && usage[0].released == 3 && usage[0].reserved == 0 && usage[0].free == 5);
    CHECK(usage[0].resets_at == NOON + 16 * 3600000 && usage[0].limit == 10 && usage[0].over == 0);
    CHECK(sendgate_ledger_commit(ledger, "8", 1, NOON, &error) == SENDGATE_STATUS_INVALID_ARGUMENT);
    CHECK(strcmp(sendgate_error_code(error), "no_reservation") == 0);
    sendgate_error_free(error);
    OK(sendgate_ledger_state(ledger, state, sizeof state, &length, NULL));
    OK(sendgate_ledger_new(policy, &moved, NULL));
    OK(sendgate_ledger_load(moved, (SendgateBytes){state, length}, NULL));
    OK(sendgate_ledger_reserve(moved, 6, NOON, &refused, NULL));
    CHECK(refused.kind == SENDGATE_RESERVED_KIND_FULL && refused.free == 5);
    CHECK(sendgate_ledger_load(moved, (SendgateBytes){state, 1}, NULL) == SENDGATE_STATUS_INVALID_STATE);
    /* A zone that there is not. */
    CHECK(sendgate_ledger_new("{\"quotas\":[],\"time_zone\":\"Moon\"}", &moved, NULL) == SENDGATE_STATUS_INVALID_POLICY);
    sendgate_ledger_free(ledger);
    sendgate_ledger_free(moved);
}

static void a_list_finds_whom_it_holds_and_moves(void) {
    SendgateSuppressions *set = NULL, *moved = NULL;
    const char *const listed[1] = {"Ann@Example.COM"}, *const asked[2] = {"bob@example.net", "eve@example.org"};
    const SendgateBytes key = bytes_of("0123456789abcdef");
    uint8_t saved[4096];
    size_t length = 0, count = 0;
    bool is = false, are[2];
    OK(sendgate_suppressions_new(key, listed, 1, &set, NULL));
    OK(sendgate_suppressions_contains(set, "ann@example.com", &is, NULL));
    CHECK(is);
    OK(sendgate_suppressions_add(set, "bob@example.net", &is, NULL));
    CHECK(is);
    OK(sendgate_suppressions_save(set, saved, sizeof saved, &length, NULL));
    OK(sendgate_suppressions_load(key, (SendgateBytes){saved, length}, &moved, NULL));
    OK(sendgate_suppressions_contains_many(moved, asked, 2, are, NULL));
    CHECK(are[0] && !are[1]);
    OK(sendgate_suppressions_remove(moved, "bob@example.net", &is, NULL));
    OK(sendgate_suppressions_count(moved, &count, NULL));
    CHECK(is && count == 1);
    CHECK(sendgate_suppressions_add(set, "nobody", &is, NULL) == SENDGATE_STATUS_INVALID_ADDRESS);
    CHECK(sendgate_suppressions_new(bytes_of("short"), NULL, 0, &set, NULL) == SENDGATE_STATUS_INVALID_ARGUMENT);
    sendgate_suppressions_free(set);
    sendgate_suppressions_free(moved);
}

static void a_provider_builds_classifies_and_verifies(void) {
    SendgateProvider *provider = NULL, *mail = NULL;
    SendgateCall *call = NULL;
    SendgateAnswer *answer = NULL, *answers[2] = {NULL, NULL};
    SendgateReport *report = NULL;
    SendgateError *error = NULL;
    const SendgateProviderSettings settings = {.credential = "re_key"};
    const SendgateHeader retry = {"Retry-After", "7"};
    const SendgateHttpResponse taken = {200, NULL, 0, bytes_of("{\"id\":\"re_1\"}")},
                               slow = {429, &retry, 1, bytes_of("{\"name\":\"rate_limit_exceeded\"}")},
                               both = {200, NULL, 0, bytes_of("{\"data\":[{\"id\":\"re_1\"},{\"id\":\"re_2\"}]}")};
    OK(sendgate_provider_new("resend", &settings, &provider, NULL));
    OK(sendgate_provider_build(provider, MESSAGE, "id-1", NOON, &call, NULL));
    CHECK(call->smtp == NULL && strcmp(call->http->method, "POST") == 0);
    CHECK(strcmp(call->http->url, "https://api.resend.com/emails") == 0);
    CHECK(call->http->header_count > 2 && call->http->body.length > 0);
    sendgate_call_free(call);

    OK(sendgate_provider_classify(provider, &taken, NOON, &answer, NULL));
    CHECK(answer->outcome == SENDGATE_OUTCOME_ACCEPTED && strcmp(answer->provider_message_id, "re_1") == 0);
    CHECK(strcmp(answer->outcome_word, "accepted") == 0 && answer->status == 200 && !answer->has_retry_at);
    sendgate_answer_free(answer);
    OK(sendgate_provider_classify(provider, &slow, NOON, &answer, NULL));
    CHECK(answer->outcome == SENDGATE_OUTCOME_THROTTLED && answer->has_retry_at && answer->retry_at == NOON + 7000);
    CHECK(strcmp(answer->provider_code, "rate_limit_exceeded") == 0 && answer->refused_count == 0);
    sendgate_answer_free(answer);

    const char *const messages[2] = {MESSAGE, MESSAGE}, *const ids[2] = {"id-1", "id-2"};
    OK(sendgate_provider_build_batch(provider, messages, ids, 2, NOON, &call, NULL));
    CHECK(strcmp(call->http->url, "https://api.resend.com/emails/batch") == 0);
    sendgate_call_free(call);
    OK(sendgate_provider_classify_batch(provider, &both, 2, NOON, answers, NULL));
    CHECK(strcmp(answers[0]->provider_message_id, "re_1") == 0 && strcmp(answers[1]->provider_message_id, "re_2") == 0);
    sendgate_answer_free(answers[0]);
    sendgate_answer_free(answers[1]);

    CHECK(sendgate_provider_build(provider, "{\"from\":\"a@shop.example\"}", "id-1", NOON, &call, &error) ==
          SENDGATE_STATUS_INVALID_MESSAGE);
    CHECK(sendgate_error_data(error)->status == SENDGATE_STATUS_INVALID_MESSAGE);
    CHECK(sendgate_error_data(error)->fault_count > 0 && strlen(sendgate_error_data(error)->faults[0].field) > 0);
    sendgate_error_free(error);

    const char *const secret = "whsec_MDEyMzQ1Njc4OWFiY2RlZg==";
    const SendgateWebhook forged = {.body = bytes_of("{}"), .secrets = &secret, .secret_count = 1};
    CHECK(sendgate_provider_parse_webhook(provider, &forged, NOON, &report, &error) == SENDGATE_STATUS_WEBHOOK_REFUSED);
    CHECK(strcmp(sendgate_error_code(error), "webhook_unsigned") == 0 && report == NULL);
    sendgate_error_free(error);

    const SendgateProviderSettings server = {.credential = "user:secret", .base_url = "smtps://mail.example:465"};
    OK(sendgate_provider_new("smtp", &server, &mail, NULL));
    OK(sendgate_provider_build(mail, MESSAGE, "id-1", NOON, &call, NULL));
    CHECK(call->http == NULL && strcmp(call->smtp->host, "mail.example") == 0 && call->smtp->port == 465);
    CHECK(call->smtp->security == SENDGATE_SECURITY_IMPLICIT && strcmp(call->smtp->user, "user") == 0);
    CHECK(call->smtp->recipient_count == 1 && strcmp(call->smtp->recipients[0], "ann@example.com") == 0);
    sendgate_call_free(call);
    CHECK(sendgate_provider_new("pigeon", &settings, &provider, NULL) == SENDGATE_STATUS_INVALID_ARGUMENT);
    sendgate_provider_free(provider);
    sendgate_provider_free(mail);
}

static void a_postmark_report_is_read(void) {
    static const char *const delivery =
        "{\"RecordType\":\"Delivery\",\"MessageID\":\"883953f4-6105-42a2-a16a-77a8eac79483\","
        "\"Recipient\":\"ann@example.com\",\"DeliveredAt\":\"2026-11-05T16:33:54Z\",\"ServerID\":23}";
    /* Base64 of hook:secret. */
    const SendgateHeader basic = {"Authorization", "Basic aG9vazpzZWNyZXQ="};
    const char *const secret = "hook:secret";
    const SendgateWebhook webhook = {
        .headers = &basic, .header_count = 1, .body = bytes_of(delivery), .secrets = &secret, .secret_count = 1};
    const SendgateProviderSettings settings = {.credential = "token"};
    SendgateProvider *provider = NULL;
    SendgateReport *report = NULL;
    OK(sendgate_provider_new("postmark", &settings, &provider, NULL));
    OK(sendgate_provider_parse_webhook(provider, &webhook, NOON, &report, NULL));
    CHECK(report->kind == SENDGATE_REPORT_KIND_EVENTS && report->event_count == 1 && report->url == NULL);
    CHECK(strcmp(report->events[0].kind, "delivered") == 0 && strcmp(report->events[0].provider, "postmark") == 0);
    CHECK(strcmp(report->events[0].recipient, "ann@example.com") == 0);
    sendgate_report_free(report);
    sendgate_provider_free(provider);
}

/* Answers what it was told to, and counts. */
typedef struct {
    int calls;
    uint32_t carried;
} Fake;

static uint32_t carry(void *data, const SendgateHttpRequest *request, uint64_t timeout_ms, SendgateReply *reply) {
    Fake *fake = data;
    const SendgateHttpResponse response = {200, NULL, 0, bytes_of("{\"id\":\"re_1\"}")};
    __atomic_add_fetch(&fake->calls, 1, __ATOMIC_SEQ_CST);
    if (timeout_ms == 0 || strcmp(request->method, "POST") != 0) return SENDGATE_CARRIED_NOT_SENT;
    if (fake->carried == SENDGATE_CARRIED_ANSWERED && sendgate_reply_set(reply, &response, NULL) != SENDGATE_STATUS_OK)
        return SENDGATE_CARRIED_MAYBE_SENT;
    return fake->carried;
}

static const char *const ACCOUNT = "{\"providers\":[{\"kind\":\"resend\",\"credential\":\"KEY\"}]}";
static const SendgateSecret SECRET = {"KEY", "re_key"};

static void a_mailroom_delivers_through_a_function_of_the_host(const char *path) {
    Fake fake = {0, SENDGATE_CARRIED_ANSWERED};
    const SendgateMailroomOptions options = {.path = path, .account_json = ACCOUNT, .secrets = &SECRET, .secret_count = 1,
                                             .transport = carry, .transport_data = &fake};
    SendgateMailroom *mailroom = NULL;
    SendgateReceipts *receipts = NULL, *again = NULL;
    SendgateError *error = NULL;
    bool flag = false;
    char *json = NULL;
    OK(sendgate_mailroom_open(&options, &mailroom, NULL));
    OK(sendgate_mailroom_submit(mailroom, &MESSAGE, 1, "key-1", &receipts, NULL));
    CHECK(receipts->count == 1 && strcmp(receipts->receipts[0].status, "queued") == 0);
    CHECK(receipts->receipts[0].code == NULL && receipts->receipts[0].fault_count == 0);
    OK(sendgate_mailroom_submit(mailroom, &MESSAGE, 1, "key-1", &again, NULL));
    CHECK(strcmp(again->receipts[0].message_id, receipts->receipts[0].message_id) == 0);
    OK(sendgate_mailroom_run(mailroom, &flag, NULL));
    CHECK(flag);
    OK(sendgate_mailroom_run(mailroom, &flag, NULL));
    CHECK(!flag);
    OK(sendgate_mailroom_drain(mailroom, 60000, &flag, NULL));
    OK(sendgate_mailroom_stop(mailroom, NULL));
    CHECK(flag && fake.calls == 1);
    OK(sendgate_mailroom_trace(mailroom, receipts->receipts[0].message_id, &json, NULL));
    CHECK(strstr(json, "\"event\":\"sent\"") != NULL);
    sendgate_string_free(json);
    OK(sendgate_mailroom_trace(mailroom, "msg_0", &json, NULL));
    CHECK(json == NULL);
    OK(sendgate_mailroom_usage(mailroom, &json, NULL));
    sendgate_string_free(json);
    OK(sendgate_mailroom_limits(mailroom, &json, NULL));
    sendgate_string_free(json);

    const char *const other = "{\"from\":\"a@shop.example\",\"to\":[\"bob@example.net\"],\"subject\":\"B\",\"text_body\":\"B\"}";
    CHECK(sendgate_mailroom_submit(mailroom, &other, 1, "key-1", &again, &error) == SENDGATE_STATUS_IDEMPOTENCY_CONFLICT);
    CHECK(strcmp(sendgate_error_code(error), "idempotency_conflict") == 0);
    sendgate_error_free(error);
    const char *const nothing = "{}";
    CHECK(sendgate_mailroom_submit(mailroom, &nothing, 1, NULL, &again, &error) == SENDGATE_STATUS_INVALID_MESSAGE);
    CHECK(sendgate_error_data(error)->fault_count > 0);
    sendgate_error_free(error);
    sendgate_receipts_free(receipts);
    sendgate_receipts_free(again);
    sendgate_mailroom_free(mailroom);
}

static void a_host_delivers_itself(const char *path) {
    const SendgateMailroomOptions options = {.path = path, .account_json = ACCOUNT, .secrets = &SECRET, .secret_count = 1};
    SendgateMailroom *mailroom = NULL;
    SendgateReceipts *receipts = NULL;
    SendgateNext next;
    const SendgateHttpResponse response = {200, NULL, 0, bytes_of("{\"id\":\"re_2\"}")};
    OK(sendgate_mailroom_open(&options, &mailroom, NULL));
    OK(sendgate_mailroom_next(mailroom, &next, NULL));
    CHECK(next.kind != SENDGATE_NEXT_KIND_SEND && next.due == NULL);
    OK(sendgate_mailroom_submit(mailroom, &MESSAGE, 1, NULL, &receipts, NULL));
    OK(sendgate_mailroom_next(mailroom, &next, NULL));
    CHECK(next.kind == SENDGATE_NEXT_KIND_SEND && next.due->attempt == 1 && next.due->timeout_ms > 0);
    CHECK(strcmp(next.due->message_id, receipts->receipts[0].message_id) == 0);
    CHECK(strcmp(next.due->call->http->url, "https://api.resend.com/emails") == 0);
    CHECK(sendgate_mailroom_settle(mailroom, next.due, SENDGATE_CARRIED_ANSWERED, NULL, NULL) ==
          SENDGATE_STATUS_NULL_POINTER);
    OK(sendgate_mailroom_settle(mailroom, next.due, SENDGATE_CARRIED_ANSWERED, &response, NULL));
    sendgate_due_free(next.due);
    OK(sendgate_mailroom_next(mailroom, &next, NULL));
    CHECK(next.kind == SENDGATE_NEXT_KIND_IDLE);
    sendgate_receipts_free(receipts);
    sendgate_mailroom_free(mailroom);
}

static void a_wrong_configuration_is_an_error(const char *path) {
    SendgateMailroom *mailroom = NULL;
    SendgateError *error = NULL;
    const SendgateSecret none = {"OTHER", ""};
    const SendgateMailroomOptions missing = {.path = path, .account_json = ACCOUNT, .secrets = &none, .secret_count = 1},
                                  empty = {.path = path, .account_json = "{}"};
    CHECK(sendgate_mailroom_open(&missing, &mailroom, &error) == SENDGATE_STATUS_INVALID_CONFIG);
    CHECK(strcmp(sendgate_error_code(error), "missing_credential") == 0);
    sendgate_error_free(error);
    CHECK(sendgate_mailroom_open(&empty, &mailroom, NULL) == SENDGATE_STATUS_INVALID_CONFIG);
    CHECK(sendgate_mailroom_open(NULL, &mailroom, NULL) == SENDGATE_STATUS_NULL_POINTER);
    CHECK(sendgate_error_data(NULL) == NULL);
}

static void nothing_is_freed_twice_by_null(void) {
    sendgate_limiters_free(NULL);
    sendgate_gate_free(NULL);
    sendgate_standings_free(NULL);
    sendgate_ledger_free(NULL);
    sendgate_suppressions_free(NULL);
    sendgate_provider_free(NULL);
    sendgate_call_free(NULL);
    sendgate_answer_free(NULL);
    sendgate_report_free(NULL);
    sendgate_mailroom_free(NULL);
    sendgate_due_free(NULL);
    sendgate_receipts_free(NULL);
}

int main(int count, char **arguments) {
    if (count != 2) return 2;
    many_decisions_are_the_same_as_one_by_one();
    a_limiter_of_one_thread_is_the_same();
    a_table_keeps_keys_apart();
    a_gate_charges_all_or_nothing();
    a_ledger_reserves_commits_and_gives_back();
    a_list_finds_whom_it_holds_and_moves();
    a_provider_builds_classifies_and_verifies();
    a_postmark_report_is_read();
    a_mailroom_delivers_through_a_function_of_the_host(arguments[1]);
    a_host_delivers_itself(arguments[1]);
    a_wrong_configuration_is_an_error(arguments[1]);
    nothing_is_freed_twice_by_null();
    printf("objects: %d checks passed\n", checks);
    return 0;
}
