/* A tour of sendgate.h with hand-reasoned answers: every function once, every kind of failure once. */

#include "sendgate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int checks = 0;

static void check(int holds, const char *what, int line) {
    checks++;
    if (!holds) {
        fprintf(stderr, "tour.c:%d: does not hold: %s\n", line, what);
        exit(1);
    }
}

#define CHECK(condition) check(!!(condition), #condition, __LINE__)

static const uint64_t NOON = 1800000000000;

/* Two windows: 3 in any second, and one each 100 ms after a burst of 2. */
static const char *const POLICY =
    "{\"windows\":[{\"kind\":\"sliding\",\"name\":\"second\",\"limit\":3,\"period_ms\":1000},"
    "{\"kind\":\"pace\",\"name\":\"pace\",\"interval_ms\":100,\"burst\":2}]}";

static SendgateLimiter *made(const char *policy) {
    SendgateLimiter *limiter = NULL;
    CHECK(sendgate_limiter_new(policy, &limiter, NULL) == SENDGATE_STATUS_OK);
    CHECK(limiter != NULL);
    return limiter;
}

static SendgateDecision decided(const SendgateLimiter *limiter, uint32_t cost, uint64_t now) {
    SendgateDecision decision;
    CHECK(sendgate_limiter_decide(limiter, cost, now, &decision, NULL) == SENDGATE_STATUS_OK);
    return decision;
}

static void a_limiter_allows_defers_and_rejects(void) {
    SendgateLimiter *limiter = made(POLICY);
    SendgateDecision decision = decided(limiter, 2, NOON);
    CHECK(decision.kind == SENDGATE_DECISION_KIND_ALLOW && decision.charged_at == NOON);

    decision = decided(limiter, 1, NOON);
    CHECK(decision.kind == SENDGATE_DECISION_KIND_DEFER);
    CHECK(decision.retry_at == NOON + 100 && decision.window == 1);
    CHECK(sendgate_limiter_peek(limiter, 1, NOON + 100, &decision, NULL) == SENDGATE_STATUS_OK);
    CHECK(decision.kind == SENDGATE_DECISION_KIND_ALLOW);

    decision = decided(limiter, 3, NOON);
    CHECK(decision.kind == SENDGATE_DECISION_KIND_REJECT && decision.window == 1);

    CHECK(sendgate_limiter_refund(limiter, 2, NOON, NOON, NULL) == SENDGATE_STATUS_OK);
    decision = decided(limiter, 2, NOON);
    CHECK(decision.kind == SENDGATE_DECISION_KIND_ALLOW);
    sendgate_limiter_free(limiter);
}

static void usage_says_how_many_windows_there_are(void) {
    SendgateLimiter *limiter = made(POLICY);
    SendgateUsage usage[8];
    size_t count = 0;
    uint64_t charged_at = 0;
    CHECK(sendgate_limiter_charge(limiter, 5, NOON, &charged_at, NULL) == SENDGATE_STATUS_OK);
    CHECK(charged_at == NOON);
    CHECK(sendgate_limiter_usage(limiter, NOON, NULL, 0, &count, NULL) == SENDGATE_STATUS_BUFFER_TOO_SMALL);
    CHECK(count == 2);
    CHECK(sendgate_limiter_usage(limiter, NOON, usage, 8, &count, NULL) == SENDGATE_STATUS_OK);
    CHECK(count == 2 && usage[0].limit == 3 && usage[0].remaining == 0 && usage[1].limit == 2);
    sendgate_limiter_free(limiter);
}

