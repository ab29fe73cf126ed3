/*
 * What a decision costs from C, beside Rust's own in the same process, in turns. A line a figure:
 *   NAME UNIT OURS RIVAL-FIGURE RIVAL
 */

#define _POSIX_C_SOURCE 200809L
#include "sendgate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* In a library that was built to be measured. */
uint64_t sendgate_bench_rust(uint32_t which, uint64_t count);

enum { ROUNDS = 15, KEYS = 1000, BATCH = 1000, MOST = 100 };

static const uint64_t NOW = 1800000000000;
static const char *const POLICY =
    "{\"windows\":[{\"kind\":\"sliding\",\"name\":\"second\",\"limit\":1000000000,\"period_ms\":1000},"
    "{\"kind\":\"sliding\",\"name\":\"minute\",\"limit\":1000000000,\"period_ms\":60000},"
    "{\"kind\":\"sliding\",\"name\":\"hour\",\"limit\":1000000000,\"period_ms\":3600000},"
    "{\"kind\":\"sliding\",\"name\":\"day\",\"limit\":1000000000,\"period_ms\":86400000},"
    "{\"kind\":\"sliding\",\"name\":\"month\",\"limit\":1000000000,\"period_ms\":2592000000}]}";

static char names[KEYS][MOST];

static void must(int holds) {
    if (holds) return;
    fprintf(stderr, "bench.c: a decision was not what was measured\n");
    exit(1);
}

static uint64_t one_by_one(SendgateLimiter *limiter, uint64_t count) {
    SendgateDecision decision;
    uint64_t allowed = 0;
    for (uint64_t i = 0; i < count; i++) {
        must(sendgate_limiter_decide(limiter, 1, NOW, &decision, NULL) == SENDGATE_STATUS_OK);
        allowed += decision.kind == SENDGATE_DECISION_KIND_ALLOW;
    }
    sendgate_limiter_free(limiter);
    return allowed;
}

static uint64_t unshared(uint64_t count) {
    SendgateLimiter *limiter = NULL;
    must(sendgate_limiter_new_unshared(POLICY, &limiter, NULL) == SENDGATE_STATUS_OK);
    return one_by_one(limiter, count);
}

static uint64_t shared(uint64_t count) {
    SendgateLimiter *limiter = NULL;
    must(sendgate_limiter_new(POLICY, &limiter, NULL) == SENDGATE_STATUS_OK);
    return one_by_one(limiter, count);
}

static uint64_t many_at_once(uint64_t count) {
    static uint32_t costs[BATCH];
    static SendgateDecision decisions[BATCH];
    SendgateLimiter *limiter = NULL;
    uint64_t allowed = 0;
    for (int i = 0; i < BATCH; i++) costs[i] = 1;
    must(sendgate_limiter_new(POLICY, &limiter, NULL) == SENDGATE_STATUS_OK);
    for (uint64_t done = 0; done < count; done += BATCH) {
        must(sendgate_limiter_decide_many(limiter, costs, BATCH, NOW, decisions, NULL) == SENDGATE_STATUS_OK);
        for (int i = 0; i < BATCH; i++) allowed += decisions[i].kind == SENDGATE_DECISION_KIND_ALLOW;
    }
    sendgate_limiter_free(limiter);
    return allowed;
}

static uint64_t of_keys(uint64_t count) {
    SendgateLimiters *limiters = NULL;
    SendgateDecision decision;
    uint64_t allowed = 0;
    must(sendgate_limiters_new(POLICY, 0, &limiters, NULL) == SENDGATE_STATUS_OK);
    for (uint64_t i = 0; i < count; i++) {
        const char *name = names[i % KEYS];
        const SendgateBytes key = {(const uint8_t *)name, strlen(name)};
        must(sendgate_limiters_decide(limiters, key, 1, NOW, &decision, NULL) == SENDGATE_STATUS_OK);
        allowed += decision.kind == SENDGATE_DECISION_KIND_ALLOW;
    }
    sendgate_limiters_free(limiters);
    return allowed;
}

static uint64_t rust_alone(uint64_t count) { return sendgate_bench_rust(0, count); }
static uint64_t rust_shared(uint64_t count) { return sendgate_bench_rust(1, count); }
static uint64_t rust_keys(uint64_t count) { return sendgate_bench_rust(2, count); }

static double ns_each(uint64_t (*work)(uint64_t), uint64_t count) {
    struct timespec begin, end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    must(work(count) == count);
    clock_gettime(CLOCK_MONOTONIC, &end);
    return ((double)(end.tv_sec - begin.tv_sec) * 1e9 + (double)(end.tv_nsec - begin.tv_nsec)) / (double)count;
}

static int ascending(const void *left, const void *right) {
    const double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* Medians of rounds in which each side has its turn. */
static void race(const char *name, uint64_t (*ours)(uint64_t), uint64_t (*rival)(uint64_t), const char *who, uint64_t count) {
    double of_ours[ROUNDS], of_rival[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        of_ours[i] = ns_each(ours, count);
        of_rival[i] = ns_each(rival, count);
    }
    qsort(of_ours, ROUNDS, sizeof *of_ours, ascending);
    qsort(of_rival, ROUNDS, sizeof *of_rival, ascending);
    printf("%s ns %.3f %.3f %s\n", name, of_ours[ROUNDS / 2], of_rival[ROUNDS / 2], who);
}

int main(int count, char **arguments) {
    const uint64_t each = count == 2 && strcmp(arguments[1], "--quick") == 0 ? 100000 : 2000000;
    for (int i = 0; i < KEYS; i++) snprintf(names[i], MOST, "customer-%d@example.com", i);
    race("abi.c.decide", unshared, rust_alone, "Rust, no lock", each);
    race("abi.c.decide_shared", shared, rust_alone, "Rust, no lock", each);
    race("abi.c.decide_shared.lock", shared, rust_shared, "Rust, the same lock", each);
    race("abi.c.decide_many", many_at_once, rust_alone, "Rust, no lock", each);
    race("abi.c.thousand_keys", of_keys, rust_keys, "Rust, the same table", each);
    return 0;
}
