/*
 * Sendgate behind a C ABI: may this message leave now, later, or never?
 *
 * Every function that can fail returns a SendgateStatus. When it is not SENDGATE_STATUS_OK, nothing was
 * changed, nothing was written (but the size that a buffer needs), and `*error` holds why. Free it with
 * sendgate_error_free. `error` may be NULL when the caller does not want to know.
 *
 * Instants are milliseconds since 1970-01-01T00:00:00Z; the caller brings them, there is no clock inside.
 * Every handle may be used from several threads at once; each call on it is one step, and none waits for another but
 * for a moment. Only _free is different: no other thread may use the handle when it is called, or after. A struct that
 * a function gives by pointer is never changed, and what it points to lives until its own _free function is called.
 * What is given to a function is not kept, unless its comment says so. Strings are UTF-8 and end with a zero byte.
 * NULL given to a _free function is fine. A panic never crosses: it becomes SENDGATE_STATUS_PANICKED.
 */

#ifndef SENDGATE_H
#define SENDGATE_H

/* Generated from ffi/src by scripts/header.sh: edit there, not here. */

#include <stdbool.h>
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
  /*
   An argument is none of what it can be.
   */
  SENDGATE_STATUS_INVALID_ARGUMENT = 10,
  /*
   A configuration is wrong, or names a secret that is not there.
   */
  SENDGATE_STATUS_INVALID_CONFIG = 11,
  /*
   A message cannot be read: the error's data has every fault.
   */
  SENDGATE_STATUS_INVALID_MESSAGE = 12,
  /*
   The provider lacks what the message needs: the error's data says what.
   */
  SENDGATE_STATUS_UNSUPPORTED_FEATURE = 13,
  /*
   No request can be built.
   */
  SENDGATE_STATUS_CANNOT_BUILD = 14,
  /*
   A report is not to be believed.
   */
  SENDGATE_STATUS_WEBHOOK_REFUSED = 15,
  /*
   A window admits no more for now: the error's data says until when.
   */
  SENDGATE_STATUS_RATE_LIMITED = 16,
  /*
   A quota is used up: the error's data says until when.
   */
  SENDGATE_STATUS_QUOTA_EXCEEDED = 17,
  /*
   The idempotency key was used for other messages.
   */
  SENDGATE_STATUS_IDEMPOTENCY_CONFLICT = 18,
  /*
   The file cannot be used now, and nothing was accepted.
   */
  SENDGATE_STATUS_STORE_FAILED = 19,
  /*
   Another refusal of the account's.
   */
  SENDGATE_STATUS_REFUSED = 20,
} SendgateStatus;

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
 Which of the answers a gate's verdict is.
 */
typedef enum {
  /*
   It may go, and has been charged.
   */
  SENDGATE_VERDICT_KIND_ALLOW = 0,
  /*
   It may go later, at `retry_at`.
   */
  SENDGATE_VERDICT_KIND_DEFER = 1,
  /*
   Units on their way fill a window: ask again when one of them is answered.
   */
  SENDGATE_VERDICT_KIND_OCCUPIED = 2,
  /*
   It costs more than a window ever admits.
   */
  SENDGATE_VERDICT_KIND_NEVER_FITS = 3,
  /*
   The account may not send for now.
   */
  SENDGATE_VERDICT_KIND_SUSPENDED = 4,
  /*
   The account may not send any more.
   */
  SENDGATE_VERDICT_KIND_CLOSED = 5,
} SendgateVerdictKind;

/*
 What a dimension of a gate limits.
 */
typedef enum {
  /*
   One API key.
   */
  SENDGATE_SCOPE_KEY = 0,
  /*
   All keys of an account together: its plan.
   */
  SENDGATE_SCOPE_PLAN = 1,
  /*
   All messages of an account.
   */
  SENDGATE_SCOPE_ACCOUNT = 2,
  /*
   One provider account.
   */
  SENDGATE_SCOPE_PROVIDER = 3,
  /*
   The receivers behind a group of recipient domains.
   */
  SENDGATE_SCOPE_DOMAIN_GROUP = 4,
  /*
   One class of messages.
   */
  SENDGATE_SCOPE_CLASS = 5,
} SendgateScope;

/*
 What a dimension of a gate counts.
 */
typedef enum {
  /*
   Calls.
   */
  SENDGATE_UNIT_REQUESTS = 0,
  /*
   Messages, whoever they are for.
   */
  SENDGATE_UNIT_MESSAGES = 1,
  /*
   Recipients.
   */
  SENDGATE_UNIT_RECIPIENTS = 2,
} SendgateUnit;

/*
 What a ledger says to units.
 */
typedef enum {
  /*
   They are reserved.
   */
  SENDGATE_RESERVED_KIND_RESERVED = 0,
  /*
   Too few are free in a period.
   */
  SENDGATE_RESERVED_KIND_FULL = 1,
  /*
   As many are over in a period as the policy allows, or these would be more.
   */
  SENDGATE_RESERVED_KIND_OVERDELIVERY_USED = 2,
  /*
   They are more than any period ever admits.
   */
  SENDGATE_RESERVED_KIND_TOO_LARGE = 3,
} SendgateReservedKind;

/*
 What a ledger's quota is counted over.
 */
typedef enum {
  /*
   A day of the time zone.
   */
  SENDGATE_PERIOD_DAY = 0,
  /*
   A month of it.
   */
  SENDGATE_PERIOD_MONTH = 1,
  /*
   A year of it.
   */
  SENDGATE_PERIOD_YEAR = 2,
} SendgatePeriod;

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
 What to do now.
 */
