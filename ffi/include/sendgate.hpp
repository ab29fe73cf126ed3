/*
 * sendgate.h for C++17: handles that free themselves and can only be moved, errors as exceptions. No logic is here; what
 * a call means is said in sendgate.h.
 *
 * Threads may share a handle, as in C: its methods are const but where they say otherwise. A struct of sendgate.h that is
 * given back lives as long as the handle that holds it.
 */
#ifndef SENDGATE_HPP
#define SENDGATE_HPP

#include "sendgate.h"

#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sendgate {

/// An instant: milliseconds since 1970, as many as sendgate.h has.
using Instant = std::chrono::time_point<std::chrono::system_clock, std::chrono::duration<std::uint64_t, std::milli>>;

/// An instant from sendgate.h's number.
inline Instant instant(std::uint64_t millis) { return Instant(Instant::duration(millis)); }

/// sendgate.h's number of an instant.
inline std::uint64_t millis(Instant at) { return at.time_since_epoch().count(); }

/// The same of the system clock's finer ones; 0 before 1970.
template <typename Duration>
std::uint64_t millis(std::chrono::time_point<std::chrono::system_clock, Duration> at) {
    const auto count = std::chrono::duration_cast<std::chrono::milliseconds>(at.time_since_epoch()).count();
    return count < 0 ? 0 : static_cast<std::uint64_t>(count);
}

/// The instant of a clock that counts from 1970, too.
template <typename Duration> Instant instant(std::chrono::time_point<std::chrono::system_clock, Duration> at) {
    return instant(millis(at));
}

/// The system's clock.
inline Instant now() { return instant(std::chrono::system_clock::now()); }

/// One fault of one field of a message.
struct FieldFault {
    std::string field, code, detail;
};

/// Why a call failed, with what its kind knows. what() is the error in a sentence.
class Error : public std::runtime_error {
  public:
    /// Takes the error over. NULL stands for one that the library could not tell of.
    Error(SendgateStatus status, SendgateError *error)
        : std::runtime_error(error == nullptr ? "sendgate failed" : sendgate_error_text(error)), status(status),
          code(error == nullptr ? "" : sendgate_error_code(error)) {
        const std::unique_ptr<SendgateError, decltype(&sendgate_error_free)> held(error, sendgate_error_free);
        const SendgateErrorData *data = sendgate_error_data(error);
        if (data == nullptr) return;
        if (data->has_retry_at) retry_at = instant(data->retry_at);
        window = text(data->window);
        period = text(data->period);
        feature = text(data->feature);
        provider = text(data->provider);
        for (std::size_t i = 0; i < data->fault_count; i++)
            faults.push_back({data->faults[i].field, data->faults[i].code, data->faults[i].detail});
    }

    /// The number, which never changes.
    SendgateStatus status;
    /// The stable word.
    std::string code;
    /// Rate limited, quota exceeded: the first instant at which the same submission will do.
    std::optional<Instant> retry_at;
    /// Rate limited: the window. Quota exceeded: the period. Unsupported feature: what, and who lacks it.
    std::optional<std::string> window, period, feature, provider;
    /// Invalid message: every fault.
    std::vector<FieldFault> faults;

  private:
    static std::optional<std::string> text(const char *text) {
        return text == nullptr ? std::nullopt : std::optional<std::string>(text);
    }
};

namespace detail {

/// Calls with a place for the error as the last argument, and throws it.
template <typename Function, typename... Arguments> void call(Function function, Arguments... arguments) {
    SendgateError *error = nullptr;
    const SendgateStatus status = function(arguments..., &error);
    if (status != SENDGATE_STATUS_OK) throw Error(status, error);
}

template <auto Free> struct Freed {
    template <typename T> void operator()(T *pointer) const noexcept { Free(pointer); }
};

/// A handle that frees itself.
template <typename T, auto Free> using Handle = std::unique_ptr<T, Freed<Free>>;

inline SendgateBytes bytes(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t *>(text.data()), text.size()};
}