static void a_state_moves_to_another_limiter(void) {
    SendgateLimiter *first = made(POLICY), *second = made(POLICY);
    uint8_t bytes[4096], again[4096];
    size_t length = 0, again_length = 0;
    SendgateError *error = NULL;
    (void)decided(first, 2, NOON);
    CHECK(sendgate_limiter_state(first, NULL, 0, &length, NULL) == SENDGATE_STATUS_BUFFER_TOO_SMALL);
    CHECK(length > 0 && length <= sizeof bytes);
    CHECK(sendgate_limiter_state(first, bytes, sizeof bytes, &length, NULL) == SENDGATE_STATUS_OK);
    CHECK(sendgate_limiter_load(second, bytes, length, NULL) == SENDGATE_STATUS_OK);
    CHECK(decided(second, 1, NOON).kind == SENDGATE_DECISION_KIND_DEFER);

    CHECK(sendgate_limiter_load(second, bytes, length - 1, &error) == SENDGATE_STATUS_INVALID_STATE);
    CHECK(strlen(sendgate_error_code(error)) > 0 && strlen(sendgate_error_text(error)) > 0);
    sendgate_error_free(error);
    CHECK(sendgate_limiter_state(second, again, sizeof again, &again_length, NULL) == SENDGATE_STATUS_OK);
    CHECK(again_length == length && memcmp(again, bytes, length) == 0);
    sendgate_limiter_free(first);
    sendgate_limiter_free(second);
}

static void a_malformed_policy_is_an_error_with_its_reason(void) {
    SendgateLimiter *limiter = NULL;
    SendgateError *error = NULL;
    CHECK(sendgate_limiter_new("{\"windows\":[]}", &limiter, &error) == SENDGATE_STATUS_INVALID_POLICY);
    CHECK(limiter == NULL);
    CHECK(strcmp(sendgate_error_code(error), "window_count") == 0);
    CHECK(strcmp(sendgate_error_text(error), "a limiter has 1 to 8 windows, got 0") == 0);
    sendgate_error_free(error);
    CHECK(sendgate_limiter_new("\xff", &limiter, NULL) == SENDGATE_STATUS_NOT_UTF8);
}

static void null_is_an_error_wherever_it_is_given(void) {
    SendgateLimiter *limiter = made(POLICY);
    SendgateDecision decision;
    SendgateBackoff backoff;
    SendgateRetry retry;
    SendgateUsage usage[8];
    SendgateError *error = NULL;
    uint8_t byte = 0;
    size_t size = 0;
    char *text = NULL;
    const SendgateStatus null_pointer = SENDGATE_STATUS_NULL_POINTER;
    CHECK(sendgate_limiter_new(NULL, &limiter, NULL) == null_pointer);
    CHECK(sendgate_limiter_new(POLICY, NULL, NULL) == null_pointer);
    CHECK(sendgate_limiter_decide(NULL, 1, NOON, &decision, &error) == null_pointer);
    CHECK(strcmp(sendgate_error_code(error), "null_pointer") == 0);
    CHECK(strcmp(sendgate_error_text(error), "limiter must not be NULL") == 0);
    sendgate_error_free(error);
    CHECK(sendgate_limiter_decide(limiter, 1, NOON, NULL, NULL) == null_pointer);
    CHECK(sendgate_limiter_peek(NULL, 1, NOON, &decision, NULL) == null_pointer);
    CHECK(sendgate_limiter_peek(limiter, 1, NOON, NULL, NULL) == null_pointer);
    CHECK(sendgate_limiter_charge(NULL, 1, NOON, NULL, NULL) == null_pointer);
    CHECK(sendgate_limiter_charge(limiter, 1, NOON, NULL, NULL) == null_pointer);
    CHECK(sendgate_limiter_refund(NULL, 1, NOON, NOON, NULL) == null_pointer);
    CHECK(sendgate_limiter_usage(NULL, NOON, usage, 8, &size, NULL) == null_pointer);
    CHECK(sendgate_limiter_usage(limiter, NOON, NULL, 8, &size, NULL) == null_pointer);
    CHECK(sendgate_limiter_usage(limiter, NOON, usage, 8, NULL, NULL) == null_pointer);
    CHECK(sendgate_limiter_state(NULL, &byte, 1, &size, NULL) == null_pointer);
    CHECK(sendgate_limiter_state(limiter, NULL, 4096, &size, NULL) == null_pointer);
    CHECK(sendgate_limiter_state(limiter, &byte, 1, NULL, NULL) == null_pointer);
    CHECK(sendgate_limiter_load(NULL, &byte, 1, NULL) == null_pointer);
    CHECK(sendgate_limiter_load(limiter, NULL, 1, NULL) == null_pointer);
    CHECK(sendgate_backoff_default(NULL, NULL) == null_pointer);
    CHECK(sendgate_backoff_default(&backoff, NULL) == SENDGATE_STATUS_OK);
    CHECK(sendgate_backoff_next(NULL, 1, NULL, 0, NOON, &retry, NULL) == null_pointer);
    CHECK(sendgate_backoff_next(&backoff, 1, NULL, 0, NOON, NULL, NULL) == null_pointer);
    CHECK(sendgate_normalize_address(NULL, &text, NULL) == null_pointer);
    CHECK(sendgate_normalize_address("ann@example.com", NULL, NULL) == null_pointer);
    CHECK(sendgate_error_code(NULL) == NULL && sendgate_error_text(NULL) == NULL);
    sendgate_limiter_free(limiter);
    sendgate_limiter_free(NULL);
    sendgate_string_free(NULL);
    sendgate_error_free(NULL);
}