typedef enum {
  /*
   Nothing, before something is submitted or settled.
   */
  SENDGATE_NEXT_KIND_IDLE = 0,
  /*
   Ask again at `until`, or when something was submitted or settled.
   */
  SENDGATE_NEXT_KIND_WAIT = 1,
  /*
   Carry out `due`.
   */
  SENDGATE_NEXT_KIND_SEND = 2,
} SendgateNextKind;

/*
 When a connection to a mail server is encrypted.
 */
typedef enum {
  /*
   From the start.
   */
  SENDGATE_SECURITY_IMPLICIT = 0,
  /*
   By STARTTLS before anything is said that matters.
   */
  SENDGATE_SECURITY_START_TLS = 1,
  /*
   Never: on the loopback only.
   */
  SENDGATE_SECURITY_NONE = 2,
} SendgateSecurity;

/*
 The class of an answer.
 */
typedef enum {
  /*
   The provider took the message.
   */
  SENDGATE_OUTCOME_ACCEPTED = 0,
  /*
   Too fast: the same request will do later.
   */
  SENDGATE_OUTCOME_THROTTLED = 1,
  /*
   The provider failed in a way that passes.
   */
  SENDGATE_OUTCOME_TRANSIENT = 2,
  /*
   The provider's quota is used up until a later period.
   */
  SENDGATE_OUTCOME_QUOTA_SPENT = 3,
  /*
   The credential or the provider account is wrong.
   */
  SENDGATE_OUTCOME_CREDENTIALS_WRONG = 4,
  /*
   The provider does not let this sender send.
   */
  SENDGATE_OUTCOME_SENDER_REFUSED = 5,
  /*
   The provider keeps every recipient on its own suppression list.
   */
  SENDGATE_OUTCOME_RECIPIENT_SUPPRESSED = 6,
  /*
   This message will never be taken.
   */
  SENDGATE_OUTCOME_PERMANENTLY_REFUSED = 7,
  /*
   A call of several messages was refused as a whole: send each in a call of its own.
   */
  SENDGATE_OUTCOME_SPLIT = 8,
  /*
   The provider may or may not have taken it.
   */
  SENDGATE_OUTCOME_UNKNOWN = 9,
} SendgateOutcome;

/*
 Why a recipient was refused alone.
 */
typedef enum {
  /*
   It is on the provider's own suppression list.
   */
  SENDGATE_REFUSED_REASON_SUPPRESSED = 0,
  /*
   It was refused for good.
   */
  SENDGATE_REFUSED_REASON_PERMANENT = 1,
  /*
   It was not taken now.
   */
  SENDGATE_REFUSED_REASON_TRANSIENT = 2,
} SendgateRefusedReason;

/*
 What a report turned out to be.
 */
typedef enum {
  /*
   Verified events, perhaps none.
   */
  SENDGATE_REPORT_KIND_EVENTS = 0,
  /*
   Fetch the certificate at `url`, whose host and path were checked, and ask again with it.
   */
  SENDGATE_REPORT_KIND_NEEDS_CERTIFICATE = 1,
  /*
   A verified request to confirm a subscription: fetch `url`, whose host was checked.
   */
  SENDGATE_REPORT_KIND_CONFIRM = 2,
} SendgateReportKind;

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
 Whether an account may send.
 */
typedef enum {
  /*
   It may.
   */
  SENDGATE_ACCOUNT_STATUS_ACTIVE = 0,
  /*
   It may not for now.
   */
  SENDGATE_ACCOUNT_STATUS_SUSPENDED = 1,
  /*
   It may not any more.
   */
  SENDGATE_ACCOUNT_STATUS_CLOSED = 2,
} SendgateAccountStatus;

/*
 What became of a request that a transport was to carry.
 */
typedef enum {
  /*
   It was answered.
   */
  SENDGATE_CARRIED_ANSWERED = 0,
  /*
   The provider surely has not got it.
   */
  SENDGATE_CARRIED_NOT_SENT = 1,
  /*
   It may have left.
   */
  SENDGATE_CARRIED_MAYBE_SENT = 2,
} SendgateCarried;

/*
 Why a call failed. Read it with sendgate_error_code, sendgate_error_text and sendgate_error_data.
 */
typedef struct SendgateError SendgateError;

/*
 Several dimensions, each with its windows, and their states.
 */
typedef struct SendgateGate SendgateGate;

/*
 The quotas of one account, and what is in use of them.
 */
typedef struct SendgateLedger SendgateLedger;

/*
 A limiter and its state.
 */
typedef struct SendgateLimiter SendgateLimiter;

/*
 One policy, many keys, and their states.
 */
typedef struct SendgateLimiters SendgateLimiters;

/*
 The outbox of an application, on a SQLite file, for several threads and several processes on one file.
 */
typedef struct SendgateMailroom SendgateMailroom;

/*
 A provider with its settings.
 */
typedef struct SendgateProvider SendgateProvider;

/*
 Where a transport puts the answer.
 */
typedef struct SendgateReply SendgateReply;

/*
 An exact set of suppressed addresses, in about seven bytes each, without the addresses themselves.
 */
typedef struct SendgateSuppressions SendgateSuppressions;

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

/*
 One fault of one field of a message.
 */
typedef struct {
  /*
   The path of the field, such as "attachments[3].content".
   */
  const char *field;
  /*
   The stable word for the fault.
   */
  const char *code;
  /*
   A sentence for people, with the bound.
   */
  const char *detail;
} SendgateFieldFault;

