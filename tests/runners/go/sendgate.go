package main

/*
#include <stdlib.h>
#include "sendgate.h"

// For runners only: in the library, but in no header.
SendgateStatus sendgate_evaluate_vector(const char *suite, const char *case_json, char **result, SendgateError **error);
*/
import "C"

import (
	"errors"
	"fmt"
	"unsafe"
)

// Limiter is sendgate.h's limiter; Close frees it.
type Limiter struct{ c *C.SendgateLimiter }

// Failure is what the library says of a malformed input.
type Failure struct {
	Status     int
	Code, Text string
}

func (f *Failure) Error() string { return fmt.Sprintf("%s (status %d): %s", f.Code, f.Status, f.Text) }

func failure(status uint32, cError *C.SendgateError) error {
	if status == C.SENDGATE_STATUS_OK {
		return nil
	}
	defer C.sendgate_error_free(cError)
	return &Failure{int(status), C.GoString(C.sendgate_error_code(cError)), C.GoString(C.sendgate_error_text(cError))}
}

// code is the stable word of an error of the library.
func code(err error) string {
	var failed *Failure
	if errors.As(err, &failed) {
		return failed.Code
	}
	return err.Error()
}

// NewLimiter makes a limiter of a policy's JSON.
func NewLimiter(policy string) (*Limiter, error) {
	text := C.CString(policy)
	defer C.free(unsafe.Pointer(text))
	var limiter *C.SendgateLimiter
	var cError *C.SendgateError
	status := C.sendgate_limiter_new(text, &limiter, &cError)
	return &Limiter{limiter}, failure(uint32(status), cError)
}

// Close frees the limiter.
func (l *Limiter) Close() { C.sendgate_limiter_free(l.c) }

// Decide decides and charges.
func (l *Limiter) Decide(cost uint32, now uint64) (C.SendgateDecision, error) {
	var decision C.SendgateDecision
	var cError *C.SendgateError
	status := C.sendgate_limiter_decide(l.c, C.uint32_t(cost), C.uint64_t(now), &decision, &cError)
	return decision, failure(uint32(status), cError)
}

// Peek decides and charges nothing.
func (l *Limiter) Peek(cost uint32, now uint64) (C.SendgateDecision, error) {
	var decision C.SendgateDecision
	var cError *C.SendgateError
	status := C.sendgate_limiter_peek(l.c, C.uint32_t(cost), C.uint64_t(now), &decision, &cError)
	return decision, failure(uint32(status), cError)
}

// Charge records units that left anyway.
func (l *Limiter) Charge(cost uint32, now uint64) (uint64, error) {
	var chargedAt C.uint64_t
	var cError *C.SendgateError
	status := C.sendgate_limiter_charge(l.c, C.uint32_t(cost), C.uint64_t(now), &chargedAt, &cError)
	return uint64(chargedAt), failure(uint32(status), cError)
}

// Refund takes units back.
func (l *Limiter) Refund(cost uint32, chargedAt, now uint64) error {
	var cError *C.SendgateError
	status := C.sendgate_limiter_refund(l.c, C.uint32_t(cost), C.uint64_t(chargedAt), C.uint64_t(now), &cError)
	return failure(uint32(status), cError)
}

// Usage is what each window holds.
func (l *Limiter) Usage(now uint64) ([]C.SendgateUsage, error) {
	windows := make([]C.SendgateUsage, 8)
	var count C.size_t
	var cError *C.SendgateError
	status := C.sendgate_limiter_usage(l.c, C.uint64_t(now), &windows[0], 8, &count, &cError)
	return windows[:count], failure(uint32(status), cError)
}

// State is the state's bytes: first how many, then they.
func (l *Limiter) State() ([]byte, error) {
	var length C.size_t
	var cError *C.SendgateError
	status := C.sendgate_limiter_state(l.c, nil, 0, &length, nil)
	if status != C.SENDGATE_STATUS_BUFFER_TOO_SMALL {
		return nil, fmt.Errorf("a state without a buffer gave status %d", status)
	}
	bytes := make([]byte, length)
	status = C.sendgate_limiter_state(l.c, (*C.uint8_t)(&bytes[0]), length, &length, &cError)
	return bytes, failure(uint32(status), cError)
}