inline SendgateBytes bytes(const std::vector<std::uint8_t> &bytes) { return {bytes.data(), bytes.size()}; }

/// The bytes that a function writes into a buffer, whose size it says first.
template <typename Write> std::vector<std::uint8_t> filled(Write write) {
    std::size_t length = 0;
    const SendgateStatus asked = write(static_cast<std::uint8_t *>(nullptr), std::size_t{0}, &length, static_cast<SendgateError **>(nullptr));
    std::vector<std::uint8_t> bytes(length);
    while (!bytes.empty() || asked != SENDGATE_STATUS_OK) {
        SendgateError *error = nullptr;
        const SendgateStatus status = write(bytes.data(), bytes.size(), &length, &error);
        if (status == SENDGATE_STATUS_OK) break;
        if (status != SENDGATE_STATUS_BUFFER_TOO_SMALL) throw Error(status, error);
        sendgate_error_free(error);
        bytes.resize(length);
    }
    bytes.resize(length);
    return bytes;
}

inline std::string taken(char *string) {
    const Handle<char, sendgate_string_free> held(string);
    return held == nullptr ? std::string() : std::string(held.get());
}

inline std::vector<const char *> pointers(const std::vector<std::string> &texts) {
    std::vector<const char *> all;
    for (const std::string &text : texts) all.push_back(text.c_str());
    return all;
}

} // namespace detail

using Decision = SendgateDecision;
using Usage = SendgateUsage;
using Verdict = SendgateVerdict;
using Standings = detail::Handle<SendgateStandings, sendgate_standings_free>;

/// Several windows, decided all at once, and their state.
class Limiter {
  public:
    explicit Limiter(std::string_view policy_json) {
        SendgateLimiter *made = nullptr;
        detail::call(sendgate_limiter_new, std::string(policy_json).c_str(), &made);
        handle_.reset(made);
    }
    /// For one thread at a time, without the lock that is half of what a decision costs.
    static Limiter unshared(std::string_view policy_json) {
        SendgateLimiter *made = nullptr;
        detail::call(sendgate_limiter_new_unshared, std::string(policy_json).c_str(), &made);
        return Limiter(made);
    }
    Decision decide(std::uint32_t cost, Instant now) const { return ask(sendgate_limiter_decide, cost, now); }
    Decision peek(std::uint32_t cost, Instant now) const { return ask(sendgate_limiter_peek, cost, now); }
    std::vector<Decision> decide_many(const std::vector<std::uint32_t> &costs, Instant now) const {
        std::vector<Decision> decisions(costs.size());
        detail::call(sendgate_limiter_decide_many, handle_.get(), costs.data(), costs.size(), millis(now), decisions.data());
        return decisions;
    }
    Instant charge(std::uint32_t cost, Instant now) const {
        std::uint64_t charged_at = 0;
        detail::call(sendgate_limiter_charge, handle_.get(), cost, millis(now), &charged_at);
        return instant(charged_at);
    }
    void refund(std::uint32_t cost, Instant charged_at, Instant now) const {
        detail::call(sendgate_limiter_refund, handle_.get(), cost, millis(charged_at), millis(now));
    }
    std::vector<Usage> usage(Instant now) const {
        std::vector<Usage> windows(8);
        std::size_t count = 0;
        detail::call(sendgate_limiter_usage, handle_.get(), millis(now), windows.data(), windows.size(), &count);
        windows.resize(count);
        return windows;
    }
    std::vector<std::uint8_t> state() const {
        return detail::filled([this](auto... to) { return sendgate_limiter_state(handle_.get(), to...); });
    }
    void load(const std::vector<std::uint8_t> &state) const {
        const std::uint8_t none = 0;
        detail::call(sendgate_limiter_load, handle_.get(), state.empty() ? &none : state.data(), state.size());
    }

  private:
    explicit Limiter(SendgateLimiter *made) : handle_(made) {}
    template <typename Function> Decision ask(Function function, std::uint32_t cost, Instant now) const {
        Decision decision{};
        detail::call(function, handle_.get(), cost, millis(now), &decision);
        return decision;
    }
    detail::Handle<SendgateLimiter, sendgate_limiter_free> handle_;
};