/*
 What an error knows beside its word: what its kind has not is NULL, false or 0.
 */
typedef struct {
  /*
   The error's number: the status that the call returned.
   */
  SendgateStatus status;
  /*
   Rate limited, quota exceeded: whether waiting helps.
   */
  bool has_retry_at;
  /*
   The first instant at which the same submission will do.
   */
  uint64_t retry_at;
  /*
   Rate limited: the window that is full.
   */
  const char *window;
  /*
   Quota exceeded: "day", "month" or "year".
   */
  const char *period;
  /*
   Unsupported feature: what.
   */
  const char *feature;
  /*
   Unsupported feature: who lacks it.
   */
  const char *provider;
  /*
   Invalid message: every fault.
   */
  const SendgateFieldFault *faults;
  /*
   How many.
   */
  size_t fault_count;
} SendgateErrorData;

/*
 A gate's answer.
 */
typedef struct {
  /*
   Which answer it is.
   */
  SendgateVerdictKind kind;
  /*
   Defer, occupied, never fits: the dimension that says so, counted from 0. Else 0.
   */
  uint32_t dimension;
  /*
   The window of it, counted from 0. Else 0.
   */
  uint32_t window;
  /*
   Defer: the first instant at which the same question is allowed, when nothing else happens. Else 0.
   */
  uint64_t retry_at;
} SendgateVerdict;

/*
 Where one window of one dimension of a gate stands.
 */
typedef struct {
  /*
   What the dimension limits.
   */
  SendgateScope scope;
  /*
   What it counts.
   */
  SendgateUnit unit;
  /*
   Which one of its scope.
   */
  const char *name;
  /*
   The window's name.
   */
  const char *window;
  /*
   The most units it admits.
   */
  uint32_t limit;
  /*
   Units in use, those on their way among them.
   */
  uint32_t used;
  /*
   Units still free.
   */
  uint32_t remaining;
  /*
   How many more of the question asked about fit.
   */
  uint32_t slack;
  /*
   The first instant at which more is free.
   */
  uint64_t next_at;
  /*
   The first instant at which all is free.
   */
  uint64_t full_at;
  /*
   Whether it is the one that decides.
   */
  bool is_binding;
} SendgateStanding;

/*
 Where all windows of a gate stand. Its pointers live as long as it.
 */
typedef struct {
  /*
   One for each window, dimension by dimension.
   */
  const SendgateStanding *standings;
  /*
   How many.
   */
  size_t count;
} SendgateStandings;

/*
 Bytes: a key, a body, a saved state. `data` may be NULL when `length` is 0.
 */
typedef struct {
  /*
   The first one.
   */
  const uint8_t *data;
  /*
   How many.
   */
  size_t length;
} SendgateBytes;

/*
 A ledger's answer.
 */
typedef struct {
  /*
   Which answer it is.
   */
  SendgateReservedKind kind;
  /*
   Reserved: what the reservation prints, to be stored with the message. Else empty.
   */
  char reservation[48];
  /*
   Else: the word for why not, such as "quota_daily". It lives as long as the library.
   */
  const char *code;
  /*
   Else: the period of the quota that stands longest in the way.
   */
  SendgatePeriod period;
  /*
   Else: units that are free in it.
   */
  uint64_t free;
  /*
   Else: whether waiting helps.
   */
  bool has_retry_at;
  /*
   The first instant at which the same units fit, when nothing else happens.
   */
  uint64_t retry_at;
} SendgateReserved;

/*
 How one quota of a ledger stands.
 */
typedef struct {
  /*
   What it is counted over.
   */
  SendgatePeriod period;
  /*
   Its limit.
   */
  uint64_t limit;
  /*
   Units accepted and not yet handed over.
   */
  uint64_t reserved;
  /*
   Units handed over.
   */
  uint64_t committed;
  /*
   Units accepted and given back.
   */
  uint64_t released;
  /*
   Units that may still be reserved without being over.
   */
  uint64_t free;
  /*
   Units in use beyond the limit.
   */
  uint64_t over;
  /*
   The start of the current period.
   */
  uint64_t starts_at;
  /*
   The end of the current period.
   */
  uint64_t resets_at;
} SendgateQuotaUsage;

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
 A secret by its name.
 */
typedef struct {
  /*
   What the configuration calls it.
   */
  const char *name;
  /*
   What it is.
   */
  const char *value;
} SendgateSecret;

/*
 A header field.
 */
typedef struct {
  /*
   Its name.
   */
  const char *name;
  /*
   Its value.
   */
  const char *value;
} SendgateHeader;

/*
 An HTTP request to carry out. Follow no redirect.
 */
typedef struct {
  /*
   The method.
   */
  const char *method;
  /*
   The whole URL.
   */
  const char *url;
  /*
   Header fields; no name comes twice.
   */
  const SendgateHeader *headers;
  /*
   How many.
   */
  size_t header_count;
  /*
   The body.
   */
  SendgateBytes body;
} SendgateHttpRequest;

/*
 Carries an HTTP request out within `timeout_ms` altogether, puts the answer into `reply` with sendgate_reply_set and
 returns a SendgateCarried. It is called from threads of Sendgate's own, several at once; what it is given lives through
 the call. It must not throw, or jump out, and must not call sendgate_mailroom_stop, _drain or _free. Any other number,
 and an answer that was not put there, means that the request may have left. Mails to mail servers are carried by
 Sendgate itself.
 */
