/*
 * The trace through sendgate.h: trace TRACE LOG STATES. README.md has the format.
 */

#include "sendgate.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE = 1 << 14, STATE = 1 << 16, MOST = 16, KEYS_IN_BATCH = 64, WINDOWS = 8 };

static struct {
    char policy[LINE];
    SendgateLimiter *limiter;
    uint64_t charged_at;
    int is_charged;
} limiters[MOST];

static struct {
    SendgateLimiters *table;
    long keys;
    char charged_key[64];
    uint64_t charged_at;
    int is_charged;
} tables[MOST];

static int limiter_count = 0, table_count = 0;
static char line[LINE];
static uint8_t state[STATE];
static FILE *out;

static void give_up(const char *what) {
    fprintf(stderr, "trace.c: %s: %.200s\n", what, line);
    exit(1);
}

/* Every call has to succeed: a trace holds no wrong argument. */
static void check(SendgateStatus status) {
    if (status != SENDGATE_STATUS_OK) give_up("a call failed");
}

static char *word(void) {
    char *found = strtok(NULL, " \n");
    if (!found) give_up("a word is missing");
    return found;
}

static uint64_t number(void) { return strtoull(word(), NULL, 10); }

static SendgateBytes bytes(const char *text) {
    SendgateBytes made = {(const uint8_t *)text, strlen(text)};
    return made;
}

static void said(SendgateDecision decision) {
    switch (decision.kind) {
    case SENDGATE_DECISION_KIND_ALLOW: fprintf(out, "allow %" PRIu64 "\n", decision.charged_at); break;
    case SENDGATE_DECISION_KIND_DEFER: fprintf(out, "defer %" PRIu64 " %" PRIu32 "\n", decision.retry_at, decision.window); break;
    case SENDGATE_DECISION_KIND_REJECT: fprintf(out, "reject %" PRIu32 "\n", decision.window); break;
    default: give_up("a decision is of no kind");
    }
}

static void held(const SendgateUsage *usage, size_t count) {
    fprintf(out, "usage");
    for (size_t i = 0; i < count; i++)
        fprintf(out, " %" PRIu32 " %" PRIu32 " %" PRIu32 " %" PRIu64 " %" PRIu64, usage[i].limit, usage[i].used,
                usage[i].remaining, usage[i].next_at, usage[i].full_at);
    fprintf(out, "\n");
}

static void hex(size_t length) {
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < length; i++) {
        putc(digits[state[i] >> 4], out);
        putc(digits[state[i] & 15], out);
    }
}

static void single(char op, int place) {
    if (place >= limiter_count) give_up("there is no such limiter");
    SendgateLimiter *limiter = limiters[place].limiter;
    SendgateDecision decision;
    SendgateUsage usage[WINDOWS];
    size_t count, length;
    uint64_t cost;
    switch (op) {
    case 'd':
        cost = number();
        check(sendgate_limiter_decide(limiter, (uint32_t)cost, number(), &decision, NULL));
        if (decision.kind == SENDGATE_DECISION_KIND_ALLOW) {
            limiters[place].charged_at = decision.charged_at;
            limiters[place].is_charged = 1;
        }
        said(decision);
        break;
    case 'p':
        cost = number();
        check(sendgate_limiter_peek(limiter, (uint32_t)cost, number(), &decision, NULL));
        said(decision);
        break;
    case 'c':
        cost = number();
        check(sendgate_limiter_charge(limiter, (uint32_t)cost, number(), &limiters[place].charged_at, NULL));
        limiters[place].is_charged = 1;
        fprintf(out, "charged %" PRIu64 "\n", limiters[place].charged_at);
        break;
    case 'r':
        if (!limiters[place].is_charged) {
            fprintf(out, "nothing\n");
            break;
        }
        limiters[place].is_charged = 0;
        cost = number();
        check(sendgate_limiter_refund(limiter, (uint32_t)cost, limiters[place].charged_at, number(), NULL));
        fprintf(out, "refunded %" PRIu64 "\n", limiters[place].charged_at);
        break;
    case 'u':
        check(sendgate_limiter_usage(limiter, number(), usage, WINDOWS, &count, NULL));
        held(usage, count);
        break;
    case 's':
        check(sendgate_limiter_state(limiter, state, STATE, &length, NULL));
        sendgate_limiter_free(limiter);
        check(sendgate_limiter_new(limiters[place].policy, &limiters[place].limiter, NULL));
        check(sendgate_limiter_load(limiters[place].limiter, state, length, NULL));
        fprintf(out, "state ");
        hex(length);
        fprintf(out, "\n");
        break;
    default: give_up("the operation is unknown");
    }
}