/// One policy, many keys.
class Limiters {
  public:
    explicit Limiters(std::string_view policy_json, std::size_t most_keys = 0) {
        SendgateLimiters *made = nullptr;
        detail::call(sendgate_limiters_new, std::string(policy_json).c_str(), most_keys, &made);
        handle_.reset(made);
    }
    Decision decide(std::string_view key, std::uint32_t cost, Instant now) const {
        Decision decision{};
        detail::call(sendgate_limiters_decide, handle_.get(), detail::bytes(key), cost, millis(now), &decision);
        return decision;
    }
    Decision peek(std::string_view key, std::uint32_t cost, Instant now) const {
        Decision decision{};
        detail::call(sendgate_limiters_peek, handle_.get(), detail::bytes(key), cost, millis(now), &decision);
        return decision;
    }
    void refund(std::string_view key, std::uint32_t cost, Instant charged_at, Instant now) const {
        detail::call(sendgate_limiters_refund, handle_.get(), detail::bytes(key), cost, millis(charged_at), millis(now));
    }
    std::vector<bool> admit_many(const std::vector<std::string> &keys, std::uint32_t cost, Instant now) const {
        std::vector<SendgateBytes> asked;
        for (const std::string &key : keys) asked.push_back(detail::bytes(key));
        const auto admitted = std::make_unique<bool[]>(keys.size());
        detail::call(sendgate_limiters_admit_many, handle_.get(), asked.data(), asked.size(), cost, millis(now), admitted.get());
        return std::vector<bool>(admitted.get(), admitted.get() + keys.size());
    }
    std::vector<Usage> usage(std::string_view key, Instant now) const {
        std::vector<Usage> windows(8);
        std::size_t count = 0;
        detail::call(sendgate_limiters_usage, handle_.get(), detail::bytes(key), millis(now), windows.data(), windows.size(), &count);
        windows.resize(count);
        return windows;
    }
    std::vector<std::uint8_t> state(std::string_view key) const {
        return detail::filled([&](auto... to) { return sendgate_limiters_state(handle_.get(), detail::bytes(key), to...); });
    }
    /// False when the table is full.
    bool load(std::string_view key, const std::vector<std::uint8_t> &state) const {
        bool loaded = false;
        detail::call(sendgate_limiters_load, handle_.get(), detail::bytes(key), detail::bytes(state), &loaded);
        return loaded;
    }
    std::size_t evict(Instant now, std::size_t most = SIZE_MAX) const {
        std::size_t forgotten = 0;
        detail::call(sendgate_limiters_evict, handle_.get(), most, millis(now), &forgotten);
        return forgotten;
    }
    std::size_t size() const {
        std::size_t count = 0;
        detail::call(sendgate_limiters_count, handle_.get(), &count);
        return count;
    }

  private:
    detail::Handle<SendgateLimiters, sendgate_limiters_free> handle_;
};

/// Several things that are limited, decided all at once.
class Gate {
  public:
    explicit Gate(std::string_view policy_json) {
        SendgateGate *made = nullptr;
        detail::call(sendgate_gate_new, std::string(policy_json).c_str(), &made);
        handle_.reset(made);
    }
    Verdict decide(const std::vector<std::uint32_t> &costs, Instant now,
                   SendgateAccountStatus status = SENDGATE_ACCOUNT_STATUS_ACTIVE) const {
        Verdict verdict{};
        detail::call(sendgate_gate_decide, handle_.get(), static_cast<std::uint32_t>(status), costs.data(), costs.size(),
                     millis(now), &verdict);
        return verdict;
    }