typedef uint32_t (*SendgateTransport)(void *transport_data,
                                      const SendgateHttpRequest *request,
                                      uint64_t timeout_ms,
                                      SendgateReply *reply);

/*
 How a Mailroom is opened. Begin with zeros.
 */
typedef struct {
  /*
   The file.
   */
  const char *path;
  /*
   One account's configuration, in which only `providers` has to be there.
   */
  const char *account_json;
  /*
   Values of the names that the configuration calls `credential`; NULL for environment variables.
   */
  const SendgateSecret *secrets;
  /*
   How many.
   */
  size_t secret_count;
  /*
   How long a process that delivers is waited for after its last sign of life; 0 for the usual time.
   */
  uint64_t lease_ms;
  /*
   Carries HTTP requests; NULL for Sendgate's own client.
   */
  SendgateTransport transport;
  /*
   Given to it as it is.
   */
  void *transport_data;
} SendgateMailroomOptions;

/*
 What became of one submitted message.
 */
typedef struct {
  /*
   Its id; NULL when it was refused.
   */
  const char *message_id;
  /*
   "queued", "suppressed" or "refused".
   */
  const char *status;
  /*
   The stable word for why it was refused, or NULL.
   */
  const char *code;
  /*
   What is wrong with it, field by field.
   */
  const SendgateFieldFault *faults;
  /*
   How many.
   */
  size_t fault_count;
  /*
   Words for what is not wrong but worth knowing.
   */
  const char *const *warnings;
  /*
   How many.
   */
  size_t warning_count;
} SendgateReceipt;

/*
 What became of submitted messages, in their order. Its pointers live as long as it.
 */
typedef struct {
  /*
   One for each message.
   */
  const SendgateReceipt *receipts;
  /*
   How many.
   */
  size_t count;
} SendgateReceipts;

/*
 A mail to hand to a mail server.
 */
typedef struct {
  /*
   The server's name.
   */
  const char *host;
  /*
   Its port.
   */
  uint16_t port;
  /*
   When the connection is encrypted.
   */
  SendgateSecurity security;
  /*
   User name; NULL when the server asks for none.
   */
  const char *user;
  /*
   Password; NULL when the server asks for none.
   */
  const char *password;
  /*
   The name that the client gives itself.
   */
  const char *hello;
  /*
   The reverse path: where bounces go.
   */
  const char *sender;
  /*
   Every recipient once, bcc included.
   */
  const char *const *recipients;
  /*
   How many.
   */
  size_t recipient_count;
  /*
   Whether the server has to know SMTPUTF8.
   */
  bool needs_smtputf8;
  /*
   The mail with CRLF line ends, not dot-stuffed.
   */
  SendgateBytes data;
} SendgateSmtpRequest;

/*
 What to carry out. The other pointer is NULL.
 */
typedef struct {
  /*
   An HTTP request.
   */
  const SendgateHttpRequest *http;
  /*
   A mail.
   */
  const SendgateSmtpRequest *smtp;
} SendgateCall;

/*
 A call to carry out. Its pointers live as long as it; free it with sendgate_due_free.
 */
typedef struct {
  /*
   What to carry out.
   */
  const SendgateCall *call;
  /*
   The message, or the first one of several.
   */
  const char *message_id;
  /*
   Give up after so many milliseconds.
   */
  uint64_t timeout_ms;
  /*
   1 for its first attempt.
   */
  uint32_t attempt;
} SendgateDue;

/*
 What to do now, for a host that delivers itself.
 */
typedef struct {
  /*
   What to do.
   */
  SendgateNextKind kind;
  /*
   Wait: until when. Else 0.
   */
  uint64_t until;
  /*
   Send: the call. Else NULL.
   */
  SendgateDue *due;
} SendgateNext;

/*
 An HTTP answer.
 */
typedef struct {
  /*
   The status.
   */
  uint16_t status;
  /*
   Header fields; NULL when there is none.
   */
  const SendgateHeader *headers;
  /*
   How many.
   */
  size_t header_count;
  /*
   The body.
   */
  SendgateBytes body;
} SendgateHttpResponse;

/*
 What a provider's calls need; which of it, is the provider's to say. What is not given is NULL.
 */
typedef struct {
  /*
   Its key or token; parts stand with colons between them.
   */
  const char *credential;
  /*
   Where its API is, when not at the usual place.
   */
  const char *base_url;
  /*
   Mailgun's sending domain.
   */
  const char *domain;
  /*
   Cloudflare's account id.
   */
  const char *account_id;
  /*
   The AWS region, where the base URL does not name it.
   */
  const char *region;
} SendgateProviderSettings;

/*
 A recipient that was refused alone.
 */
typedef struct {
  /*
   The address.
   */
  const char *address;
  /*
   Why.
   */
  SendgateRefusedReason reason;
} SendgateRefused;

/*
 What a provider's answer means. Its pointers live as long as it.
 */
typedef struct {
  /*
   The class.
   */
  SendgateOutcome outcome;
  /*
   The class as its stable word.
   */
  const char *outcome_word;
  /*
   Whether the provider named the first instant at which it allows another attempt.
   */
  bool has_retry_at;
  /*
   That instant; else 0.
   */
  uint64_t retry_at;
  /*
   The status; 0 when no answer came.
   */
  uint16_t status;
  /*
   The provider's own id of the message, or NULL.
   */
  const char *provider_message_id;
  /*
   The provider's own stable word or number for it, or NULL.
   */
  const char *provider_code;
  /*
   Recipients that were refused alone.
   */
  const SendgateRefused *refused;
  /*
   How many.
   */
  size_t refused_count;
} SendgateAnswer;

