package main

/*
#cgo pkg-config: sendgate
#include <stdlib.h>
#include "sendgate.h"

// For runners only: in the library, but in no header.
SendgateStatus sendgate_evaluate_vector(const char *suite, const char *case_json, char **result, SendgateError **error);
*/
import "C"

import (
	"errors"
	"fmt"
	"math"
	"time"
	"unsafe"

	sendgate "sendgate.dev/go"
)

// code is the stable word of an error of the library.
func code(err error) string {
	var failed *sendgate.Error
	if errors.As(err, &failed) {
		return failed.Code
	}
	return err.Error()
}

// Evaluate is what the core answers to a case as JSON.
func Evaluate(suite, caseJSON string) (string, error) {
	cSuite, cCase := C.CString(suite), C.CString(caseJSON)
	defer C.free(unsafe.Pointer(cSuite))
	defer C.free(unsafe.Pointer(cCase))
	var result *C.char
	var failed *C.SendgateError
	if C.sendgate_evaluate_vector(cSuite, cCase, &result, &failed) != C.SENDGATE_STATUS_OK {
		defer C.sendgate_error_free(failed)
		return "", errors.New(C.GoString(C.sendgate_error_code(failed)))
	}
	defer C.sendgate_string_free(result)
	return C.GoString(result), nil
}

// at is the instant of a number of milliseconds, and millis its number, over all 64 bits.
func at(number uint64) time.Time { return time.Unix(int64(number/1000), int64(number%1000)*1e6) }

func millis(at time.Time) uint64 { return uint64(at.Unix())*1000 + uint64(at.Nanosecond())/1e6 }

// backoffNext decides with the default policy changed by what is given.
func backoffNext(policy backoffPolicy, attempts uint32, hint *uint64, entropy, now uint64) (any, error) {
	changed, err := sendgate.DefaultBackoff()
	if err != nil {
		return nil, err
	}
	if err := policy.change(&changed); err != nil {
		return nil, err
	}
	var allowed time.Time
	if hint != nil {
		allowed = at(*hint)
	}
	retry, ok, err := changed.Next(attempts, allowed, entropy, at(now))
	if !ok {
		return object{"exhausted": object{"attempts": attempts}}, err
	}
	return object{"at": millis(retry)}, err
}

type backoffPolicy struct {
	BaseMs      *uint64 `json:"base_ms"`
	CapMs       *uint64 `json:"cap_ms"`
	MaxAttempts *uint32 `json:"max_attempts"`
	Jitter      *string `json:"jitter"`
}

func (p backoffPolicy) change(backoff *sendgate.Backoff) error {
	for given, place := range map[*uint64]*time.Duration{p.BaseMs: &backoff.Base, p.CapMs: &backoff.Cap} {
		if given == nil {
			continue
		}
		if *given > math.MaxInt64/uint64(time.Millisecond) {
			return untyped
		}
		*place = time.Duration(*given) * time.Millisecond
	}
	if p.MaxAttempts != nil {
		backoff.MaxAttempts = *p.MaxAttempts
	}
	if p.Jitter != nil {
		backoff.NoJitter = *p.Jitter == "none"
	}
	return nil
}

func shapeDecision(decision sendgate.Decision, names []string) any {
	switch decision.Kind {
	case sendgate.Allow:
		return object{"allow": object{"charged_at": millis(decision.ChargedAt())}}
	case sendgate.Defer:
		return object{"defer": object{"retry_at": millis(decision.RetryAt()), "window": names[decision.Window]}}
	case sendgate.Reject:
		return object{"reject": object{"window": names[decision.Window]}}
	}
	return fmt.Sprintf("a decision of the unknown kind %d", decision.Kind)
}

func shapeUsage(windows []sendgate.Usage) any {
	shaped := []object{}
	for _, usage := range windows {
		shaped = append(shaped, object{
			"limit": usage.Limit, "used": usage.Used, "remaining": usage.Remaining,
			"next_at": millis(usage.NextAt), "full_at": millis(usage.FullAt),
		})
	}
	return shaped
}