    /// As decide, charging nothing. `held` are units on their way, one number for each dimension, or none.
    Verdict peek(const std::vector<std::uint32_t> &costs, Instant now, const std::vector<std::uint32_t> &held = {},
                 SendgateAccountStatus status = SENDGATE_ACCOUNT_STATUS_ACTIVE) const {
        Verdict verdict{};
        detail::call(sendgate_gate_peek, handle_.get(), static_cast<std::uint32_t>(status), costs.data(), on_their_way(costs, held),
                     costs.size(), millis(now), &verdict);
        return verdict;
    }
    Standings explain(const std::vector<std::uint32_t> &costs, Instant now, const std::vector<std::uint32_t> &held = {},
                      SendgateAccountStatus status = SENDGATE_ACCOUNT_STATUS_ACTIVE) const {
        SendgateStandings *standings = nullptr;
        detail::call(sendgate_gate_explain, handle_.get(), static_cast<std::uint32_t>(status), costs.data(), on_their_way(costs, held),
                     costs.size(), millis(now), &standings);
        return Standings(standings);
    }
    Instant charge(std::size_t dimension, std::uint32_t cost, Instant now) const {
        std::uint64_t charged_at = 0;
        detail::call(sendgate_gate_charge, handle_.get(), dimension, cost, millis(now), &charged_at);
        return instant(charged_at);
    }
    std::vector<std::uint8_t> state(std::size_t dimension) const {
        return detail::filled([&](auto... to) { return sendgate_gate_state(handle_.get(), dimension, to...); });
    }
    void load(std::size_t dimension, const std::vector<std::uint8_t> &state) const {
        detail::call(sendgate_gate_load, handle_.get(), dimension, detail::bytes(state));
    }

  private:
    static const std::uint32_t *on_their_way(const std::vector<std::uint32_t> &costs, const std::vector<std::uint32_t> &held) {
        if (!held.empty() && held.size() != costs.size()) throw std::invalid_argument("held must be as many as costs, or none");
        return held.empty() ? nullptr : held.data();
    }
    detail::Handle<SendgateGate, sendgate_gate_free> handle_;
};

using Reserved = SendgateReserved;
using QuotaUsage = SendgateQuotaUsage;

/// The quotas of one account, and what is in use of them.
class Ledger {
  public:
    explicit Ledger(std::string_view policy_json) {
        SendgateLedger *made = nullptr;
        detail::call(sendgate_ledger_new, std::string(policy_json).c_str(), &made);
        handle_.reset(made);
    }
    Reserved reserve(std::uint64_t units, Instant now) const {
        Reserved reserved{};
        detail::call(sendgate_ledger_reserve, handle_.get(), units, millis(now), &reserved);
        return reserved;
    }
    /// All of the reservation's units when none are given.
    void commit(std::string_view reservation, Instant now, std::uint64_t units = UINT64_MAX) const {
        detail::call(sendgate_ledger_commit, handle_.get(), std::string(reservation).c_str(), units, millis(now));
    }
    void release(std::string_view reservation, Instant now, std::uint64_t units = UINT64_MAX) const {
        detail::call(sendgate_ledger_release, handle_.get(), std::string(reservation).c_str(), units, millis(now));
    }
    std::vector<QuotaUsage> usage(Instant now) const {
        std::vector<QuotaUsage> quotas(3);
        std::size_t count = 0;
        detail::call(sendgate_ledger_usage, handle_.get(), millis(now), quotas.data(), quotas.size(), &count);
        quotas.resize(count);
        return quotas;
    }
    std::vector<std::uint8_t> state() const {
        return detail::filled([this](auto... to) { return sendgate_ledger_state(handle_.get(), to...); });
    }
    void load(const std::vector<std::uint8_t> &state) const {
        detail::call(sendgate_ledger_load, handle_.get(), detail::bytes(state));
    }

  private:
    detail::Handle<SendgateLedger, sendgate_ledger_free> handle_;
};