/*
 A provider's report as it came, and what it is believed by. What is not given is NULL.
 */
typedef struct {
  /*
   Header fields.
   */
  const SendgateHeader *headers;
  /*
   How many.
   */
  size_t header_count;
  /*
   The body, not a byte changed.
   */
  SendgateBytes body;
  /*
   What the provider signs with, several while one is replaced.
   */
  const char *const *secrets;
  /*
   How many.
   */
  size_t secret_count;
  /*
   The field that carries the secret where nothing is signed; Basic credentials otherwise.
   */
  const char *header;
  /*
   The SNS topics that are expected.
   */
  const char *const *topics;
  /*
   How many.
   */
  size_t topic_count;
  /*
   Certificates in PEM that an SNS signing certificate must descend from.
   */
  const char *roots;
  /*
   How far the signed instant may lie from now; the provider's own figure when NULL.
   */
  const uint64_t *tolerance_ms;
  /*
   The URL that a report asked for a certificate from.
   */
  const char *certificate_url;
  /*
   The certificate in PEM that was there.
   */
  const char *certificate_pem;
} SendgateWebhook;

/*
 One thing that happened to one message and one recipient. Words are those of the wheel and of the API.
 */
typedef struct {
  /*
   Who tells it.
   */
  const char *provider;
  /*
   What happened: "delivered", "bounced", "complained" and so on.
   */
  const char *kind;
  /*
   The same for every delivery of the same event, and no other's.
   */
  const char *key;
  /*
   When it happened.
   */
  uint64_t at;
  /*
   The provider's id of the message, or NULL.
   */
  const char *provider_message_id;
  /*
   The caller's id of the message, or NULL.
   */
  const char *message_id;
  /*
   The recipient's address, or NULL.
   */
  const char *recipient;
  /*
   What a refusal means: "hard", "soft", "block" and so on, or NULL.
   */
  const char *bounce_class;
  /*
   The provider's own list refused the recipient: nothing new is known of the address.
   */
  bool is_echo;
  /*
   The event may be another recipient's.
   */
  bool is_candidate;
} SendgateEvent;

/*
 A verified report. Its pointers live as long as it.
 */
typedef struct {
  /*
   What it is.
   */
  SendgateReportKind kind;
  /*
   The URL to fetch; NULL for events.
   */
  const char *url;
  /*
   Events.
   */
  const SendgateEvent *events;
  /*
   How many.
   */
  size_t event_count;
} SendgateReport;

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
 The error's stable word, such as "out_of_range". It lives as long as the error; NULL for NULL.
 */
const char *sendgate_error_code(const SendgateError *error);

/*
 The error in a sentence, without an address or a key in it. It lives as long as the error; NULL for NULL.
 */
const char *sendgate_error_text(const SendgateError *error);

/*
 The error's data: what of them its kind has. They live as long as the error; NULL for NULL.
 */
const SendgateErrorData *sendgate_error_data(const SendgateError *error);

/*
 Frees an error.
 */
void sendgate_error_free(SendgateError *error);

/*
 Makes a gate of a policy, {"dimensions":[{"scope","name","unit","windows":[...]}]}.

 Free it with sendgate_gate_free.
 */
SendgateStatus sendgate_gate_new(const char *policy_json,
                                 SendgateGate **gate,
                                 SendgateError **error);

/*
 Decides for all dimensions together, and charges each its cost or none anything. `costs` has one number for each
 dimension, in the policy's order; `status` is a SendgateAccountStatus.
 */
SendgateStatus sendgate_gate_decide(const SendgateGate *gate,
                                    uint32_t status,
                                    const uint32_t *costs,
                                    size_t cost_count,
                                    uint64_t now,
                                    SendgateVerdict *verdict,
                                    SendgateError **error);

/*
 The verdict that sendgate_gate_decide would give, charging nothing. `held` are units on their way, one number for each
 dimension, or NULL.
 */
SendgateStatus sendgate_gate_peek(const SendgateGate *gate,
                                  uint32_t status,
                                  const uint32_t *costs,
                                  const uint32_t *held,
                                  size_t cost_count,
                                  uint64_t now,
                                  SendgateVerdict *verdict,
                                  SendgateError **error);

/*
 Writes where every window stands at `now`, and which one binds: what sendgate_gate_peek decides by.

 Free it with sendgate_standings_free.
 */
SendgateStatus sendgate_gate_explain(const SendgateGate *gate,
                                     uint32_t status,
                                     const uint32_t *costs,
                                     const uint32_t *held,
                                     size_t cost_count,
                                     uint64_t now,
                                     SendgateStandings **standings,
                                     SendgateError **error);

/*
 Frees what sendgate_gate_explain wrote.
 */
void sendgate_standings_free(SendgateStandings *standings);

/*
 Records units of one dimension that left anyway, and writes the instant they count from.
 */
SendgateStatus sendgate_gate_charge(const SendgateGate *gate,
                                    size_t dimension,
                                    uint32_t cost,
                                    uint64_t now,
                                    uint64_t *charged_at,
                                    SendgateError **error);

/*
 Writes the bytes of one dimension's state, as sendgate_limiter_state does.
 */
SendgateStatus sendgate_gate_state(const SendgateGate *gate,
                                   size_t dimension,
                                   uint8_t *bytes,
                                   size_t capacity,
                                   size_t *length,
                                   SendgateError **error);

