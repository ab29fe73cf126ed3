/* Two threads hammer one handle, and what they were allowed together is the limit, not one more and not one less. */

#include "sendgate.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { LIMIT = 1000, ASKED = 5000, THREADS = 2 };

static const uint64_t NOON = 1800000000000;
static const char *const POLICY =
    "{\"windows\":[{\"kind\":\"sliding\",\"name\":\"hour\",\"limit\":1000,\"period_ms\":3600000}]}";

static SendgateLimiter *limiter;
static SendgateLimiters *limiters;

typedef struct {
    long of_one, of_a_key;
} Allowed;

static void *hammer(void *result) {
    Allowed *allowed = result;
    const SendgateBytes key = {(const uint8_t *)"ann", 3};
    SendgateDecision decision;
    for (int i = 0; i < ASKED; i++) {
        if (sendgate_limiter_decide(limiter, 1, NOON, &decision, NULL) == SENDGATE_STATUS_OK)
            allowed->of_one += decision.kind == SENDGATE_DECISION_KIND_ALLOW;
        if (sendgate_limiters_decide(limiters, key, 1, NOON, &decision, NULL) == SENDGATE_STATUS_OK)
            allowed->of_a_key += decision.kind == SENDGATE_DECISION_KIND_ALLOW;
    }
    return NULL;
}

int main(void) {
    pthread_t threads[THREADS];
    Allowed allowed[THREADS];
    memset(allowed, 0, sizeof allowed);
    if (sendgate_limiter_new(POLICY, &limiter, NULL) != SENDGATE_STATUS_OK) return 1;
    if (sendgate_limiters_new(POLICY, 0, &limiters, NULL) != SENDGATE_STATUS_OK) return 1;
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, hammer, &allowed[i]) != 0) return 1;
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    long of_one = allowed[0].of_one + allowed[1].of_one, of_a_key = allowed[0].of_a_key + allowed[1].of_a_key;
    sendgate_limiter_free(limiter);
    sendgate_limiters_free(limiters);
    printf("threads: %ld and %ld of %d allowed\n", of_one, of_a_key, LIMIT);
    return of_one == LIMIT && of_a_key == LIMIT ? 0 : 1;
}