/// An exact set of suppressed addresses. The key is 16 secret random bytes.
class Suppressions {
  public:
    explicit Suppressions(std::string_view key, const std::vector<std::string> &addresses = {}) {
        SendgateSuppressions *made = nullptr;
        const auto all = detail::pointers(addresses);
        detail::call(sendgate_suppressions_new, detail::bytes(key), all.data(), all.size(), &made);
        handle_.reset(made);
    }
    /// Goes on from what save gave.
    static Suppressions load(std::string_view key, const std::vector<std::uint8_t> &saved) {
        SendgateSuppressions *made = nullptr;
        detail::call(sendgate_suppressions_load, detail::bytes(key), detail::bytes(saved), &made);
        return Suppressions(made);
    }
    std::vector<bool> contains_many(const std::vector<std::string> &addresses) const {
        const auto all = detail::pointers(addresses);
        const auto found = std::make_unique<bool[]>(all.size());
        detail::call(sendgate_suppressions_contains_many, handle_.get(), all.data(), all.size(), found.get());
        return std::vector<bool>(found.get(), found.get() + all.size());
    }
    std::size_t size() const {
        std::size_t count = 0;
        detail::call(sendgate_suppressions_count, handle_.get(), &count);
        return count;
    }
    bool add(std::string_view address) const { return ask(sendgate_suppressions_add, address); }
    bool remove(std::string_view address) const { return ask(sendgate_suppressions_remove, address); }
    bool contains(std::string_view address) const { return ask(sendgate_suppressions_contains, address); }
    std::vector<std::uint8_t> save() const {
        return detail::filled([this](auto... to) { return sendgate_suppressions_save(handle_.get(), to...); });
    }

  private:
    explicit Suppressions(SendgateSuppressions *made) : handle_(made) {}
    template <typename Function> bool ask(Function function, std::string_view address) const {
        bool answer = false;
        detail::call(function, handle_.get(), std::string(address).c_str(), &answer);
        return answer;
    }
    detail::Handle<SendgateSuppressions, sendgate_suppressions_free> handle_;
};

using Call = detail::Handle<SendgateCall, sendgate_call_free>;
using Answer = detail::Handle<SendgateAnswer, sendgate_answer_free>;
using Report = detail::Handle<SendgateReport, sendgate_report_free>;
using Due = detail::Handle<SendgateDue, sendgate_due_free>;
using Receipts = detail::Handle<SendgateReceipts, sendgate_receipts_free>;

/// An HTTP answer.
struct Response {
    std::uint16_t status = 0;
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;

    /// Gives sendgate.h's view of it to a function, which must not keep it.
    template <typename Use> auto view(Use use) const {
        std::vector<SendgateHeader> fields;
        for (const auto &[name, value] : headers) fields.push_back({name.c_str(), value.c_str()});
        const SendgateHttpResponse shown{status, fields.data(), fields.size(), detail::bytes(body)};
        return use(&shown);
    }
};

/// What a provider needs; which of it, is the provider's to say.
struct ProviderSettings {
    std::string credential;
    std::optional<std::string> base_url, domain, account_id, region;
};

