// Package sendgate is Sendgate in a Go process: may this message leave now, later, or never, and through whom?
//
// It calls the C library, which pkg-config has to know as sendgate; nothing is decided here. Instants are arguments: there
// is no clock but in a [Mailroom]. Any number of goroutines may share a value. What has a Close method holds memory of the
// library, and is to be closed; closing it while others use it waits for them, and what they ask after that is
// [ErrClosed].
package sendgate

/*
#cgo pkg-config: sendgate
#include <stdlib.h>
#include <sendgate.h>
*/
import "C"

import (
	"errors"
	"math"
	"sync"
	"time"
	"unsafe"
)

// Status is the number of an error. It never changes its meaning.
type Status uint32

// The numbers of sendgate.h.
const (
	StatusNullPointer         Status = C.SENDGATE_STATUS_NULL_POINTER
	StatusNotUTF8             Status = C.SENDGATE_STATUS_NOT_UTF8
	StatusPanicked            Status = C.SENDGATE_STATUS_PANICKED
	StatusInvalidPolicy       Status = C.SENDGATE_STATUS_INVALID_POLICY
	StatusInvalidState        Status = C.SENDGATE_STATUS_INVALID_STATE
	StatusInvalidAddress      Status = C.SENDGATE_STATUS_INVALID_ADDRESS
	StatusUnknownVariant      Status = C.SENDGATE_STATUS_UNKNOWN_VARIANT
	StatusInvalidArgument     Status = C.SENDGATE_STATUS_INVALID_ARGUMENT
	StatusInvalidConfig       Status = C.SENDGATE_STATUS_INVALID_CONFIG
	StatusInvalidMessage      Status = C.SENDGATE_STATUS_INVALID_MESSAGE
	StatusUnsupportedFeature  Status = C.SENDGATE_STATUS_UNSUPPORTED_FEATURE
	StatusCannotBuild         Status = C.SENDGATE_STATUS_CANNOT_BUILD
	StatusWebhookRefused      Status = C.SENDGATE_STATUS_WEBHOOK_REFUSED
	StatusRateLimited         Status = C.SENDGATE_STATUS_RATE_LIMITED
	StatusQuotaExceeded       Status = C.SENDGATE_STATUS_QUOTA_EXCEEDED
	StatusIdempotencyConflict Status = C.SENDGATE_STATUS_IDEMPOTENCY_CONFLICT
	StatusStoreFailed         Status = C.SENDGATE_STATUS_STORE_FAILED
	StatusRefused             Status = C.SENDGATE_STATUS_REFUSED
)

// ErrClosed is what a value that was closed answers.
var ErrClosed = errors.New("sendgate: closed")

// FieldFault is one fault of one field of a message.
type FieldFault struct {
	Field, Code, Detail string
}

// Error is why a call failed, with what its kind knows; errors.As finds it. What it has not is empty.
type Error struct {
	Status Status
	// Code is the stable word, the same in every language.
	Code string
	// Detail is a sentence for people, with the bound. Never an address, a body or a key.
	Detail string
	// RetryAt is the first instant at which the same submission will do; zero when waiting does not help.
	RetryAt time.Time
	// Window is the one that is full.
	Window string
	// Period of the quota that is used up: day, month or year.
	Period string
	// Feature that Provider lacks.
	Feature, Provider string
	// Faults of a message.
	Faults []FieldFault
}

func (e *Error) Error() string { return "sendgate: " + e.Detail }

// failure reads an error of the library and frees it.
func failure(status C.SendgateStatus, raised *C.SendgateError) error {
	if status == C.SENDGATE_STATUS_OK {
		return nil
	}
	defer C.sendgate_error_free(raised)
	data := C.sendgate_error_data(raised)
	told := &Error{
		Status: Status(status), Code: C.GoString(C.sendgate_error_code(raised)),
		Detail: C.GoString(C.sendgate_error_text(raised)),
	}
	if data == nil {
		return told
	}
	if data.has_retry_at {
		told.RetryAt = instant(data.retry_at)
	}
	told.Window, told.Period = C.GoString(data.window), C.GoString(data.period)
	told.Feature, told.Provider = C.GoString(data.feature), C.GoString(data.provider)
	told.Faults = faults(data.faults, data.fault_count)
	return told
}

