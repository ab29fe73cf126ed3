package sendgate

/*
#include <stdlib.h>
#include <sendgate.h>

// Answers by value: an out-parameter would have to be allocated in Go.
typedef struct {
	SendgateStatus status;
	SendgateError *error;
	SendgateDecision decision;
} Decided;

static Decided go_decide(const SendgateLimiter *limiter, uint32_t cost, uint64_t now) {
	Decided d = {0};
	d.status = sendgate_limiter_decide(limiter, cost, now, &d.decision, &d.error);
	return d;
}

static Decided go_peek(const SendgateLimiter *limiter, uint32_t cost, uint64_t now) {
	Decided d = {0};
	d.status = sendgate_limiter_peek(limiter, cost, now, &d.decision, &d.error);
	return d;
}

static Decided go_key_decide(const SendgateLimiters *limiters, const char *key, size_t length, uint32_t cost, uint64_t now) {
	Decided d = {0};
	SendgateBytes bytes = {(const uint8_t *)key, length};
	d.status = sendgate_limiters_decide(limiters, bytes, cost, now, &d.decision, &d.error);
	return d;
}

static Decided go_key_peek(const SendgateLimiters *limiters, const char *key, size_t length, uint32_t cost, uint64_t now) {
	Decided d = {0};
	SendgateBytes bytes = {(const uint8_t *)key, length};
	d.status = sendgate_limiters_peek(limiters, bytes, cost, now, &d.decision, &d.error);
	return d;
}
*/
import "C"

import (
	"sync"
	"time"
	"unsafe"
)

// Kind is which of the three answers a decision is.
type Kind uint32

// The answers there are.
const (
	// Allow: it may leave now, and has been charged.
	Allow Kind = C.SENDGATE_DECISION_KIND_ALLOW
	// Defer: it may leave later, at RetryAt.
	Defer Kind = C.SENDGATE_DECISION_KIND_DEFER
	// Reject: it may never leave, because it costs more than a window ever admits.
	Reject Kind = C.SENDGATE_DECISION_KIND_REJECT
)

// Decision is a limiter's answer.
type Decision struct {
	Kind Kind
	// Window that defers or rejects, counted from 0.
	Window uint32
	at     uint64
}

// ChargedAt is, of an Allow, the instant that the units count from; a refund names it.
func (d Decision) ChargedAt() time.Time { return instant(C.uint64_t(d.at)) }

// RetryAt is, of a Defer, the first instant at which the same question is allowed, when nothing else happens.
func (d Decision) RetryAt() time.Time { return instant(C.uint64_t(d.at)) }

func decision(c C.SendgateDecision) Decision {
	at := c.charged_at
	if c.kind == C.SENDGATE_DECISION_KIND_DEFER {
		at = c.retry_at
	}
	return Decision{Kind: Kind(c.kind), Window: uint32(c.window), at: uint64(at)}
}

// Usage is what one window holds.
type Usage struct {
	Limit, Used, Remaining uint32
	// NextAt is the first instant at which Remaining grows, FullAt the one at which all of Limit remains.
	NextAt, FullAt time.Time
}

func usage(windows []C.SendgateUsage) []Usage {
	all := make([]Usage, 0, len(windows))
	for _, one := range windows {
		all = append(all, Usage{
			uint32(one.limit), uint32(one.used), uint32(one.remaining), instant(one.next_at), instant(one.full_at),
		})
	}
	return all
}

// Limiter is several windows, decided all at once, and their state.
type Limiter struct {
	lock sync.RWMutex
	c    *C.SendgateLimiter
}

// NewLimiter makes a limiter of a policy's JSON, {"windows":[...]}.
func NewLimiter(policyJSON string) (*Limiter, error) {
	var given texts
	defer given.free()
	made := &Limiter{}
	var raised *C.SendgateError
	if err := failure(C.sendgate_limiter_new(given.of(policyJSON), &made.c, &raised), raised); err != nil {
		return nil, err
	}
	return made, nil
}

// Close frees the limiter.
func (l *Limiter) Close() error {
	return closing(&l.lock, func() bool {
		if l.c == nil {
			return false
		}
		C.sendgate_limiter_free(l.c)
		l.c = nil
		return true
	})
}

// Decide decides whether cost units may leave at now and, on an Allow, charges them.
func (l *Limiter) Decide(cost uint32, now time.Time) (Decision, error) {
	l.lock.RLock()
	defer l.lock.RUnlock()
	if l.c == nil {
		return Decision{}, ErrClosed
	}
	decided := C.go_decide(l.c, C.uint32_t(cost), millis(now))
	if decided.status != C.SENDGATE_STATUS_OK {
		return Decision{}, failure(decided.status, decided.error)
	}
	return decision(decided.decision), nil
}