/// Requests to a provider, what its answers mean, and what it reports.
class Provider {
  public:
    Provider(std::string_view kind, const ProviderSettings &settings) {
        const auto text = [](const std::optional<std::string> &given) { return given ? given->c_str() : nullptr; };
        const SendgateProviderSettings given{settings.credential.c_str(), text(settings.base_url), text(settings.domain),
                                             text(settings.account_id), text(settings.region)};
        SendgateProvider *made = nullptr;
        detail::call(sendgate_provider_new, std::string(kind).c_str(), &given, &made);
        handle_.reset(made);
    }
    Call build(std::string_view message_json, std::string_view message_id, Instant now) const {
        SendgateCall *built = nullptr;
        detail::call(sendgate_provider_build, handle_.get(), std::string(message_json).c_str(),
                     std::string(message_id).c_str(), millis(now), &built);
        return Call(built);
    }
    Answer classify(const Response &response, Instant now) const {
        SendgateAnswer *answer = nullptr;
        response.view([&](const SendgateHttpResponse *shown) {
            detail::call(sendgate_provider_classify, handle_.get(), shown, millis(now), &answer);
        });
        return Answer(answer);
    }
    /// A message's JSON and its id, several at once.
    Call build_batch(const std::vector<std::pair<std::string, std::string>> &messages, Instant now) const {
        std::vector<const char *> texts, ids;
        for (const auto &[json, id] : messages) {
            texts.push_back(json.c_str());
            ids.push_back(id.c_str());
        }
        SendgateCall *built = nullptr;
        detail::call(sendgate_provider_build_batch, handle_.get(), texts.data(), ids.data(), texts.size(), millis(now), &built);
        return Call(built);
    }
    std::vector<Answer> classify_batch(const Response &response, std::size_t count, Instant now) const {
        std::vector<SendgateAnswer *> answers(count);
        response.view([&](const SendgateHttpResponse *shown) {
            detail::call(sendgate_provider_classify_batch, handle_.get(), shown, count, millis(now), answers.data());
        });
        std::vector<Answer> owned;
        for (SendgateAnswer *answer : answers) owned.emplace_back(answer);
        return owned;
    }
    Report parse_webhook(const SendgateWebhook &webhook, Instant now) const {
        SendgateReport *report = nullptr;
        detail::call(sendgate_provider_parse_webhook, handle_.get(), &webhook, millis(now), &report);
        return Report(report);
    }

  private:
    detail::Handle<SendgateProvider, sendgate_provider_free> handle_;
};

/// For a transport to throw when the provider surely has not got the request.
struct NotSent : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Carries an HTTP request out. It is called from threads of Sendgate's own, several at once. Whatever else than NotSent
/// it throws means that the request may have left.
using Transport = std::function<Response(const SendgateHttpRequest &request, std::chrono::milliseconds timeout)>;

/// How a Mailroom is opened.
struct MailroomOptions {
    /// Values of the names that the configuration calls `credential`; the environment's when there is none.
    std::vector<std::pair<std::string, std::string>> secrets;
    /// How long a process that delivers is waited for after its last sign of life; the usual time when there is none.
    std::optional<std::chrono::milliseconds> lease;
    /// Carries HTTP requests; Sendgate's own client when there is none.
    Transport transport;
};

/// What to do now, for a host that delivers itself: a call to carry out, or until when to wait.
struct Next {
    SendgateNextKind kind;
    Instant until;
    Due due;
};

/// The outbox of an application, on a SQLite file.
class Mailroom {
  public:
    Mailroom(std::string_view path, std::string_view account_json, MailroomOptions options = {})
        : transport_(std::make_unique<Transport>(std::move(options.transport))) {
        const std::string file(path), account(account_json);
        std::vector<SendgateSecret> secrets;
        for (const auto &[name, value] : options.secrets) secrets.push_back({name.c_str(), value.c_str()});
        SendgateMailroomOptions given{};
        given.path = file.c_str();
        given.account_json = account.c_str();
        given.secrets = secrets.empty() ? nullptr : secrets.data();
        given.secret_count = secrets.size();
        given.lease_ms = options.lease ? static_cast<std::uint64_t>(options.lease->count()) : 0;
        if (*transport_) {
            given.transport = carry;
            given.transport_data = transport_.get();
        }
        SendgateMailroom *opened = nullptr;
        detail::call(sendgate_mailroom_open, &given, &opened);
        handle_.reset(opened);
    }
    Receipts submit(const std::vector<std::string> &messages_json, std::optional<std::string> idempotency_key = {}) const {
        SendgateReceipts *receipts = nullptr;
        const auto all = detail::pointers(messages_json);
        detail::call(sendgate_mailroom_submit, handle_.get(), all.data(), all.size(),
                     idempotency_key ? idempotency_key->c_str() : nullptr, &receipts);
        return Receipts(receipts);
    }
    Next next() const {
        SendgateNext next{};
        detail::call(sendgate_mailroom_next, handle_.get(), &next);
        return {next.kind, instant(next.until), Due(next.due)};
    }
    /// What a due call came to. Without a response it was not answered: not sent for sure, or maybe sent.
    void settle(const Due &due, const Response &response) const {
        response.view([&](const SendgateHttpResponse *shown) {
            detail::call(sendgate_mailroom_settle, handle_.get(), due.get(), static_cast<std::uint32_t>(SENDGATE_CARRIED_ANSWERED), shown);
        });
    }
    void settle(const Due &due, SendgateCarried carried) const {
        detail::call(sendgate_mailroom_settle, handle_.get(), due.get(), static_cast<std::uint32_t>(carried),
                     static_cast<const SendgateHttpResponse *>(nullptr));
    }
    bool run() const { return flag(sendgate_mailroom_run); }
    void stop() const { detail::call(sendgate_mailroom_stop, handle_.get()); }
    bool drain(std::chrono::milliseconds timeout) const {
        bool is_empty = false;
        detail::call(sendgate_mailroom_drain, handle_.get(), static_cast<std::uint64_t>(timeout.count()), &is_empty);
        return is_empty;
    }
    /// The trace as JSON; none when there is no message of this id.
    std::optional<std::string> trace(std::string_view message_id) const {
        char *json = nullptr;
        detail::call(sendgate_mailroom_trace, handle_.get(), std::string(message_id).c_str(), &json);
        return json == nullptr ? std::nullopt : std::optional<std::string>(detail::taken(json));
    }
    std::string usage() const { return told(sendgate_mailroom_usage); }
    std::string limits() const { return told(sendgate_mailroom_limits); }