/*
 Goes on from a stored state of one dimension.
 */
SendgateStatus sendgate_gate_load(const SendgateGate *gate,
                                  size_t dimension,
                                  SendgateBytes state,
                                  SendgateError **error);

/*
 Frees a gate.
 */
void sendgate_gate_free(SendgateGate *gate);

/*
 Makes a ledger of a policy in which nothing is in use: {"quotas":[{"period":"day","limit":100}],
 "time_zone":"Europe/Rome","overdelivery":"block"}. A period is "day", "month" or "year". The time zone is UTC when it is
 left out; overdelivery is "block", which is the usual one, "allow_and_count" or {"allow_up_to":units}.

 Free it with sendgate_ledger_free.
 */
SendgateStatus sendgate_ledger_new(const char *policy_json,
                                   SendgateLedger **ledger,
                                   SendgateError **error);

/*
 Takes `units` from every quota, or from none.
 */
SendgateStatus sendgate_ledger_reserve(const SendgateLedger *ledger,
                                       uint64_t units,
                                       uint64_t now,
                                       SendgateReserved *reserved,
                                       SendgateError **error);

/*
 Turns reserved units into committed ones: they have been handed over. `reservation` is what sendgate_ledger_reserve
 wrote; at most its own units are meant, so that UINT64_MAX is all of them.
 */
SendgateStatus sendgate_ledger_commit(const SendgateLedger *ledger,
                                      const char *reservation,
                                      uint64_t units,
                                      uint64_t now,
                                      SendgateError **error);

/*
 Gives reserved units back: they will not be handed over. As sendgate_ledger_commit.
 */
SendgateStatus sendgate_ledger_release(const SendgateLedger *ledger,
                                       const char *reservation,
                                       uint64_t units,
                                       uint64_t now,
                                       SendgateError **error);

/*
 Writes how each quota stands in the period that holds `now`, and how many there are: 3 at most.

 With less `capacity` than quotas it writes only `count`, and the status is SENDGATE_STATUS_BUFFER_TOO_SMALL.
 */
SendgateStatus sendgate_ledger_usage(const SendgateLedger *ledger,
                                     uint64_t now,
                                     SendgateQuotaUsage *usage,
                                     size_t capacity,
                                     size_t *count,
                                     SendgateError **error);

/*
 Writes the ledger's bytes, as sendgate_limiter_state does. Its policy is not in them.
 */
SendgateStatus sendgate_ledger_state(const SendgateLedger *ledger,
                                     uint8_t *bytes,
                                     size_t capacity,
                                     size_t *length,
                                     SendgateError **error);

/*
 Goes on from a stored ledger, which may have been kept under another policy: nothing is freed by that.
 */
SendgateStatus sendgate_ledger_load(const SendgateLedger *ledger,
                                    SendgateBytes state,
                                    SendgateError **error);

/*
 Frees a ledger.
 */
void sendgate_ledger_free(SendgateLedger *ledger);

/*
 Makes a limiter of a policy, {"windows":[...]}, that has seen nothing yet.

 Free it with sendgate_limiter_free.
 */
SendgateStatus sendgate_limiter_new(const char *policy_json,
                                    SendgateLimiter **limiter,
                                    SendgateError **error);

/*
 The same for one thread at a time: a decision then costs no lock, which is the half of it. All functions work on it.

 Threads may hand it over to each other, but two calls at once are a bug of the caller's, and undefined. A debug build of
 the library notices most of them: the status is SENDGATE_STATUS_INVALID_ARGUMENT and the code "in_use".

 Free it with sendgate_limiter_free.
 */
