/*
 * The vectors through sendgate.h: every case as JSON, the limiter's and the backoff's as calls of its functions too.
 *
 * C has no JSON in its library, so flatten.py hands the cases over as lines, on standard input:
 *
 *   total N                      first line: how many cases the files hold
 *   case ID                      a new case; it passes when everything up to the next one is as wanted
 *   evaluate SUITE WANT CASE     with tabs between; WANT is JSON with its keys sorted and no spaces, as the library's is
 *   limiter POLICY               a new limiter; POLICY is JSON on one line
 *   accepted | malformed CODE    the policy was one, or was refused with CODE
 *   decide COST NOW ANSWER       ANSWER is: allow AT | defer AT WINDOW | reject WINDOW
 *   peek COST NOW ANSWER
 *   charge COST NOW AT
 *   refund COST AT NOW
 *   usage NOW COUNT (LIMIT USED REMAINING NEXT FULL)...
 *   state HEX
 *   load HEX ok | load HEX CODE
 *   backoff BASE CAP MOST JITTER ATTEMPTS HINT ENTROPY NOW at AT | ... exhausted ATTEMPTS     ('-': not given)
 *
 * With the argument "out" nothing is compared: what came out of each call is printed, a line each.
 */

#include "sendgate.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* For runners only: in the library, but in no header. */
SendgateStatus sendgate_evaluate_vector(const char *suite, const char *case_json, char **result, SendgateError **error);

enum { LINE = 1 << 20, STATE = 1 << 16, ANSWER = 1 << 18 };

static char line[LINE], got[ANSWER], current[256];
static SendgateLimiter *limiter = NULL;
static SendgateError *failure = NULL;
static int total = -1, passed = 0, failed = 0, typed = 0, open_case = 0, bad = 0, printing = 0;

static void give_up(const char *what) {
    fprintf(stderr, "vectors.c: %s: %.200s\n", what, line);
    exit(2);
}

static void finish_case(void) {
    if (!open_case) return;
    if (bad) failed++; else passed++;
    open_case = bad = 0;
    sendgate_limiter_free(limiter);
    limiter = NULL;
}

static void begin_case(const char *id) {
    finish_case();
    snprintf(current, sizeof current, "%s", id);
    open_case = 1;
    if (printing) printf("case %s\n", id);
}

/* Compares what came out with what is wanted, both as the line protocol writes them. */
static void compare(const char *want) {
    if (strcmp(got, want) == 0) return;
    bad = 1;
    fprintf(stderr, "case %s: wanted '%.300s', got '%.300s'\n", current, want, got);
}

static void expect(const char *want) {
    if (printing) printf("%s\n", got);
    else compare(want);
}

/* The next word of the line; ends the program when there is none. */
static char *word(char **rest) {
    char *start = *rest;
    if (start == NULL || *start == '\0') give_up("a line is too short");
    char *space = strchr(start, ' ');
    if (space != NULL) *space = '\0';
    *rest = space == NULL ? start + strlen(start) : space + 1;
    return start;
}

static uint64_t number(char **rest) {
    char *end = NULL, *text = word(rest);
    uint64_t value = strtoull(text, &end, 10);
    if (*end != '\0') give_up("not a number");
    return value;
}

static void must(SendgateStatus status) {
    if (status != SENDGATE_STATUS_OK) give_up("a call failed that cannot");
}

static void answer(const SendgateDecision *decision) {
    switch (decision->kind) {
    case SENDGATE_DECISION_KIND_ALLOW:
        snprintf(got, sizeof got, "allow %" PRIu64, decision->charged_at);
        return;
    case SENDGATE_DECISION_KIND_DEFER:
        snprintf(got, sizeof got, "defer %" PRIu64 " %" PRIu32, decision->retry_at, decision->window);
        return;
    case SENDGATE_DECISION_KIND_REJECT:
        snprintf(got, sizeof got, "reject %" PRIu32, decision->window);
        return;
    }
    give_up("a decision of an unknown kind");
}

static void evaluate(char *rest) {
    char *parts[3], *result = NULL;
    for (int i = 0; i < 3; i++) {
        parts[i] = rest;
        rest = strchr(rest, i < 2 ? '\t' : '\0');
        if (rest == NULL) give_up("too few parts");
        if (i < 2) *rest++ = '\0';
    }
    if (sendgate_evaluate_vector(parts[0], parts[2], &result, &failure) != SENDGATE_STATUS_OK) {
        snprintf(got, sizeof got, "%s: %s", sendgate_error_code(failure), sendgate_error_text(failure));
        sendgate_error_free(failure);
    } else {
        snprintf(got, sizeof got, "%s", result);
        sendgate_string_free(result);
    }
    compare(parts[1]);
}

static void make(char *rest) {
    got[0] = '\0';
    typed++;
    if (sendgate_limiter_new(rest, &limiter, &failure) != SENDGATE_STATUS_OK) {
        snprintf(got, sizeof got, "%s", sendgate_error_code(failure));
        sendgate_error_free(failure);
    }
}

static void decide(char *rest, int charging) {
    SendgateDecision decision;
    uint32_t cost = (uint32_t)number(&rest);
    uint64_t now = number(&rest);
    must(charging ? sendgate_limiter_decide(limiter, cost, now, &decision, NULL)
                  : sendgate_limiter_peek(limiter, cost, now, &decision, NULL));
    answer(&decision);
    expect(rest);
}

static void charge(char *rest) {
    uint64_t charged_at = 0;
    uint32_t cost = (uint32_t)number(&rest);
    uint64_t now = number(&rest);
    must(sendgate_limiter_charge(limiter, cost, now, &charged_at, NULL));
    snprintf(got, sizeof got, "%" PRIu64, charged_at);
    expect(rest);
}