// Load goes on from a stored state.
func (l *Limiter) Load(state []byte) error {
	var cError *C.SendgateError
	first := (*C.uint8_t)(unsafe.Pointer(unsafe.SliceData(append(state, 0))))
	status := C.sendgate_limiter_load(l.c, first, C.size_t(len(state)), &cError)
	return failure(uint32(status), cError)
}

// Evaluate is what the core answers to a case as JSON.
func Evaluate(suite, caseJSON string) (string, error) {
	cSuite, cCase := C.CString(suite), C.CString(caseJSON)
	defer C.free(unsafe.Pointer(cSuite))
	defer C.free(unsafe.Pointer(cCase))
	var result *C.char
	var cError *C.SendgateError
	if err := failure(uint32(C.sendgate_evaluate_vector(cSuite, cCase, &result, &cError)), cError); err != nil {
		return "", err
	}
	defer C.sendgate_string_free(result)
	return C.GoString(result), nil
}

// backoffNext decides with the default policy changed by what is given.
func backoffNext(policy backoffPolicy, attempts uint32, hint *uint64, entropy, now uint64) (C.SendgateRetry, error) {
	var backoff C.SendgateBackoff
	var retry C.SendgateRetry
	var cError *C.SendgateError
	if err := failure(uint32(C.sendgate_backoff_default(&backoff, &cError)), cError); err != nil {
		return retry, err
	}
	policy.change(&backoff)
	var cHint *C.uint64_t
	if hint != nil {
		instant := C.uint64_t(*hint)
		cHint = &instant
	}
	status := C.sendgate_backoff_next(&backoff, C.uint32_t(attempts), cHint, C.uint64_t(entropy), C.uint64_t(now), &retry, &cError)
	return retry, failure(uint32(status), cError)
}

type backoffPolicy struct {
	BaseMs      *uint64 `json:"base_ms"`
	CapMs       *uint64 `json:"cap_ms"`
	MaxAttempts *uint32 `json:"max_attempts"`
	Jitter      *string `json:"jitter"`
}

func (p backoffPolicy) change(backoff *C.SendgateBackoff) {
	if p.BaseMs != nil {
		backoff.base_ms = C.uint64_t(*p.BaseMs)
	}
	if p.CapMs != nil {
		backoff.cap_ms = C.uint64_t(*p.CapMs)
	}
	if p.MaxAttempts != nil {
		backoff.max_attempts = C.uint32_t(*p.MaxAttempts)
	}
	if p.Jitter != nil {
		backoff.jitter = map[string]C.uint32_t{"full": C.SENDGATE_JITTER_FULL, "none": C.SENDGATE_JITTER_NONE}[*p.Jitter]
	}
}

func shapeDecision(decision C.SendgateDecision, names []string) any {
	switch decision.kind {
	case C.SENDGATE_DECISION_KIND_ALLOW:
		return object{"allow": object{"charged_at": uint64(decision.charged_at)}}
	case C.SENDGATE_DECISION_KIND_DEFER:
		return object{"defer": object{"retry_at": uint64(decision.retry_at), "window": names[decision.window]}}
	case C.SENDGATE_DECISION_KIND_REJECT:
		return object{"reject": object{"window": names[decision.window]}}
	}
	return fmt.Sprintf("a decision of the unknown kind %d", decision.kind)
}

func shapeUsage(windows []C.SendgateUsage) any {
	shaped := []object{}
	for _, usage := range windows {
		shaped = append(shaped, object{
			"limit": uint32(usage.limit), "used": uint32(usage.used), "remaining": uint32(usage.remaining),
			"next_at": uint64(usage.next_at), "full_at": uint64(usage.full_at),
		})
	}
	return shaped
}

func shapeRetry(retry C.SendgateRetry) any {
	if retry.kind == C.SENDGATE_RETRY_KIND_AT {
		return object{"at": uint64(retry.retry_at)}
	}
	return object{"exhausted": object{"attempts": uint32(retry.attempts)}}
}
