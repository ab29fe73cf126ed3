package sendgate

/*
#include <stdlib.h>
#include <sendgate.h>
*/
import "C"

import (
	"sync"
	"time"
	"unsafe"
)

// VerdictKind is which of the answers a gate's verdict is.
type VerdictKind uint32

// The answers there are.
const (
	GateAllows    VerdictKind = C.SENDGATE_VERDICT_KIND_ALLOW
	GateDefers    VerdictKind = C.SENDGATE_VERDICT_KIND_DEFER
	GateOccupied  VerdictKind = C.SENDGATE_VERDICT_KIND_OCCUPIED
	GateNeverFits VerdictKind = C.SENDGATE_VERDICT_KIND_NEVER_FITS
	GateSuspended VerdictKind = C.SENDGATE_VERDICT_KIND_SUSPENDED
	GateClosed    VerdictKind = C.SENDGATE_VERDICT_KIND_CLOSED
)

// AccountStatus is whether an account may send.
type AccountStatus uint32

// The statuses there are.
const (
	Active    AccountStatus = C.SENDGATE_ACCOUNT_STATUS_ACTIVE
	Suspended AccountStatus = C.SENDGATE_ACCOUNT_STATUS_SUSPENDED
	Closed    AccountStatus = C.SENDGATE_ACCOUNT_STATUS_CLOSED
)

// Verdict is a gate's answer.
type Verdict struct {
	Kind VerdictKind
	// Dimension and Window that say so, counted from 0.
	Dimension, Window uint32
	// RetryAt is, when it defers, the first instant at which the same question is allowed.
	RetryAt time.Time
}

// Gate is several things that are limited, decided all at once: every one is charged or none.
type Gate struct {
	lock sync.RWMutex
	c    *C.SendgateGate
}

// NewGate makes a gate of a policy's JSON, {"dimensions":[{"scope","name","unit","windows":[...]}]}.
func NewGate(policyJSON string) (*Gate, error) {
	var given texts
	defer given.free()
	made := &Gate{}
	var raised *C.SendgateError
	if err := failure(C.sendgate_gate_new(given.of(policyJSON), &made.c, &raised), raised); err != nil {
		return nil, err
	}
	return made, nil
}

// Close frees the gate.
func (g *Gate) Close() error {
	return closing(&g.lock, func() bool {
		if g.c == nil {
			return false
		}
		C.sendgate_gate_free(g.c)
		g.c = nil
		return true
	})
}

// Decide decides for all dimensions together; costs has one number for each of them.
func (g *Gate) Decide(status AccountStatus, costs []uint32, now time.Time) (Verdict, error) {
	g.lock.RLock()
	defer g.lock.RUnlock()
	if g.c == nil {
		return Verdict{}, ErrClosed
	}
	var c C.SendgateVerdict
	var raised *C.SendgateError
	code := C.sendgate_gate_decide(g.c, C.uint32_t(status), numbers(costs), C.size_t(len(costs)), millis(now), &c, &raised)
	return verdict(c), failure(code, raised)
}

// Peek is the verdict that Decide would give, charging nothing. held are units on their way, one number for each
// dimension, or nil.
func (g *Gate) Peek(status AccountStatus, costs, held []uint32, now time.Time) (Verdict, error) {
	g.lock.RLock()
	defer g.lock.RUnlock()
	if g.c == nil {
		return Verdict{}, ErrClosed
	}
	if held != nil && len(held) != len(costs) {
		return Verdict{}, errHeld
	}
	var c C.SendgateVerdict
	var raised *C.SendgateError
	code := C.sendgate_gate_peek(g.c, C.uint32_t(status), numbers(costs), numbers(held), C.size_t(len(costs)), millis(now),
		&c, &raised)
	return verdict(c), failure(code, raised)
}

// Standing is where one window of one dimension stands.
type Standing struct {
	// Scope is what the dimension limits, such as domain_group, Unit what it counts, and Name which one it is.
	Scope, Unit, Name, Window string
	// Limit is the most it admits, Slack how many more of the question asked about fit.
	Limit, Used, Remaining, Slack uint32
	// NextAt is the first instant at which more is free, FullAt the one at which all is.
	NextAt, FullAt time.Time
	// IsBinding: it is the one that decides.
	IsBinding bool
}

