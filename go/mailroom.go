package sendgate

/*
#include <stdlib.h>
#include <sendgate.h>

uint32_t sendgateGoCarry(void *data, SendgateHttpRequest *request, uint64_t timeout_ms, SendgateReply *reply);

// A handle is a number, and stays one in Go.
static void go_transport(SendgateMailroomOptions *options, uintptr_t handle) {
	options->transport = (SendgateTransport)sendgateGoCarry;
	options->transport_data = (void *)handle;
}
*/
import "C"

import (
	"context"
	"encoding/json"
	"errors"
	"runtime/cgo"
	"sync"
	"time"
	"unsafe"
)

// ErrNotSent is for a Transport to return, or to wrap, when the provider surely has not got the request.
var ErrNotSent = errors.New("sendgate: the request was not sent")

// Transport carries HTTP requests. It is called from several goroutines at once, and its context ends when the call is
// given up. An error that is not [ErrNotSent], and a panic, mean that the request may have left.
type Transport interface {
	Carry(ctx context.Context, request *HTTPRequest) (*HTTPResponse, error)
}

// TransportFunc is a function as a Transport.
type TransportFunc func(ctx context.Context, request *HTTPRequest) (*HTTPResponse, error)

// Carry calls the function.
func (f TransportFunc) Carry(ctx context.Context, request *HTTPRequest) (*HTTPResponse, error) {
	return f(ctx, request)
}

// Options is how a Mailroom is opened.
type Options struct {
	// Secrets are the values of the names that the configuration calls credential; the environment's when nil.
	Secrets map[string]string
	// Lease is how long a process that delivers is waited for after its last sign of life; the usual time when 0.
	Lease time.Duration
	// Transport carries HTTP requests; Sendgate's own client when nil.
	Transport Transport
}

// Receipt is what became of one submitted message.
type Receipt struct {
	// MessageID is empty when it was refused.
	MessageID string
	// Status is queued, suppressed or refused.
	Status string
	// Code is why it was refused, and Faults what is wrong with it.
	Code     string
	Faults   []FieldFault
	Warnings []string
}

// Mailroom is the outbox of an application, on a SQLite file, for several goroutines and processes on one file.
type Mailroom struct {
	lock      sync.RWMutex
	c         *C.SendgateMailroom
	transport cgo.Handle
}

// OpenMailroom opens the file, and creates it when there is none. accountJSON is one account's configuration, in which
// only providers has to be there.
func OpenMailroom(path, accountJSON string, options Options) (*Mailroom, error) {
	var given texts
	defer given.free()
	place := (*C.SendgateMailroomOptions)(given.place(unsafe.Sizeof(C.SendgateMailroomOptions{})))
	place.path, place.account_json = given.of(path), given.of(accountJSON)
	place.lease_ms = C.uint64_t(options.Lease.Milliseconds())
	if options.Secrets != nil {
		count := len(options.Secrets)
		first := (*C.SendgateSecret)(given.place(uintptr(count+1) * unsafe.Sizeof(C.SendgateSecret{})))
		secrets := unsafe.Slice(first, count+1)[:0]
		for name, value := range options.Secrets {
			secrets = append(secrets, C.SendgateSecret{name: given.of(name), value: given.of(value)})
		}
		place.secrets, place.secret_count = first, C.size_t(count)
	}
	opened := &Mailroom{}
	if options.Transport != nil {
		opened.transport = cgo.NewHandle(options.Transport)
		C.go_transport(place, C.uintptr_t(opened.transport))
	}
	var raised *C.SendgateError
	if err := failure(C.sendgate_mailroom_open(place, &opened.c, &raised), raised); err != nil {
		opened.forget()
		return nil, err
	}
	return opened, nil
}

// Close stops the delivery, waits for the calls under way, and frees the Mailroom.
func (m *Mailroom) Close() error {
	return closing(&m.lock, func() bool {
		if m.c == nil {
			return false
		}
		C.sendgate_mailroom_free(m.c)
		m.c = nil
		m.forget()
		return true
	})
}

func (m *Mailroom) forget() {
	if m.transport != 0 {
		m.transport.Delete()
	}
}

