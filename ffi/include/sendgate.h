/*
 * Sendgate behind a C ABI: may this message leave now, later, or never?
 *
 * Every function that can fail returns a SendgateStatus. When it is not SENDGATE_STATUS_OK, nothing was
 * changed, nothing was written (but the size that a buffer needs), and `*error` holds why. Free it with
 * sendgate_error_free. `error` may be NULL when the caller does not want to know.
 *
 * Instants are milliseconds since 1970-01-01T00:00:00Z; the caller brings them, there is no clock inside.
 * A limiter may be used from several threads at once. Strings are UTF-8 and end with a zero byte.
 * NULL given to a _free function is fine.
 */

#ifndef SENDGATE_H
#define SENDGATE_H

/* Generated from ffi/src by scripts/header.sh: edit there, not here. */

#include <stddef.h>
#include <stdint.h>

/*
 What a call came to. A number never changes its meaning and is never given to another.
 */
typedef enum {
  /*
   It was done.
   */
  SENDGATE_STATUS_OK = 0,
  /*
   A pointer that must not be NULL is NULL.
   */
  SENDGATE_STATUS_NULL_POINTER = 1,
  /*
   A string is not UTF-8.
   */
  SENDGATE_STATUS_NOT_UTF8 = 2,
  /*
   A bug in Sendgate was caught at the boundary. Nothing is known about the limiter it happened in: free it.
   */
  SENDGATE_STATUS_PANICKED = 3,
  /*
   A limiter's policy is malformed.
   */
  SENDGATE_STATUS_INVALID_POLICY = 4,
  /*
   A state's bytes are malformed or of another policy.
   */
  SENDGATE_STATUS_INVALID_STATE = 5,
  /*
   An address is malformed.
   */
  SENDGATE_STATUS_INVALID_ADDRESS = 6,
  /*
   A number stands for no value of its enum.
   */
  SENDGATE_STATUS_UNKNOWN_VARIANT = 7,
  /*
   The buffer is too small; the size it needs was written.
   */
  SENDGATE_STATUS_BUFFER_TOO_SMALL = 8,
  /*
   Sendgate's own tests only: a test vector is malformed.
   */
  SENDGATE_STATUS_INVALID_VECTOR = 9,
} SendgateStatus;

/*
 Which of the three answers a decision is.
 */
typedef enum {
  /*
   It may leave now, and has been charged.
   */
  SENDGATE_DECISION_KIND_ALLOW = 0,
  /*
   It may leave later, at `retry_at`.
   */
  SENDGATE_DECISION_KIND_DEFER = 1,
  /*
   It may never leave: its cost is more than a window ever admits.
   */
  SENDGATE_DECISION_KIND_REJECT = 2,
} SendgateDecisionKind;

/*
 What to do after a failed attempt.
 */
typedef enum {
  /*
   Try again at `retry_at`.
   */
  SENDGATE_RETRY_KIND_AT = 0,
  /*
   Give up.
   */
  SENDGATE_RETRY_KIND_EXHAUSTED = 1,
} SendgateRetryKind;

/*
 How retries are spread.
 */
typedef enum {
  /*
   Uniform over the whole exponential part.
   */
  SENDGATE_JITTER_FULL = 0,
  /*
   Not at all.
   */
  SENDGATE_JITTER_NONE = 1,
} SendgateJitter;

/*
 Why a call failed. Read it with sendgate_error_code and sendgate_error_text.
 */
typedef struct SendgateError SendgateError;

/*
 A limiter and its state.
 */
typedef struct SendgateLimiter SendgateLimiter;

/*
 A limiter's answer.
 */
typedef struct {
  /*
   Which answer it is.
   */
  SendgateDecisionKind kind;
  /*
   Defer and reject: the window that says so, counted from 0. Else 0.
   */
  uint32_t window;
  /*
   Allow: the instant the units count from; a refund names it. Else 0.
   */
  uint64_t charged_at;
  /*
   Defer: the first instant at which the same question is allowed, when nothing else happens. Else 0.
   */
  uint64_t retry_at;
} SendgateDecision;

/*
 What one window holds.
 */
typedef struct {
  /*
   Units it ever admits at once.
   */
  uint32_t limit;
  /*
   Units in use.
   */
  uint32_t used;
  /*
   Units that may leave now.
   */
  uint32_t remaining;
  /*
   The first instant at which `remaining` grows, or now.
   */
  uint64_t next_at;
  /*
   The first instant at which all of `limit` remains, or now.
   */
  uint64_t full_at;
} SendgateUsage;

/*
 A retry policy. sendgate_backoff_default gives the usual one.
 */
typedef struct {
  /*
   The least wait, in milliseconds.
   */
  uint64_t base_ms;
  /*
   The longest wait, in milliseconds.
   */
  uint64_t cap_ms;
  /*
   How many attempts may fail in all.
   */
  uint32_t max_attempts;
  /*
   A SendgateJitter.
   */
  uint32_t jitter;
} SendgateBackoff;