// Explain is where every window stands, and which one binds: what Peek decides by.
func (g *Gate) Explain(status AccountStatus, costs, held []uint32, now time.Time) ([]Standing, error) {
	g.lock.RLock()
	defer g.lock.RUnlock()
	if g.c == nil {
		return nil, ErrClosed
	}
	if held != nil && len(held) != len(costs) {
		return nil, errHeld
	}
	var c *C.SendgateStandings
	var raised *C.SendgateError
	code := C.sendgate_gate_explain(g.c, C.uint32_t(status), numbers(costs), numbers(held), C.size_t(len(costs)),
		millis(now), &c, &raised)
	if err := failure(code, raised); err != nil {
		return nil, err
	}
	defer C.sendgate_standings_free(c)
	all := make([]Standing, 0, int(c.count))
	for _, one := range unsafe.Slice(c.standings, int(c.count)) {
		all = append(all, Standing{
			Scope: scopes[one.scope], Unit: units[one.unit], Name: C.GoString(one.name), Window: C.GoString(one.window),
			Limit: uint32(one.limit), Used: uint32(one.used), Remaining: uint32(one.remaining), Slack: uint32(one.slack),
			NextAt: instant(one.next_at), FullAt: instant(one.full_at), IsBinding: bool(one.is_binding),
		})
	}
	return all, nil
}

// Charge records units of one dimension that left anyway, and returns the instant they count from.
func (g *Gate) Charge(dimension int, cost uint32, now time.Time) (time.Time, error) {
	g.lock.RLock()
	defer g.lock.RUnlock()
	if g.c == nil {
		return time.Time{}, ErrClosed
	}
	var at C.uint64_t
	var raised *C.SendgateError
	status := C.sendgate_gate_charge(g.c, C.size_t(dimension), C.uint32_t(cost), millis(now), &at, &raised)
	return instant(at), failure(status, raised)
}

// State is the bytes of one dimension's state.
func (g *Gate) State(dimension int) ([]byte, error) {
	g.lock.RLock()
	defer g.lock.RUnlock()
	if g.c == nil {
		return nil, ErrClosed
	}
	return filled(func(to *C.uint8_t, room C.size_t, length *C.size_t, raised **C.SendgateError) C.SendgateStatus {
		return C.sendgate_gate_state(g.c, C.size_t(dimension), to, room, length, raised)
	})
}

// Load goes on from a stored state of one dimension.
func (g *Gate) Load(dimension int, state []byte) error {
	g.lock.RLock()
	defer g.lock.RUnlock()
	if g.c == nil {
		return ErrClosed
	}
	var given texts
	defer given.free()
	var raised *C.SendgateError
	return failure(C.sendgate_gate_load(g.c, C.size_t(dimension), given.bytes(state), &raised), raised)
}

func verdict(c C.SendgateVerdict) Verdict {
	verdict := Verdict{Kind: VerdictKind(c.kind), Dimension: uint32(c.dimension), Window: uint32(c.window)}
	if verdict.Kind == GateDefers {
		verdict.RetryAt = instant(c.retry_at)
	}
	return verdict
}

// numbers is the first of some numbers, or nil; it is read only.
func numbers(numbers []uint32) *C.uint32_t {
	return (*C.uint32_t)(unsafe.Pointer(unsafe.SliceData(numbers)))
}

// errHeld is the library's own error for it, which it cannot tell by a pointer alone.
var errHeld = &Error{
	Status: StatusInvalidArgument, Code: "wrong_count", Detail: "held must be one number for each dimension, or nil",
}

var scopes = map[C.SendgateScope]string{
	C.SENDGATE_SCOPE_KEY: "key", C.SENDGATE_SCOPE_PLAN: "plan", C.SENDGATE_SCOPE_ACCOUNT: "account",
	C.SENDGATE_SCOPE_PROVIDER: "provider", C.SENDGATE_SCOPE_DOMAIN_GROUP: "domain_group", C.SENDGATE_SCOPE_CLASS: "class",
}

var units = map[C.SendgateUnit]string{
	C.SENDGATE_UNIT_REQUESTS: "requests", C.SENDGATE_UNIT_MESSAGES: "messages", C.SENDGATE_UNIT_RECIPIENTS: "recipients",
}

// Suppressions is an exact set of suppressed addresses, without the addresses themselves.
type Suppressions struct {
	lock sync.RWMutex
	c    *C.SendgateSuppressions
}

// NewSuppressions makes a set. key is 16 secret random bytes, which belong to the saved bytes.
func NewSuppressions(key []byte, addresses []string) (*Suppressions, error) {
	var given texts
	defer given.free()
	made := &Suppressions{}
	var raised *C.SendgateError
	status := C.sendgate_suppressions_new(given.bytes(key), given.list(addresses), C.size_t(len(addresses)),
		&made.c, &raised)
	if err := failure(status, raised); err != nil {
		return nil, err
	}
	return made, nil
}

// LoadSuppressions goes on from bytes that Save gave.
func LoadSuppressions(key, saved []byte) (*Suppressions, error) {
	var given texts
	defer given.free()
	made := &Suppressions{}
	var raised *C.SendgateError
	status := C.sendgate_suppressions_load(given.bytes(key), given.bytes(saved), &made.c, &raised)
	if err := failure(status, raised); err != nil {
		return nil, err
	}
	return made, nil
}

// Close frees the set.
func (s *Suppressions) Close() error {
	return closing(&s.lock, func() bool {
		if s.c == nil {
			return false
		}
		C.sendgate_suppressions_free(s.c)
		s.c = nil
		return true
	})
}

