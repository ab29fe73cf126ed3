package sendgate

/*
#include <stdlib.h>
#include <sendgate.h>
*/
import "C"

import (
	"math"
	"sync"
	"time"
)

// AllUnits stands for all units of a reservation.
const AllUnits uint64 = math.MaxUint64

// Reserved is a ledger's answer.
type Reserved struct {
	// Reservation is what it prints, to be stored with the message; empty when the units are refused.
	Reservation string
	// Code is why they are refused, such as quota_daily, and Period the quota's that stands longest in the way.
	Code, Period string
	// Free is how many are left in it.
	Free uint64
	// RetryAt is the first instant at which the same units fit; zero when they never will.
	RetryAt time.Time
}

// QuotaUsage is how one quota stands.
type QuotaUsage struct {
	// Period is day, month or year.
	Period                                           string
	Limit, Reserved, Committed, Released, Free, Over uint64
	StartsAt, ResetsAt                               time.Time
}

// Ledger is the quotas of one account, and what is in use of them.
type Ledger struct {
	lock sync.RWMutex
	c    *C.SendgateLedger
}

// NewLedger makes a ledger of a policy's JSON, {"quotas":[{"period":"day","limit":100}],"time_zone":"Europe/Rome",
// "overdelivery":"block"}, of which the last two may be left out.
func NewLedger(policyJSON string) (*Ledger, error) {
	var given texts
	defer given.free()
	made := &Ledger{}
	var raised *C.SendgateError
	if err := failure(C.sendgate_ledger_new(given.of(policyJSON), &made.c, &raised), raised); err != nil {
		return nil, err
	}
	return made, nil
}

// Close frees the ledger.
func (l *Ledger) Close() error {
	return closing(&l.lock, func() bool {
		if l.c == nil {
			return false
		}
		C.sendgate_ledger_free(l.c)
		l.c = nil
		return true
	})
}

// Reserve takes units from every quota, or from none.
func (l *Ledger) Reserve(units uint64, now time.Time) (Reserved, error) {
	l.lock.RLock()
	defer l.lock.RUnlock()
	if l.c == nil {
		return Reserved{}, ErrClosed
	}
	var c C.SendgateReserved
	var raised *C.SendgateError
	err := failure(C.sendgate_ledger_reserve(l.c, C.uint64_t(units), millis(now), &c, &raised), raised)
	if err != nil || c.kind == C.SENDGATE_RESERVED_KIND_RESERVED {
		return Reserved{Reservation: C.GoString(&c.reservation[0])}, err
	}
	refused := Reserved{Code: C.GoString(c.code), Period: periods[c.period], Free: uint64(c.free)}
	if c.has_retry_at {
		refused.RetryAt = instant(c.retry_at)
	}
	return refused, nil
}

// Commit turns reserved units into committed ones, at most the reservation's own: they have been handed over.
func (l *Ledger) Commit(reservation string, units uint64, now time.Time) error {
	l.lock.RLock()
	defer l.lock.RUnlock()
	if l.c == nil {
		return ErrClosed
	}
	var given texts
	defer given.free()
	var raised *C.SendgateError
	return failure(C.sendgate_ledger_commit(l.c, given.of(reservation), C.uint64_t(units), millis(now), &raised), raised)
}

// Release gives reserved units back, at most the reservation's own: they will not be handed over.
func (l *Ledger) Release(reservation string, units uint64, now time.Time) error {
	l.lock.RLock()
	defer l.lock.RUnlock()
	if l.c == nil {
		return ErrClosed
	}
	var given texts
	defer given.free()
	var raised *C.SendgateError
	return failure(C.sendgate_ledger_release(l.c, given.of(reservation), C.uint64_t(units), millis(now), &raised), raised)
}

// Usage is how every quota stands in the period that holds now.
func (l *Ledger) Usage(now time.Time) ([]QuotaUsage, error) {
	l.lock.RLock()
	defer l.lock.RUnlock()
	if l.c == nil {
		return nil, ErrClosed
	}
	var quotas [3]C.SendgateQuotaUsage
	var count C.size_t
	var raised *C.SendgateError
	err := failure(C.sendgate_ledger_usage(l.c, millis(now), &quotas[0], 3, &count, &raised), raised)
	all := make([]QuotaUsage, 0, int(count))
	for _, one := range quotas[:count] {
		all = append(all, QuotaUsage{
			periods[one.period], uint64(one.limit), uint64(one.reserved), uint64(one.committed), uint64(one.released),
			uint64(one.free), uint64(one.over), instant(one.starts_at), instant(one.resets_at),
		})
	}
	return all, err
}

// State is the ledger's bytes. Its policy is not in them.
func (l *Ledger) State() ([]byte, error) {
	l.lock.RLock()
	defer l.lock.RUnlock()
	if l.c == nil {
		return nil, ErrClosed
	}
	return filled(func(to *C.uint8_t, room C.size_t, length *C.size_t, raised **C.SendgateError) C.SendgateStatus {
		return C.sendgate_ledger_state(l.c, to, room, length, raised)
	})
}

// Load goes on from a stored ledger, which may have been kept under another policy: nothing is freed by that.
func (l *Ledger) Load(state []byte) error {
	l.lock.RLock()
	defer l.lock.RUnlock()
	if l.c == nil {
		return ErrClosed
	}
	var given texts
	defer given.free()
	var raised *C.SendgateError
	return failure(C.sendgate_ledger_load(l.c, given.bytes(state), &raised), raised)
}

var periods = map[C.SendgatePeriod]string{
	C.SENDGATE_PERIOD_DAY: "day", C.SENDGATE_PERIOD_MONTH: "month", C.SENDGATE_PERIOD_YEAR: "year",
}