  private:
    static std::uint32_t carry(void *data, const SendgateHttpRequest *request, std::uint64_t timeout_ms,
                               SendgateReply *reply) noexcept {
        try {
            const auto timeout = std::chrono::milliseconds(static_cast<std::chrono::milliseconds::rep>(timeout_ms));
            const Response response = (*static_cast<const Transport *>(data))(*request, timeout);
            return response.view([reply](const SendgateHttpResponse *shown) {
                const bool is_set = sendgate_reply_set(reply, shown, nullptr) == SENDGATE_STATUS_OK;
                return static_cast<std::uint32_t>(is_set ? SENDGATE_CARRIED_ANSWERED : SENDGATE_CARRIED_MAYBE_SENT);
            });
        } catch (const NotSent &) {
            return SENDGATE_CARRIED_NOT_SENT;
        } catch (...) {
            return SENDGATE_CARRIED_MAYBE_SENT;
        }
    }
    template <typename Function> bool flag(Function function) const {
        bool answer = false;
        detail::call(function, handle_.get(), &answer);
        return answer;
    }
    template <typename Function> std::string told(Function function) const {
        char *json = nullptr;
        detail::call(function, handle_.get(), &json);
        return detail::taken(json);
    }
    /// Before the handle, so that it outlives it.
    std::unique_ptr<Transport> transport_;
    detail::Handle<SendgateMailroom, sendgate_mailroom_free> handle_;
};

/// When to try again: nothing when as many attempts failed as the policy allows.
inline std::optional<Instant> next_attempt(const SendgateBackoff &backoff, std::uint32_t attempts,
                                           std::optional<Instant> hint, std::uint64_t entropy, Instant now) {
    SendgateRetry retry{};
    const std::uint64_t allowed = hint ? millis(*hint) : 0;
    detail::call(sendgate_backoff_next, &backoff, attempts, hint ? &allowed : static_cast<const std::uint64_t *>(nullptr),
                 entropy, millis(now), &retry);
    if (retry.kind == SENDGATE_RETRY_KIND_EXHAUSTED) return std::nullopt;
    return instant(retry.retry_at);
}

/// The usual retry policy.
inline SendgateBackoff default_backoff() {
    SendgateBackoff backoff{};
    detail::call(sendgate_backoff_default, &backoff);
    return backoff;
}

/// The form of an address under which it is suppressed.
inline std::string normalize_address(std::string_view address) {
    char *normalized = nullptr;
    detail::call(sendgate_normalize_address, std::string(address).c_str(), &normalized);
    return detail::taken(normalized);
}

} // namespace sendgate

#endif