// Add adds an address; whether it was not there before.
func (s *Suppressions) Add(address string) (bool, error) {
	return s.ask(address, func(c *C.char, is *C.bool, raised **C.SendgateError) C.SendgateStatus {
		return C.sendgate_suppressions_add(s.c, c, is, raised)
	})
}

// Remove takes an address out; whether it was there.
func (s *Suppressions) Remove(address string) (bool, error) {
	return s.ask(address, func(c *C.char, is *C.bool, raised **C.SendgateError) C.SendgateStatus {
		return C.sendgate_suppressions_remove(s.c, c, is, raised)
	})
}

// Contains is whether an address is suppressed.
func (s *Suppressions) Contains(address string) (bool, error) {
	return s.ask(address, func(c *C.char, is *C.bool, raised **C.SendgateError) C.SendgateStatus {
		return C.sendgate_suppressions_contains(s.c, c, is, raised)
	})
}

// ContainsMany is whether each of these addresses is suppressed, in their order; faster than one by one.
func (s *Suppressions) ContainsMany(addresses []string) ([]bool, error) {
	s.lock.RLock()
	defer s.lock.RUnlock()
	if s.c == nil {
		return nil, ErrClosed
	}
	var given texts
	defer given.free()
	found := make([]bool, len(addresses))
	var raised *C.SendgateError
	status := C.sendgate_suppressions_contains_many(s.c, given.list(addresses), C.size_t(len(addresses)),
		(*C.bool)(unsafe.Pointer(unsafe.SliceData(found))), &raised)
	return found, failure(status, raised)
}

// Len is how many addresses are held.
func (s *Suppressions) Len() (int, error) {
	s.lock.RLock()
	defer s.lock.RUnlock()
	if s.c == nil {
		return 0, ErrClosed
	}
	var count C.size_t
	var raised *C.SendgateError
	status := C.sendgate_suppressions_count(s.c, &count, &raised)
	return int(count), failure(status, raised)
}

// Save is the set as bytes. Whoever has them and the key can test a guess.
func (s *Suppressions) Save() ([]byte, error) {
	s.lock.RLock()
	defer s.lock.RUnlock()
	if s.c == nil {
		return nil, ErrClosed
	}
	return filled(func(to *C.uint8_t, room C.size_t, length *C.size_t, raised **C.SendgateError) C.SendgateStatus {
		return C.sendgate_suppressions_save(s.c, to, room, length, raised)
	})
}

func (s *Suppressions) ask(
	address string, ask func(*C.char, *C.bool, **C.SendgateError) C.SendgateStatus,
) (bool, error) {
	s.lock.RLock()
	defer s.lock.RUnlock()
	if s.c == nil {
		return false, ErrClosed
	}
	var given texts
	defer given.free()
	var is C.bool
	var raised *C.SendgateError
	status := ask(given.of(address), &is, &raised)
	return bool(is), failure(status, raised)
}

// Backoff is a retry policy: exponential, under a server's word.
type Backoff struct {
	Base, Cap   time.Duration
	MaxAttempts uint32
	// NoJitter spreads nothing; retries are otherwise uniform over the whole exponential part.
	NoJitter bool
}

// DefaultBackoff is the usual one.
func DefaultBackoff() (Backoff, error) {
	var c C.SendgateBackoff
	var raised *C.SendgateError
	err := failure(C.sendgate_backoff_default(&c, &raised), raised)
	ms := func(millis C.uint64_t) time.Duration { return time.Duration(millis) * time.Millisecond }
	return Backoff{ms(c.base_ms), ms(c.cap_ms), uint32(c.max_attempts), c.jitter == C.SENDGATE_JITTER_NONE}, err
}

// Next is when to try again after attempts failed; ok is false when the policy gives up. hint is the first instant that
// the server allows, or zero; entropy is a fresh random number for each attempt.
func (b Backoff) Next(attempts uint32, hint time.Time, entropy uint64, now time.Time) (at time.Time, ok bool, err error) {
	c := C.SendgateBackoff{
		base_ms: C.uint64_t(b.Base.Milliseconds()), cap_ms: C.uint64_t(b.Cap.Milliseconds()),
		max_attempts: C.uint32_t(b.MaxAttempts), jitter: C.SENDGATE_JITTER_FULL,
	}
	if b.NoJitter {
		c.jitter = C.SENDGATE_JITTER_NONE
	}
	var allowed *C.uint64_t
	if !hint.IsZero() {
		number := millis(hint)
		allowed = &number
	}
	var retry C.SendgateRetry
	var raised *C.SendgateError
	status := C.sendgate_backoff_next(&c, C.uint32_t(attempts), allowed, C.uint64_t(entropy), millis(now), &retry, &raised)
	if err := failure(status, raised); err != nil {
		return time.Time{}, false, err
	}
	return instant(retry.retry_at), retry.kind == C.SENDGATE_RETRY_KIND_AT, nil
}
