// The vectors through sendgate.hpp: the lines that ../c/flatten.py prints, on standard input; ../c/vectors.c says what they
// mean. With the argument "out" nothing is compared: what came out of each call is printed, a line each.

#include "sendgate.hpp"

#include <iostream>
#include <sstream>
#include <stdexcept>

// For runners only: in the library, but in no header.
extern "C" SendgateStatus sendgate_evaluate_vector(const char *suite, const char *case_json, char **result,
                                                   SendgateError **error);

namespace {

using sendgate::instant;

bool printing = false;
int total = -1, passed = 0, failed = 0, typed = 0;
bool is_open = false, is_bad = false;
std::string current;
std::optional<sendgate::Limiter> limiter;

void finish_case() {
    if (is_open) (is_bad ? failed : passed)++;
    is_open = is_bad = false;
    limiter.reset();
}

void expect(const std::string &want, const std::string &got) {
    if (printing) {
        std::cout << got << "\n";
    } else if (want != got) {
        is_bad = true;
        std::cerr << "case " << current << ": wanted '" << want << "', got '" << got << "'\n";
    }
}

// What a call gives, or the word of its error.
template <typename Ask> std::string said(Ask ask) {
    try {
        return ask();
    } catch (const sendgate::Error &error) {
        return error.code;
    }
}

std::string shown(const sendgate::Decision &decision) {
    switch (decision.kind) {
    case SENDGATE_DECISION_KIND_ALLOW: return "allow " + std::to_string(decision.charged_at);
    case SENDGATE_DECISION_KIND_DEFER:
        return "defer " + std::to_string(decision.retry_at) + " " + std::to_string(decision.window);
    case SENDGATE_DECISION_KIND_REJECT: return "reject " + std::to_string(decision.window);
    }
    throw std::runtime_error("a decision of an unknown kind");
}

std::string hex(const std::vector<std::uint8_t> &bytes) {
    const char *const digits = "0123456789abcdef";
    std::string text;
    for (const std::uint8_t byte : bytes) (text += digits[byte >> 4]) += digits[byte & 15];
    return text;
}

std::vector<std::uint8_t> unhex(const std::string &text) {
    std::vector<std::uint8_t> bytes;
    for (std::size_t i = 0; text != "-" && i < text.size(); i += 2)
        bytes.push_back(static_cast<std::uint8_t>(std::stoul(text.substr(i, 2), nullptr, 16)));
    return bytes;
}

// A number of the line, all 64 bits of it.
std::uint64_t number(std::istream &line) {
    std::uint64_t value = 0;
    if (!(line >> value)) throw std::runtime_error("a line is too short");
    return value;
}

std::string rest(std::istream &line) {
    std::string text;
    std::getline(line >> std::ws, text);
    return text;
}

void evaluate(const std::string &line) {
    const std::size_t suite = line.find('\t'), want = line.find('\t', suite + 1), given = line.find('\t', want + 1);
    char *result = nullptr;
    const std::string wanted = line.substr(want + 1, given - want - 1);
    expect(wanted, said([&] {
        sendgate::detail::call(sendgate_evaluate_vector, line.substr(suite + 1, want - suite - 1).c_str(),
                               line.substr(given + 1).c_str(), &result);
        return sendgate::detail::taken(result);
    }));
}

std::string usage(std::uint64_t now) {
    std::ostringstream text;
    const auto windows = limiter->usage(instant(now));
    text << windows.size();
    for (const auto &one : windows)
        text << " " << one.limit << " " << one.used << " " << one.remaining << " " << one.next_at << " " << one.full_at;
    return text.str();
}

void backoff(std::istream &line) {
    SendgateBackoff policy = sendgate::default_backoff();
    std::string given[4], hint;
    line >> given[0] >> given[1] >> given[2] >> given[3];
    if (given[0] != "-") policy.base_ms = std::stoull(given[0]);
    if (given[1] != "-") policy.cap_ms = std::stoull(given[1]);
    if (given[2] != "-") policy.max_attempts = static_cast<std::uint32_t>(std::stoul(given[2]));
    if (given[3] != "-") policy.jitter = given[3] == "full" ? SENDGATE_JITTER_FULL : SENDGATE_JITTER_NONE;
    const auto attempts = static_cast<std::uint32_t>(number(line));
    line >> hint;
    const std::uint64_t entropy = number(line), now = number(line);
    const std::string want = rest(line);
    std::optional<sendgate::Instant> allowed;
    if (hint != "-") allowed = instant(std::stoull(hint));
    const auto at = sendgate::next_attempt(policy, attempts, allowed, entropy, instant(now));
    typed++;
    expect(want, at ? "at " + std::to_string(sendgate::millis(*at)) : "exhausted " + std::to_string(attempts));
}

void perform(const std::string &text) {
    std::istringstream line(text);
    std::string op;
    line >> op;
    if (op == "limiter") {
        typed++;
        const std::string policy = rest(line), code = said([&] {
            limiter.emplace(policy);
            return std::string("accepted");
        });
        current += code == "accepted" ? "" : " " + code;
    } else if (op == "accepted") {
        if (!limiter) expect("accepted", "refused");
    } else if (op == "malformed") {
        expect(rest(line), limiter ? "accepted" : current.substr(current.find(' ') + 1));
    } else if (op == "decide" || op == "peek") {
        const auto cost = static_cast<std::uint32_t>(number(line));
        const auto now = instant(number(line));
        const auto decision = op == "decide" ? limiter->decide(cost, now) : limiter->peek(cost, now);
        expect(rest(line), shown(decision));
    } else if (op == "charge") {
        const auto cost = static_cast<std::uint32_t>(number(line));
        const auto at = limiter->charge(cost, instant(number(line)));
        expect(rest(line), std::to_string(sendgate::millis(at)));
    } else if (op == "refund") {
        const auto cost = static_cast<std::uint32_t>(number(line));
        const auto at = instant(number(line));
        limiter->refund(cost, at, instant(number(line)));
        expect("", "");
    } else if (op == "usage") {
        const std::uint64_t now = number(line);
        expect(rest(line), usage(now));
    } else if (op == "state") {
        expect(rest(line), hex(limiter->state()));
    } else if (op == "load") {
        std::string state;
        line >> state;
        expect(rest(line), said([&] {
            limiter->load(unhex(state));
            return std::string("ok");
        }));
    } else if (op == "backoff") {
        backoff(line);
    } else {
        throw std::runtime_error("an unknown line: " + text.substr(0, 100));
    }
}

} // namespace

int main(int count, char **arguments) {
    printing = count == 2 && std::string_view(arguments[1]) == "out";
    const bool exchanging = count == 2;
    for (std::string line; std::getline(std::cin, line);) {
        if (line.rfind("total ", 0) == 0) {
            total = std::stoi(line.substr(6));
        } else if (line.rfind("case ", 0) == 0) {
            finish_case();
            current = line.substr(5);
            is_open = true;
            if (printing) std::cout << line << "\n";
        } else if (line.rfind("evaluate\t", 0) == 0) {
            evaluate(line);
        } else {
            perform(line);
        }
    }
    finish_case();
    if (printing) return 0;
    if (passed + failed != total) std::cout << "the files hold " << total << " cases\n";
    std::cout << "of them through the typed functions as well: " << typed << "\n";
    std::cout << (exchanging ? "states from Rust: " : "vectors: ") << passed << " passed, " << failed
              << " failed, 0 skipped\n";
    return passed == total && total > 0 ? 0 : 1;
}