// Submit stores messages for delivery, all under one request's limits, and tells what became of each. A message is
// anything that encoding/json writes as the API's message, or its JSON text as a string or bytes. The same
// idempotencyKey, when it is not empty, with the same messages gets the same receipts for 24 hours.
//
// What was stored stays stored: ctx is looked at before.
func (m *Mailroom) Submit(ctx context.Context, idempotencyKey string, messages ...any) ([]Receipt, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.lock.RLock()
	defer m.lock.RUnlock()
	if m.c == nil {
		return nil, ErrClosed
	}
	all := make([]string, 0, len(messages))
	for _, message := range messages {
		text, err := messageJSON(message)
		if err != nil {
			return nil, err
		}
		all = append(all, text)
	}
	var given texts
	defer given.free()
	var receipts *C.SendgateReceipts
	var raised *C.SendgateError
	status := C.sendgate_mailroom_submit(m.c, given.list(all), C.size_t(len(all)), given.perhaps(idempotencyKey),
		&receipts, &raised)
	if err := failure(status, raised); err != nil {
		return nil, err
	}
	defer C.sendgate_receipts_free(receipts)
	return receiptsOf(receipts), nil
}

func receiptsOf(c *C.SendgateReceipts) []Receipt {
	all := make([]Receipt, 0, int(c.count))
	for _, one := range unsafe.Slice(c.receipts, int(c.count)) {
		receipt := Receipt{
			MessageID: C.GoString(one.message_id), Status: C.GoString(one.status), Code: C.GoString(one.code),
			Faults: faults(one.faults, one.fault_count),
		}
		for _, word := range unsafe.Slice(one.warnings, int(one.warning_count)) {
			receipt.Warnings = append(receipt.Warnings, C.GoString(word))
		}
		all = append(all, receipt)
	}
	return all
}

// Run delivers in the background until Stop; false when it does so already.
func (m *Mailroom) Run() (bool, error) {
	m.lock.RLock()
	defer m.lock.RUnlock()
	if m.c == nil {
		return false, ErrClosed
	}
	var started C.bool
	var raised *C.SendgateError
	status := C.sendgate_mailroom_run(m.c, &started, &raised)
	return bool(started), failure(status, raised)
}

// Stop ends the delivery in the background when the calls under way are settled.
func (m *Mailroom) Stop() error {
	m.lock.RLock()
	defer m.lock.RUnlock()
	if m.c == nil {
		return ErrClosed
	}
	var raised *C.SendgateError
	return failure(C.sendgate_mailroom_stop(m.c, &raised), raised)
}

// Drain delivers until no message waits or is on its way, by whichever process; it returns the context's error when that
// ends first.
func (m *Mailroom) Drain(ctx context.Context) error {
	started, err := m.Run()
	if err != nil {
		return err
	}
	if started {
		defer func() { _ = m.Stop() }()
	}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		isEmpty, err := m.wait(look)
		if isEmpty || err != nil {
			return err
		}
	}
}

func (m *Mailroom) wait(longest time.Duration) (bool, error) {
	m.lock.RLock()
	defer m.lock.RUnlock()
	if m.c == nil {
		return false, ErrClosed
	}
	var isEmpty C.bool
	var raised *C.SendgateError
	status := C.sendgate_mailroom_drain(m.c, C.uint64_t(longest.Milliseconds()), &isEmpty, &raised)
	return bool(isEmpty), failure(status, raised)
}

// Trace is where a message is and how it came there, as the API's GET /v1/messages/{id} tells it; nil when there is none
// of this id.
func (m *Mailroom) Trace(messageID string) (json.RawMessage, error) {
	m.lock.RLock()
	defer m.lock.RUnlock()
	if m.c == nil {
		return nil, ErrClosed
	}
	var given texts
	defer given.free()
	var text *C.char
	var raised *C.SendgateError
	err := failure(C.sendgate_mailroom_trace(m.c, given.of(messageID), &text, &raised), raised)
	if err != nil || text == nil {
		return nil, err
	}
	return json.RawMessage(taken(text)), nil
}

// Usage is what is in use of each quota, as the API's GET /v1/usage tells it.
func (m *Mailroom) Usage() (json.RawMessage, error) {
	m.lock.RLock()
	defer m.lock.RUnlock()
	if m.c == nil {
		return nil, ErrClosed
	}
	var text *C.char
	var raised *C.SendgateError
	if err := failure(C.sendgate_mailroom_usage(m.c, &text, &raised), raised); err != nil {
		return nil, err
	}
	return json.RawMessage(taken(text)), nil
}

// look is how often a context is looked at while a Mailroom drains: soon enough for people.
const look = 100 * time.Millisecond