static void refund(char *rest) {
    uint32_t cost = (uint32_t)number(&rest);
    uint64_t charged_at = number(&rest);
    must(sendgate_limiter_refund(limiter, cost, charged_at, number(&rest), NULL));
    got[0] = '\0';
    expect(rest);
}

static void usage(char *rest) {
    SendgateUsage windows[8];
    size_t count = 0, used = 0;
    must(sendgate_limiter_usage(limiter, number(&rest), windows, 8, &count, NULL));
    used += (size_t)snprintf(got, sizeof got, "%zu", count);
    for (size_t i = 0; i < count; i++)
        used += (size_t)snprintf(got + used, sizeof got - used,
                                 " %" PRIu32 " %" PRIu32 " %" PRIu32 " %" PRIu64 " %" PRIu64, windows[i].limit,
                                 windows[i].used, windows[i].remaining, windows[i].next_at, windows[i].full_at);
    expect(rest);
}

static void state(const char *want) {
    static uint8_t bytes[STATE];
    size_t length = 0;
    must(sendgate_limiter_state(limiter, bytes, sizeof bytes, &length, NULL));
    for (size_t i = 0; i < length; i++) snprintf(got + 2 * i, 3, "%02x", bytes[i]);
    expect(want);
}

static void load(char *rest) {
    static uint8_t bytes[STATE];
    const char *hex = word(&rest);
    size_t length = strcmp(hex, "-") == 0 ? 0 : strlen(hex) / 2;
    for (size_t i = 0; i < length; i++) {
        unsigned int byte = 0;
        if (sscanf(hex + 2 * i, "%2x", &byte) != 1) give_up("not hexadecimal");
        bytes[i] = (uint8_t)byte;
    }
    if (sendgate_limiter_load(limiter, bytes, length, &failure) == SENDGATE_STATUS_OK) {
        snprintf(got, sizeof got, "ok");
    } else {
        snprintf(got, sizeof got, "%s", sendgate_error_code(failure));
        sendgate_error_free(failure);
    }
    expect(rest);
}

static void backoff(char *rest) {
    SendgateBackoff policy;
    SendgateRetry retry;
    typed++;
    must(sendgate_backoff_default(&policy, NULL));
    if (*rest == '-') (void)word(&rest); else policy.base_ms = number(&rest);
    if (*rest == '-') (void)word(&rest); else policy.cap_ms = number(&rest);
    if (*rest == '-') (void)word(&rest); else policy.max_attempts = (uint32_t)number(&rest);
    const char *jitter = word(&rest);
    if (strcmp(jitter, "full") == 0) policy.jitter = SENDGATE_JITTER_FULL;
    if (strcmp(jitter, "none") == 0) policy.jitter = SENDGATE_JITTER_NONE;
    uint32_t attempts = (uint32_t)number(&rest);
    int hinted = *rest != '-';
    uint64_t hint = 0;
    if (hinted) hint = number(&rest); else (void)word(&rest);
    uint64_t entropy = number(&rest), now = number(&rest);
    must(sendgate_backoff_next(&policy, attempts, hinted ? &hint : NULL, entropy, now, &retry, NULL));
    if (retry.kind == SENDGATE_RETRY_KIND_AT) snprintf(got, sizeof got, "at %" PRIu64, retry.retry_at);
    else snprintf(got, sizeof got, "exhausted %" PRIu32, retry.attempts);
    expect(rest);
}

static void perform(void) {
    char *rest = line;
    if (strncmp(line, "evaluate\t", 9) == 0) {
        evaluate(line + 9);
        return;
    }
    const char *verb = word(&rest);
    if (strcmp(verb, "total") == 0) total = (int)number(&rest);
    else if (strcmp(verb, "case") == 0) begin_case(rest);
    else if (strcmp(verb, "limiter") == 0) make(rest);
    else if (strcmp(verb, "backoff") == 0) backoff(rest);
    else if (strcmp(verb, "accepted") == 0) compare("");
    else if (strcmp(verb, "malformed") == 0) compare(rest);
    else if (limiter == NULL) bad = 1; /* Its policy was refused; "accepted" has said so. */
    else if (strcmp(verb, "decide") == 0) decide(rest, 1);
    else if (strcmp(verb, "peek") == 0) decide(rest, 0);
    else if (strcmp(verb, "charge") == 0) charge(rest);
    else if (strcmp(verb, "refund") == 0) refund(rest);
    else if (strcmp(verb, "usage") == 0) usage(rest);
    else if (strcmp(verb, "state") == 0) state(rest);
    else if (strcmp(verb, "load") == 0) load(rest);
    else give_up("an unknown verb");
}

int main(int count, char **arguments) {
    printing = count == 2 && strcmp(arguments[1], "out") == 0;
    const char *what = count == 2 ? "states from Rust" : "vectors";
    while (fgets(line, sizeof line, stdin) != NULL) {
        size_t length = strlen(line);
        if (length == 0 || line[length - 1] != '\n') give_up("a line is too long");
        line[length - 1] = '\0';
        perform();
    }
    finish_case();
    if (passed + failed != total) fprintf(stderr, "the files hold %d cases\n", total);
    if (!printing) {
        printf("of them through the typed functions as well: %d\n", typed);
        printf("%s: %d passed, %d failed, 0 skipped\n", what, passed, failed);
    }
    return failed == 0 && passed + failed == total && total > 0 ? 0 : 1;
}