// Peek is the decision that Decide would give, charging nothing.
func (l *Limiter) Peek(cost uint32, now time.Time) (Decision, error) {
	l.lock.RLock()
	defer l.lock.RUnlock()
	if l.c == nil {
		return Decision{}, ErrClosed
	}
	decided := C.go_peek(l.c, C.uint32_t(cost), millis(now))
	return decision(decided.decision), failure(decided.status, decided.error)
}

// DecideMany decides in order, with a cost each: one crossing into C for all of them.
func (l *Limiter) DecideMany(costs []uint32, now time.Time) ([]Decision, error) {
	l.lock.RLock()
	defer l.lock.RUnlock()
	if l.c == nil {
		return nil, ErrClosed
	}
	if len(costs) == 0 {
		return nil, nil
	}
	decided := make([]C.SendgateDecision, len(costs))
	var raised *C.SendgateError
	status := C.sendgate_limiter_decide_many(l.c, (*C.uint32_t)(unsafe.Pointer(&costs[0])), C.size_t(len(costs)),
		millis(now), &decided[0], &raised)
	if err := failure(status, raised); err != nil {
		return nil, err
	}
	all := make([]Decision, len(costs))
	for i, one := range decided {
		all[i] = decision(one)
	}
	return all, nil
}

// Charge records units that left anyway, past the limit if need be, and returns the instant they count from.
func (l *Limiter) Charge(cost uint32, now time.Time) (time.Time, error) {
	l.lock.RLock()
	defer l.lock.RUnlock()
	if l.c == nil {
		return time.Time{}, ErrClosed
	}
	var at C.uint64_t
	var raised *C.SendgateError
	status := C.sendgate_limiter_charge(l.c, C.uint32_t(cost), millis(now), &at, &raised)
	return instant(at), failure(status, raised)
}

// Refund takes back units that were charged at chargedAt.
func (l *Limiter) Refund(cost uint32, chargedAt, now time.Time) error {
	l.lock.RLock()
	defer l.lock.RUnlock()
	if l.c == nil {
		return ErrClosed
	}
	var raised *C.SendgateError
	return failure(C.sendgate_limiter_refund(l.c, C.uint32_t(cost), millis(chargedAt), millis(now), &raised), raised)
}

// Usage is what each window holds at now, in the policy's order.
func (l *Limiter) Usage(now time.Time) ([]Usage, error) {
	l.lock.RLock()
	defer l.lock.RUnlock()
	if l.c == nil {
		return nil, ErrClosed
	}
	var windows [mostWindows]C.SendgateUsage
	var count C.size_t
	var raised *C.SendgateError
	status := C.sendgate_limiter_usage(l.c, millis(now), &windows[0], mostWindows, &count, &raised)
	return usage(windows[:count]), failure(status, raised)
}

// State is the state's bytes, the same on every platform.
func (l *Limiter) State() ([]byte, error) {
	l.lock.RLock()
	defer l.lock.RUnlock()
	if l.c == nil {
		return nil, ErrClosed
	}
	return filled(func(to *C.uint8_t, room C.size_t, length *C.size_t, raised **C.SendgateError) C.SendgateStatus {
		return C.sendgate_limiter_state(l.c, to, room, length, raised)
	})
}

// Load goes on from a stored state of the same policy.
func (l *Limiter) Load(state []byte) error {
	l.lock.RLock()
	defer l.lock.RUnlock()
	if l.c == nil {
		return ErrClosed
	}
	// The library wants a place even for no bytes.
	first := pointer(append(state[:len(state):len(state)], 0))
	var raised *C.SendgateError
	return failure(C.sendgate_limiter_load(l.c, first, C.size_t(len(state)), &raised), raised)
}

// Limiters is one policy for many keys.
type Limiters struct {
	lock sync.RWMutex
	c    *C.SendgateLimiters
}

// NewLimiters makes a table of a policy's JSON. mostKeys bounds it, or is 0.
func NewLimiters(policyJSON string, mostKeys int) (*Limiters, error) {
	var given texts
	defer given.free()
	made := &Limiters{}
	var raised *C.SendgateError
	status := C.sendgate_limiters_new(given.of(policyJSON), C.size_t(max(mostKeys, 0)), &made.c, &raised)
	if err := failure(status, raised); err != nil {
		return nil, err
	}
	return made, nil
}