static void a_backoff_doubles_until_it_gives_up(void) {
    SendgateBackoff backoff = {.base_ms = 1000, .cap_ms = 5000, .max_attempts = 4, .jitter = SENDGATE_JITTER_NONE};
    SendgateRetry retry;
    const uint64_t hint = NOON + 9000;
    CHECK(sendgate_backoff_next(&backoff, 2, NULL, 0, NOON, &retry, NULL) == SENDGATE_STATUS_OK);
    CHECK(retry.kind == SENDGATE_RETRY_KIND_AT && retry.retry_at == NOON + 2000);
    CHECK(sendgate_backoff_next(&backoff, 3, &hint, 0, NOON, &retry, NULL) == SENDGATE_STATUS_OK);
    CHECK(retry.kind == SENDGATE_RETRY_KIND_AT && retry.retry_at == NOON + 9000);
    CHECK(sendgate_backoff_next(&backoff, 4, NULL, 0, NOON, &retry, NULL) == SENDGATE_STATUS_OK);
    CHECK(retry.kind == SENDGATE_RETRY_KIND_EXHAUSTED && retry.attempts == 4);
    backoff.jitter = 2;
    CHECK(sendgate_backoff_next(&backoff, 1, NULL, 0, NOON, &retry, NULL) == SENDGATE_STATUS_UNKNOWN_VARIANT);
}

static void an_address_is_normalized_or_refused_without_being_repeated(void) {
    char *normalized = NULL;
    SendgateError *error = NULL;
    CHECK(sendgate_normalize_address("Ann@B\xc3\x9c" "CHER.example", &normalized, NULL) == SENDGATE_STATUS_OK);
    CHECK(strcmp(normalized, "ann@xn--bcher-kva.example") == 0);
    sendgate_string_free(normalized);
    CHECK(sendgate_normalize_address("ann.example", &normalized, &error) == SENDGATE_STATUS_INVALID_ADDRESS);
    CHECK(strlen(sendgate_error_code(error)) > 0);
    CHECK(strstr(sendgate_error_text(error), "ann") == NULL);
    sendgate_error_free(error);
}

int main(void) {
    CHECK(sendgate_abi_version() == 3);
    CHECK(strlen(sendgate_version()) >= strlen("0.1.0"));
    a_limiter_allows_defers_and_rejects();
    usage_says_how_many_windows_there_are();
    a_state_moves_to_another_limiter();
    a_malformed_policy_is_an_error_with_its_reason();
    null_is_an_error_wherever_it_is_given();
    a_backoff_doubles_until_it_gives_up();
    an_address_is_normalized_or_refused_without_being_repeated();
    printf("tour: %d checks passed\n", checks);
    return 0;
}