func faults(first *C.SendgateFieldFault, count C.size_t) []FieldFault {
	all := make([]FieldFault, 0, int(count))
	for _, fault := range unsafe.Slice(first, int(count)) {
		all = append(all, FieldFault{C.GoString(fault.field), C.GoString(fault.code), C.GoString(fault.detail)})
	}
	return all
}

// closing frees what is held, when nobody uses it any more; free says whether it was there.
func closing(lock *sync.RWMutex, free func() bool) error {
	lock.Lock()
	defer lock.Unlock()
	if !free() {
		return ErrClosed
	}
	return nil
}

// millis is the library's number of an instant: those before 1970 are 1970.
func millis(at time.Time) C.uint64_t {
	seconds := at.Unix()
	if seconds < 0 {
		return 0
	}
	if uint64(seconds) > math.MaxUint64/1000 {
		return math.MaxUint64
	}
	whole := uint64(seconds) * 1000
	part := uint64(at.Nanosecond() / int(time.Millisecond))
	if whole > math.MaxUint64-part {
		return math.MaxUint64
	}
	return C.uint64_t(whole + part)
}

func instant(millis C.uint64_t) time.Time {
	return time.Unix(int64(millis/1000), int64(millis%1000)*int64(time.Millisecond))
}

// pointer is the first of some bytes, or nil; it is read only.
func pointer(bytes []byte) *C.uint8_t {
	return (*C.uint8_t)(unsafe.Pointer(unsafe.SliceData(bytes)))
}

// texts are C's copies of strings, freed together.
type texts []unsafe.Pointer

func (t *texts) of(text string) *C.char {
	copied := C.CString(text)
	*t = append(*t, unsafe.Pointer(copied))
	return copied
}

// perhaps is NULL for an empty string.
func (t *texts) perhaps(text string) *C.char {
	if text == "" {
		return nil
	}
	return t.of(text)
}

// list is an array of C's of strings.
func (t *texts) list(strings []string) **C.char {
	if len(strings) == 0 {
		return nil
	}
	array := C.malloc(C.size_t(len(strings)) * C.size_t(unsafe.Sizeof((*C.char)(nil))))
	*t = append(*t, array)
	for i, text := range strings {
		unsafe.Slice((**C.char)(array), len(strings))[i] = t.of(text)
	}
	return (**C.char)(array)
}

// bytes is a copy of bytes in C's memory.
func (t *texts) bytes(bytes []byte) C.SendgateBytes {
	if len(bytes) == 0 {
		return C.SendgateBytes{}
	}
	copied := C.CBytes(bytes)
	*t = append(*t, copied)
	return C.SendgateBytes{data: (*C.uint8_t)(copied), length: C.size_t(len(bytes))}
}

func (t *texts) free() {
	for _, pointer := range *t {
		C.free(pointer)
	}
}

// taken is a string of the library's, freed.
func taken(text *C.char) string {
	defer C.sendgate_string_free(text)
	return C.GoString(text)
}

// filled is what a function writes into a buffer whose size it says first.
func filled(write func(*C.uint8_t, C.size_t, *C.size_t, **C.SendgateError) C.SendgateStatus) ([]byte, error) {
	var buffer []byte
	for {
		var length C.size_t
		var raised *C.SendgateError
		status := write(pointer(buffer), C.size_t(len(buffer)), &length, &raised)
		if status != C.SENDGATE_STATUS_BUFFER_TOO_SMALL {
			return buffer[:min(int(length), len(buffer))], failure(status, raised)
		}
		C.sendgate_error_free(raised)
		buffer = make([]byte, int(length))
	}
}

// Version is Sendgate's.
func Version() string { return C.GoString(C.sendgate_version()) }

// NormalizeAddress is the form of an address under which it is suppressed: lower case, its domain in ASCII.
func NormalizeAddress(address string) (string, error) {
	var given texts
	defer given.free()
	var normalized *C.char
	var raised *C.SendgateError
	if err := failure(C.sendgate_normalize_address(given.of(address), &normalized, &raised), raised); err != nil {
		return "", err
	}
	return taken(normalized), nil
}