static void batch(SendgateLimiters *table) {
    SendgateBytes keys[KEYS_IN_BATCH];
    bool admitted[KEYS_IN_BATCH];
    uint64_t cost = number(), now = number();
    size_t count = 0;
    for (char *key; (key = strtok(NULL, " \n")); count++) {
        if (count == KEYS_IN_BATCH) give_up("the batch is too large");
        keys[count] = bytes(key);
    }
    check(sendgate_limiters_admit_many(table, keys, count, (uint32_t)cost, now, admitted, NULL));
    fprintf(out, "batch ");
    for (size_t i = 0; i < count; i++) putc(admitted[i] ? '1' : '0', out);
    fprintf(out, "\n");
}

static void keyed(char op, int place) {
    if (place >= table_count) give_up("there is no such table");
    SendgateLimiters *table = tables[place].table;
    SendgateDecision decision;
    SendgateUsage usage[WINDOWS];
    size_t count, length;
    bool loaded;
    uint64_t cost;
    const char *key;
    switch (op) {
    case 'D':
        key = word();
        cost = number();
        check(sendgate_limiters_decide(table, bytes(key), (uint32_t)cost, number(), &decision, NULL));
        if (decision.kind == SENDGATE_DECISION_KIND_ALLOW) {
            snprintf(tables[place].charged_key, sizeof tables[place].charged_key, "%s", key);
            tables[place].charged_at = decision.charged_at;
            tables[place].is_charged = 1;
        }
        said(decision);
        break;
    case 'P':
        key = word();
        cost = number();
        check(sendgate_limiters_peek(table, bytes(key), (uint32_t)cost, number(), &decision, NULL));
        said(decision);
        break;
    case 'R':
        if (!tables[place].is_charged) {
            fprintf(out, "nothing\n");
            break;
        }
        tables[place].is_charged = 0;
        cost = number();
        check(sendgate_limiters_refund(table, bytes(tables[place].charged_key), (uint32_t)cost, tables[place].charged_at,
                                       number(), NULL));
        fprintf(out, "refunded %" PRIu64 "\n", tables[place].charged_at);
        break;
    case 'B': batch(table); break;
    case 'U':
        key = word();
        check(sendgate_limiters_usage(table, bytes(key), number(), usage, WINDOWS, &count, NULL));
        held(usage, count);
        break;
    case 'S':
        check(sendgate_limiters_state(table, bytes(word()), state, STATE, &length, NULL));
        check(sendgate_limiters_load(table, bytes(word()), (SendgateBytes){state, length}, &loaded, NULL));
        fprintf(out, "state ");
        hex(length);
        fprintf(out, " %d\n", loaded ? 1 : 0);
        break;
    case 'E':
        check(sendgate_limiters_count(table, &count, NULL));
        check(sendgate_limiters_evict(table, SIZE_MAX, number(), &length, NULL));
        fprintf(out, "evicted %zu of %zu\n", length, count);
        break;
    default: give_up("the operation is unknown");
    }
}

static void perform(void) {
    const char *op = strtok(line, " \n");
    if (!op || strcmp(op, "sendgate-trace") == 0) return;
    int place = atoi(word());
    if (strcmp(op, "limiter") == 0) {
        if (limiter_count == MOST) give_up("too many limiters");
        snprintf(limiters[limiter_count].policy, LINE, "%s", strtok(NULL, "\n"));
        check(sendgate_limiter_new(limiters[limiter_count].policy, &limiters[limiter_count].limiter, NULL));
        limiter_count++;
    } else if (strcmp(op, "table") == 0) {
        if (table_count == MOST) give_up("too many tables");
        tables[table_count].keys = atol(word());
        check(sendgate_limiters_new(strtok(NULL, "\n"), 0, &tables[table_count].table, NULL));
        table_count++;
    } else if (op[0] >= 'a') {
        single(op[0], place);
    } else {
        keyed(op[0], place);
    }
}

static void write_states(void) {
    size_t length;
    for (int i = 0; i < limiter_count; i++) {
        check(sendgate_limiter_state(limiters[i].limiter, state, STATE, &length, NULL));
        hex(length);
        fprintf(out, "\n");
        sendgate_limiter_free(limiters[i].limiter);
    }
    for (int i = 0; i < table_count; i++) {
        for (long key = 0; key < tables[i].keys; key++) {
            char name[32];
            snprintf(name, sizeof name, "k%ld", key);
            check(sendgate_limiters_state(tables[i].table, bytes(name), state, STATE, &length, NULL));
            hex(length);
            fprintf(out, "\n");
        }
        sendgate_limiters_free(tables[i].table);
    }
}

static FILE *opened(const char *path, const char *how) {
    FILE *file = fopen(path, how);
    if (!file) give_up("a file cannot be opened");
    return file;
}

int main(int count, char **arguments) {
    if (count != 4) give_up("usage: trace TRACE LOG STATES");
    FILE *trace = opened(arguments[1], "r");
    out = opened(arguments[2], "w");
    while (fgets(line, LINE, trace)) perform();
    if (fclose(trace) || fclose(out)) give_up("a file cannot be written");
    out = opened(arguments[3], "w");
    write_states();
    return fclose(out) ? 1 : 0;
}