// Close frees the table.
func (l *Limiters) Close() error {
	return closing(&l.lock, func() bool {
		if l.c == nil {
			return false
		}
		C.sendgate_limiters_free(l.c)
		l.c = nil
		return true
	})
}

// Decide decides whether cost units of a key may leave at now and, on an Allow, charges them.
func (l *Limiters) Decide(key string, cost uint32, now time.Time) (Decision, error) {
	l.lock.RLock()
	defer l.lock.RUnlock()
	if l.c == nil {
		return Decision{}, ErrClosed
	}
	decided := C.go_key_decide(l.c, (*C.char)(unsafe.Pointer(unsafe.StringData(key))), C.size_t(len(key)),
		C.uint32_t(cost), millis(now))
	return decision(decided.decision), failure(decided.status, decided.error)
}

// Peek is the decision that Decide would give, charging nothing.
func (l *Limiters) Peek(key string, cost uint32, now time.Time) (Decision, error) {
	l.lock.RLock()
	defer l.lock.RUnlock()
	if l.c == nil {
		return Decision{}, ErrClosed
	}
	decided := C.go_key_peek(l.c, (*C.char)(unsafe.Pointer(unsafe.StringData(key))), C.size_t(len(key)),
		C.uint32_t(cost), millis(now))
	return decision(decided.decision), failure(decided.status, decided.error)
}

// Refund takes back units of a key that were charged at chargedAt.
func (l *Limiters) Refund(key string, cost uint32, chargedAt, now time.Time) error {
	l.lock.RLock()
	defer l.lock.RUnlock()
	if l.c == nil {
		return ErrClosed
	}
	var given texts
	defer given.free()
	var raised *C.SendgateError
	return failure(C.sendgate_limiters_refund(l.c, given.bytes([]byte(key)), C.uint32_t(cost), millis(chargedAt), millis(now),
		&raised), raised)
}

// Usage is what each window of a key holds at now, in the policy's order.
func (l *Limiters) Usage(key string, now time.Time) ([]Usage, error) {
	l.lock.RLock()
	defer l.lock.RUnlock()
	if l.c == nil {
		return nil, ErrClosed
	}
	var given texts
	defer given.free()
	var windows [mostWindows]C.SendgateUsage
	var count C.size_t
	var raised *C.SendgateError
	status := C.sendgate_limiters_usage(l.c, given.bytes([]byte(key)), millis(now), &windows[0], mostWindows, &count, &raised)
	return usage(windows[:count]), failure(status, raised)
}

// State is the bytes of a key's state, as a Limiter of the same policy has them.
func (l *Limiters) State(key string) ([]byte, error) {
	l.lock.RLock()
	defer l.lock.RUnlock()
	if l.c == nil {
		return nil, ErrClosed
	}
	var given texts
	defer given.free()
	name := given.bytes([]byte(key))
	return filled(func(to *C.uint8_t, room C.size_t, length *C.size_t, raised **C.SendgateError) C.SendgateStatus {
		return C.sendgate_limiters_state(l.c, name, to, room, length, raised)
	})
}

// Load goes on from a stored state of a key; false when the table is full.
func (l *Limiters) Load(key string, state []byte) (bool, error) {
	l.lock.RLock()
	defer l.lock.RUnlock()
	if l.c == nil {
		return false, ErrClosed
	}
	var given texts
	defer given.free()
	var loaded C.bool
	var raised *C.SendgateError
	status := C.sendgate_limiters_load(l.c, given.bytes([]byte(key)), given.bytes(state), &loaded, &raised)
	return bool(loaded), failure(status, raised)
}

// Evict forgets keys in whose windows nothing is in use, looking at most of them, and returns how many it forgot.
func (l *Limiters) Evict(most int, now time.Time) (int, error) {
	l.lock.RLock()
	defer l.lock.RUnlock()
	if l.c == nil {
		return 0, ErrClosed
	}
	var forgotten C.size_t
	var raised *C.SendgateError
	status := C.sendgate_limiters_evict(l.c, C.size_t(max(most, 0)), millis(now), &forgotten, &raised)
	return int(forgotten), failure(status, raised)
}

// Len is how many keys are held.
func (l *Limiters) Len() (int, error) {
	l.lock.RLock()
	defer l.lock.RUnlock()
	if l.c == nil {
		return 0, ErrClosed
	}
	var count C.size_t
	var raised *C.SendgateError
	status := C.sendgate_limiters_count(l.c, &count, &raised)
	return int(count), failure(status, raised)
}

// mostWindows is how many a policy may have.
const mostWindows = 8
