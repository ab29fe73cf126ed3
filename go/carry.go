package sendgate

/*
#include <stdlib.h>
#include <sendgate.h>
*/
import "C"

import (
	"context"
	"errors"
	"runtime/cgo"
	"time"
	"unsafe"
)

// sendgateGoCarry is called from threads of the library's.
//
//export sendgateGoCarry
func sendgateGoCarry(
	data unsafe.Pointer, request *C.SendgateHttpRequest, timeout C.uint64_t, reply *C.SendgateReply,
) (carried C.uint32_t) {
	// A panic must not unwind into C; the request may have left.
	defer func() {
		if recover() != nil {
			carried = C.SENDGATE_CARRIED_MAYBE_SENT
		}
	}()
	transport, _ := cgo.Handle(uintptr(data)).Value().(Transport)
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(timeout)*time.Millisecond)
	defer cancel()
	response, err := transport.Carry(ctx, requestOf(request))
	if errors.Is(err, ErrNotSent) {
		return C.SENDGATE_CARRIED_NOT_SENT
	}
	if err != nil || response == nil {
		return C.SENDGATE_CARRIED_MAYBE_SENT
	}
	var given texts
	defer given.free()
	if C.sendgate_reply_set(reply, given.response(response), nil) != C.SENDGATE_STATUS_OK {
		return C.SENDGATE_CARRIED_MAYBE_SENT
	}
	return C.SENDGATE_CARRIED_ANSWERED
}