/*
 A backoff's answer.
 */
typedef struct {
  /*
   Which answer it is.
   */
  SendgateRetryKind kind;
  /*
   Exhausted: how many attempts failed. Else 0.
   */
  uint32_t attempts;
  /*
   At: when to try again. Else 0.
   */
  uint64_t retry_at;
} SendgateRetry;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/*
 The version of this header's functions. It grows when a function is added; when one changes or goes, so does its
 name.
 */
uint32_t sendgate_abi_version(void);

/*
 Sendgate's version, such as "0.1.0". It lives as long as the library; do not free it.
 */
const char *sendgate_version(void);

/*
 Makes a limiter of a policy, {"windows":[...]}, that has seen nothing yet.

 Free it with sendgate_limiter_free.
 */
SendgateStatus sendgate_limiter_new(const char *policy_json,
                                    SendgateLimiter **limiter,
                                    SendgateError **error);

/*
 Decides whether `cost` units may leave at `now` and, on an allow, charges them. A denial charges nothing.

 A `now` earlier than one seen before is a normal input: it never frees budget.
 */
SendgateStatus sendgate_limiter_decide(const SendgateLimiter *limiter,
                                       uint32_t cost,
                                       uint64_t now,
                                       SendgateDecision *decision,
                                       SendgateError **error);

/*
 The decision that sendgate_limiter_decide would give, charging nothing.
 */
SendgateStatus sendgate_limiter_peek(const SendgateLimiter *limiter,
                                     uint32_t cost,
                                     uint64_t now,
                                     SendgateDecision *decision,
                                     SendgateError **error);

/*
 Records units that left anyway, past the limit if need be, and writes the instant they count from.
 */
SendgateStatus sendgate_limiter_charge(const SendgateLimiter *limiter,
                                       uint32_t cost,
                                       uint64_t now,
                                       uint64_t *charged_at,
                                       SendgateError **error);

/*
 Takes back units that were charged at `charged_at`.
 */
SendgateStatus sendgate_limiter_refund(const SendgateLimiter *limiter,
                                       uint32_t cost,
                                       uint64_t charged_at,
                                       uint64_t now,
                                       SendgateError **error);

/*
 Writes what each window holds at `now`, in the policy's order, and how many there are.

 With less `capacity` than windows it writes only `count`, and the status is SENDGATE_STATUS_BUFFER_TOO_SMALL.
 A policy has 8 windows at most.
 */
SendgateStatus sendgate_limiter_usage(const SendgateLimiter *limiter,
                                      uint64_t now,
                                      SendgateUsage *usage,
                                      size_t capacity,
                                      size_t *count,
                                      SendgateError **error);

/*
 Writes the state's bytes and their length: plain bytes, the same on every platform.

 With less `capacity` than bytes it writes only `length`, and the status is SENDGATE_STATUS_BUFFER_TOO_SMALL.
 */
SendgateStatus sendgate_limiter_state(const SendgateLimiter *limiter,
                                      uint8_t *bytes,
                                      size_t capacity,
                                      size_t *length,
                                      SendgateError **error);

/*
 Goes on from a stored state of the same policy.
 */
SendgateStatus sendgate_limiter_load(const SendgateLimiter *limiter,
                                     const uint8_t *bytes,
                                     size_t length,
                                     SendgateError **error);

/*
 Frees a limiter.
 */
void sendgate_limiter_free(SendgateLimiter *limiter);

/*
 Writes the usual retry policy.
 */
SendgateStatus sendgate_backoff_default(SendgateBackoff *backoff, SendgateError **error);

/*
 Decides after `attempts` failed attempts when to try again.

 `hint` points to the first instant the server allows, or is NULL when it named none. `entropy` is a fresh random
 number for each attempt.
 */
SendgateStatus sendgate_backoff_next(const SendgateBackoff *backoff,
                                     uint32_t attempts,
                                     const uint64_t *hint,
                                     uint64_t entropy,
                                     uint64_t now,
                                     SendgateRetry *retry,
                                     SendgateError **error);

/*
 Writes the form of an address under which it is suppressed: lower case, its domain in ASCII.

 Free it with sendgate_string_free.
 */
SendgateStatus sendgate_normalize_address(const char *address,
                                          char **normalized,
                                          SendgateError **error);

/*
 Frees a string that a function wrote.
 */
void sendgate_string_free(char *string);

/*
 The error's stable word, such as "out_of_range". It lives as long as the error; NULL for NULL.
 */
const char *sendgate_error_code(const SendgateError *error);

/*
 The error in a sentence, without an address or a key in it. It lives as long as the error; NULL for NULL.
 */
const char *sendgate_error_text(const SendgateError *error);

/*
 Frees an error.
 */
void sendgate_error_free(SendgateError *error);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* SENDGATE_H */