SendgateStatus sendgate_limiter_new_unshared(const char *policy_json,
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
 Decides `count` times in order, with a cost each, all at the same `now`: much cheaper than one by one. `decisions` has
 room for `count`.
 */
SendgateStatus sendgate_limiter_decide_many(const SendgateLimiter *limiter,
                                            const uint32_t *costs,
                                            size_t count,
                                            uint64_t now,
                                            SendgateDecision *decisions,
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
 Makes a table of a policy, {"windows":[...]}, without keys. `most_keys` bounds it, or is 0: a further key is deferred
 or refused until sendgate_limiters_evict has made room, because nothing is forgotten that counts.

 Free it with sendgate_limiters_free.
 */
SendgateStatus sendgate_limiters_new(const char *policy_json,
                                     size_t most_keys,
                                     SendgateLimiters **limiters,
                                     SendgateError **error);

/*
 Decides whether `cost` units of a key may leave at `now` and, on an allow, charges them. A key is any bytes.
 */
SendgateStatus sendgate_limiters_decide(const SendgateLimiters *limiters,
                                        SendgateBytes key,
                                        uint32_t cost,
                                        uint64_t now,
                                        SendgateDecision *decision,
                                        SendgateError **error);

/*
 The decision that sendgate_limiters_decide would give, charging nothing.
 */
SendgateStatus sendgate_limiters_peek(const SendgateLimiters *limiters,
                                      SendgateBytes key,
                                      uint32_t cost,
                                      uint64_t now,
                                      SendgateDecision *decision,
                                      SendgateError **error);

/*
 Whether `cost` units of each of `count` keys may leave at `now`, in their order, each charged if it may: much cheaper
 than one by one. `admitted` has room for `count`.
 */
SendgateStatus sendgate_limiters_admit_many(const SendgateLimiters *limiters,
                                            const SendgateBytes *keys,
                                            size_t count,
                                            uint32_t cost,
                                            uint64_t now,
                                            bool *admitted,
                                            SendgateError **error);

/*
 Takes back units of a key that were charged at `charged_at`.
 */
SendgateStatus sendgate_limiters_refund(const SendgateLimiters *limiters,
                                        SendgateBytes key,
                                        uint32_t cost,
                                        uint64_t charged_at,
                                        uint64_t now,
                                        SendgateError **error);

/*
 Writes what each window of a key holds, as sendgate_limiter_usage does.
 */
SendgateStatus sendgate_limiters_usage(const SendgateLimiters *limiters,
                                       SendgateBytes key,
                                       uint64_t now,
                                       SendgateUsage *usage,
                                       size_t capacity,
                                       size_t *count,
                                       SendgateError **error);

/*
 Writes the bytes of a key's state, as sendgate_limiter_state does: a limiter of the same policy can load them.
 */
SendgateStatus sendgate_limiters_state(const SendgateLimiters *limiters,
                                       SendgateBytes key,
                                       uint8_t *bytes,
                                       size_t capacity,
                                       size_t *length,
                                       SendgateError **error);

/*
 Goes on from a stored state of a key; `loaded` is false when the table is full.
 */
SendgateStatus sendgate_limiters_load(const SendgateLimiters *limiters,
                                      SendgateBytes key,
                                      SendgateBytes state,
                                      bool *loaded,
                                      SendgateError **error);

/*
 Forgets keys in whose windows nothing is in use, looking at `most` of them, and writes how many it forgot.
 */
SendgateStatus sendgate_limiters_evict(const SendgateLimiters *limiters,
                                       size_t most,
                                       uint64_t now,
                                       size_t *forgotten,
                                       SendgateError **error);

/*
 Writes how many keys are held.
 */
SendgateStatus sendgate_limiters_count(const SendgateLimiters *limiters,
                                       size_t *count,
                                       SendgateError **error);

/*
 Frees a table.
 */
void sendgate_limiters_free(SendgateLimiters *limiters);

/*
 Opens the file, and creates it when there is none. What the options point to has to live through the call only, but
 for the transport and its data, which are used until sendgate_mailroom_free has returned.

 Free it with sendgate_mailroom_free.
 */
SendgateStatus sendgate_mailroom_open(const SendgateMailroomOptions *options,
                                      SendgateMailroom **mailroom,
                                      SendgateError **error);

/*
 Stores `count` messages, each as JSON text, for delivery, all under one request's limits, and writes what became of
 each. The same idempotency key with the same messages gets the same receipts for 24 hours; it may be NULL.

 Free the receipts with sendgate_receipts_free.
 */
SendgateStatus sendgate_mailroom_submit(const SendgateMailroom *mailroom,
                                        const char *const *messages_json,
                                        size_t count,
                                        const char *idempotency_key,
                                        SendgateReceipts **receipts,
                                        SendgateError **error);

/*
 Delivers in the background until sendgate_mailroom_stop; writes false when it does so already.
 */
SendgateStatus sendgate_mailroom_run(const SendgateMailroom *mailroom,
                                     bool *started,
                                     SendgateError **error);

/*
 Ends the delivery in the background when the calls under way are settled.
 */
SendgateStatus sendgate_mailroom_stop(const SendgateMailroom *mailroom, SendgateError **error);

/*
 Delivers until no message waits or is on its way, by whichever process, or for `timeout_ms`; writes whether none is
 left.
 */
SendgateStatus sendgate_mailroom_drain(const SendgateMailroom *mailroom,
                                       uint64_t timeout_ms,
                                       bool *is_empty,
                                       SendgateError **error);

/*
 Writes where a message is and how it came there, as the API's GET /v1/messages/{id} tells it; NULL when there is none
 of this id.

 Free it with sendgate_string_free.
 */
SendgateStatus sendgate_mailroom_trace(const SendgateMailroom *mailroom,
                                       const char *message_id,
                                       char **trace_json,
                                       SendgateError **error);

/*
 Writes what is in use of each quota, as the API's GET /v1/usage tells it.

 Free it with sendgate_string_free.
 */
SendgateStatus sendgate_mailroom_usage(const SendgateMailroom *mailroom,
                                       char **usage_json,
                                       SendgateError **error);

/*
 Writes every limit and where it stands, as the API's GET /v1/limits tells it.

 Free it with sendgate_string_free.
 */
SendgateStatus sendgate_mailroom_limits(const SendgateMailroom *mailroom,
                                        char **limits_json,
                                        SendgateError **error);

/*
 Writes what to do now, for a host that delivers itself. A due call has to be settled, or carried, and then freed.
 */
SendgateStatus sendgate_mailroom_next(const SendgateMailroom *mailroom,
                                      SendgateNext *next,
                                      SendgateError **error);

/*
 Tells what became of a due call's request. `carried` is a SendgateCarried; `response` is the answer, and NULL when there
 is none.
 */
SendgateStatus sendgate_mailroom_settle(const SendgateMailroom *mailroom,
                                        const SendgateDue *due,
                                        uint32_t carried,
                                        const SendgateHttpResponse *response,
                                        SendgateError **error);

/*
 Carries a due call with the Mailroom's own transport, and settles it.
 */
SendgateStatus sendgate_mailroom_carry(const SendgateMailroom *mailroom,
                                       const SendgateDue *due,
                                       SendgateError **error);

/*
 Stops the delivery, waits for the calls under way, and frees the Mailroom. No other thread may use it any more.
 */
void sendgate_mailroom_free(SendgateMailroom *mailroom);

/*
 Puts an answer into a transport's reply: everything is copied. The last one counts.
 */
SendgateStatus sendgate_reply_set(SendgateReply *reply,
                                  const SendgateHttpResponse *response,
                                  SendgateError **error);

/*
 Frees a due call.
 */
void sendgate_due_free(SendgateDue *due);

/*
 Frees receipts.
 */
void sendgate_receipts_free(SendgateReceipts *receipts);

/*
 Makes a provider of its word, such as "resend".

 Free it with sendgate_provider_free.
 */
SendgateStatus sendgate_provider_new(const char *kind,
                                     const SendgateProviderSettings *settings,
                                     SendgateProvider **provider,
                                     SendgateError **error);

/*
 Makes the call that hands a message, as JSON text, to the provider. `message_id` is the caller's own id of it, up to
 256 visible ASCII characters: the idempotency key where there is one. The same arguments give the same bytes.

 Free it with sendgate_call_free.
 */
SendgateStatus sendgate_provider_build(const SendgateProvider *provider,
                                       const char *message_json,
                                       const char *message_id,
                                       uint64_t now,
                                       SendgateCall **call,
                                       SendgateError **error);

/*
 Makes the call that hands `count` messages, each with its id, to the provider at once. The code is "not_together" when
 they cannot share a call.

 Free it with sendgate_call_free.
 */
SendgateStatus sendgate_provider_build_batch(const SendgateProvider *provider,
                                             const char *const *messages_json,
                                             const char *const *message_ids,
                                             size_t count,
                                             uint64_t now,
                                             SendgateCall **call,
                                             SendgateError **error);

/*
 Says what an HTTP answer means. Any answer has a meaning.

 Free it with sendgate_answer_free.
 */
SendgateStatus sendgate_provider_classify(const SendgateProvider *provider,
                                          const SendgateHttpResponse *response,
                                          uint64_t now,
                                          SendgateAnswer **answer,
                                          SendgateError **error);

/*
 Says what an HTTP answer to a call of `count` messages means for each of them, in `answers`, which has room for
 `count` pointers.

 Free each with sendgate_answer_free.
 */
SendgateStatus sendgate_provider_classify_batch(const SendgateProvider *provider,
                                                const SendgateHttpResponse *response,
                                                size_t count,
                                                uint64_t now,
                                                SendgateAnswer **answers,
                                                SendgateError **error);

/*
 Verifies a provider's report and reads its events. When it fails, nothing of the request may be believed.

 Free it with sendgate_report_free.
 */
SendgateStatus sendgate_provider_parse_webhook(const SendgateProvider *provider,
                                               const SendgateWebhook *webhook,
                                               uint64_t now,
                                               SendgateReport **report,
                                               SendgateError **error);

/*
 Frees a provider. What was made with it stays.
 */
void sendgate_provider_free(SendgateProvider *provider);

/*
 Frees a call that sendgate_provider_build wrote.
 */
void sendgate_call_free(SendgateCall *call);

/*
 Frees an answer.
 */
void sendgate_answer_free(SendgateAnswer *answer);

/*
 Frees a report.
 */
void sendgate_report_free(SendgateReport *report);

/*
 Makes a set of `count` addresses. `key` is 16 secret random bytes, which belong to the saved bytes.

 Free it with sendgate_suppressions_free.
 */
SendgateStatus sendgate_suppressions_new(SendgateBytes key,
                                         const char *const *addresses,
                                         size_t count,
                                         SendgateSuppressions **suppressions,
                                         SendgateError **error);

/*
 Goes on from bytes that sendgate_suppressions_save wrote, which are checked as a whole.

 Free it with sendgate_suppressions_free.
 */
SendgateStatus sendgate_suppressions_load(SendgateBytes key,
                                          SendgateBytes saved,
                                          SendgateSuppressions **suppressions,
                                          SendgateError **error);

/*
 Writes the set's bytes and their length, as sendgate_limiter_state does. Whoever has them and the key can test a guess.
 */
SendgateStatus sendgate_suppressions_save(const SendgateSuppressions *suppressions,
                                          uint8_t *bytes,
                                          size_t capacity,
                                          size_t *length,
                                          SendgateError **error);

/*
 Adds an address; writes whether it was not there before.
 */
SendgateStatus sendgate_suppressions_add(const SendgateSuppressions *suppressions,
                                         const char *address,
                                         bool *is_new,
                                         SendgateError **error);

/*
 Takes an address out; writes whether it was there.
 */
SendgateStatus sendgate_suppressions_remove(const SendgateSuppressions *suppressions,
                                            const char *address,
                                            bool *was_there,
                                            SendgateError **error);

/*
 Writes whether an address is suppressed.
 */
SendgateStatus sendgate_suppressions_contains(const SendgateSuppressions *suppressions,
                                              const char *address,
                                              bool *is_suppressed,
                                              SendgateError **error);

/*
 Writes whether each of `count` addresses is suppressed, in their order; faster than one by one.
 */
SendgateStatus sendgate_suppressions_contains_many(const SendgateSuppressions *suppressions,
                                                   const char *const *addresses,
                                                   size_t count,
                                                   bool *are_suppressed,
                                                   SendgateError **error);

/*
 Writes how many addresses are held.
 */
SendgateStatus sendgate_suppressions_count(const SendgateSuppressions *suppressions,
                                           size_t *count,
                                           SendgateError **error);

/*
 Frees a set.
 */
void sendgate_suppressions_free(SendgateSuppressions *suppressions);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* SENDGATE_H */
