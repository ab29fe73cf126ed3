package sendgate

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	policy  = `{"windows":[{"kind":"sliding","name":"minute","limit":3,"period_ms":60000}]}`
	message = `{"from":"orders@shop.example","to":["ann@example.com"],"subject":"Hi","text_body":"Hello"}`
	account = `{"providers":[{"kind":"resend","credential":"KEY"}]}`
)

var (
	noon    = time.UnixMilli(1800000000000)
	secrets = map[string]string{"KEY": "re_key"}
)

// must gives a test's value, or ends the test.
func must[T any](value T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func TestALimiterDecidesAndItsStateMoves(t *testing.T) {
	limiter := must(NewLimiter(policy))(t)
	defer limiter.Close()
	if got := must(limiter.Decide(2, noon))(t); got.Kind != Allow || !got.ChargedAt().Equal(noon) {
		t.Errorf("%+v", got)
	}
	if got := must(limiter.Decide(2, noon))(t); got.Kind != Defer || !got.RetryAt().Equal(noon.Add(time.Minute)) {
		t.Errorf("%+v", got)
	}
	other := must(NewLimiter(policy))(t)
	defer other.Close()
	if err := other.Load(must(limiter.State())(t)); err != nil {
		t.Fatal(err)
	}
	many := must(other.DecideMany([]uint32{1, 1, 4}, noon))(t)
	if many[0].Kind != Allow || many[1].Kind != Defer || many[2].Kind != Reject {
		t.Errorf("%+v", many)
	}
	if got := must(other.Usage(noon))(t); len(got) != 1 || got[0].Used != 3 || !got[0].NextAt.Equal(noon.Add(time.Minute)) {
		t.Errorf("%+v", got)
	}
}

func TestAnErrorHasItsData(t *testing.T) {
	_, err := NewLimiter(`{"windows":[]}`)
	var told *Error
	if !errors.As(err, &told) || told.Status != StatusInvalidPolicy || told.Code != "window_count" {
		t.Errorf("%#v", err)
	}
	postmark := must(NewProvider("postmark", ProviderSettings{Credential: "token"}))(t)
	defer postmark.Close()
	_, err = postmark.Build(strings.Replace(message, `"subject"`, `"tags":["one","two"],"subject"`, 1), "id-1", noon)
	if !errors.As(err, &told) || told.Feature != "more than one tag" || told.Provider != "postmark" {
		t.Errorf("%#v", err)
	}
	_, err = postmark.Build(`{"from":"a@shop.example"}`, "id-1", noon)
	if !errors.As(err, &told) || told.Status != StatusInvalidMessage || len(told.Faults) == 0 {
		t.Errorf("%#v", err)
	}
}

func TestWhatIsClosedSaysSo(t *testing.T) {
	limiter := must(NewLimiter(policy))(t)
	if err := limiter.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := limiter.Decide(1, noon); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	if err := limiter.Close(); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}

func TestGoroutinesShareOneBudget(t *testing.T) {
	const limit = 1000
	limiters := must(NewLimiters(fmt.Sprintf(`{"windows":[{"kind":"sliding","name":"hour","limit":%d,"period_ms":3600000}]}`, limit), 0))(t)
	defer limiters.Close()
	var allowed atomic.Int64
	var all sync.WaitGroup
	for range [2]struct{}{} {
		all.Add(1)
		go func() {
			defer all.Done()
			for i := 0; i < limit; i++ {
				if got, err := limiters.Decide("ann", 1, noon); err == nil && got.Kind == Allow {
					allowed.Add(1)
				}
			}
		}()
	}
	all.Wait()
	if allowed.Load() != limit || must(limiters.Len())(t) != 1 {
		t.Error(allowed.Load())
	}
}

func TestAGateAndAList(t *testing.T) {
	gate := must(NewGate(`{"dimensions":[{"scope":"plan","name":"plan","unit":"requests","windows":[{"kind":"sliding","name":"m","limit":1,"period_ms":60000}]}]}`))(t)
	defer gate.Close()
	if got := must(gate.Decide(Active, []uint32{1}, noon))(t); got.Kind != GateAllows {
		t.Errorf("%+v", got)
	}
	if got := must(gate.Decide(Active, []uint32{1}, noon))(t); got.Kind != GateDefers || !got.RetryAt.Equal(noon.Add(time.Minute)) {
		t.Errorf("%+v", got)
	}
	if got := must(gate.Decide(Suspended, []uint32{1}, noon))(t); got.Kind != GateSuspended {
		t.Errorf("%+v", got)
	}
	key := []byte("0123456789abcdef")
	list := must(NewSuppressions(key, []string{"Ann@Example.COM"}))(t)
	defer list.Close()
	moved := must(LoadSuppressions(key, must(list.Save())(t)))(t)
	defer moved.Close()
	if !must(moved.Contains("ann@example.com"))(t) || must(moved.Contains("bob@example.net"))(t) {
		t.Error("the list is another one")
	}
	if !must(moved.Add("bob@example.net"))(t) || !must(moved.Remove("bob@example.net"))(t) {
		t.Error("bob was not new, or not there")
	}
}

func TestAGateExplainsAndALedgerReserves(t *testing.T) {
	gate := must(NewGate(`{"dimensions":[{"scope":"plan","name":"plan","unit":"requests","windows":[{"kind":"sliding","name":"m","limit":2,"period_ms":60000}]}]}`))(t)
	defer gate.Close()
	if got := must(gate.Charge(0, 1, noon))(t); !got.Equal(noon) {
		t.Error(got)
	}
	if got := must(gate.Peek(Active, []uint32{1}, []uint32{1}, noon))(t); got.Kind != GateOccupied && got.Kind != GateDefers {
		t.Errorf("%+v", got)
	}
	all := must(gate.Explain(Active, []uint32{1}, nil, noon))(t)
	if len(all) != 1 || all[0].Scope != "plan" || all[0].Unit != "requests" || all[0].Used != 1 || !all[0].IsBinding {
		t.Errorf("%+v", all)
	}
	if err := gate.Load(0, must(gate.State(0))(t)); err != nil {
		t.Error(err)
	}
	var told *Error
	if _, err := gate.Peek(Active, []uint32{1}, []uint32{1, 1}, noon); !errors.As(err, &told) || told.Code != "wrong_count" {
		t.Error(err)
	}
	ledger := must(NewLedger(`{"quotas":[{"period":"day","limit":10}]}`))(t)
	defer ledger.Close()
	taken := must(ledger.Reserve(8, noon))(t)
	if taken.Reservation != "8:1800000000000:d" {
		t.Errorf("%+v", taken)
	}
	// noon is 08:00 of UTC.
	refused := must(ledger.Reserve(3, noon))(t)
	if refused.Code != "quota_daily" || refused.Free != 2 || !refused.RetryAt.Equal(noon.Add(16*time.Hour)) {
		t.Errorf("%+v", refused)
	}
	if err := errors.Join(ledger.Commit(taken.Reservation, 5, noon), ledger.Release(taken.Reservation, AllUnits, noon)); err != nil {
		t.Fatal(err)
	}
	other := must(NewLedger(`{"quotas":[{"period":"day","limit":4}]}`))(t)
	defer other.Close()
	if err := other.Load(must(ledger.State())(t)); err != nil {
		t.Fatal(err)
	}
	if got := must(other.Usage(noon))(t); len(got) != 1 || got[0].Period != "day" || got[0].Committed != 5 || got[0].Over != 1 {
		t.Errorf("%+v", got)
	}
}

func TestStatesOfKeysMove(t *testing.T) {
	limiters := must(NewLimiters(policy, 1))(t)
	defer limiters.Close()
	must(limiters.Decide("ann", 3, noon))(t)
	if got := must(limiters.Usage("ann", noon))(t); len(got) != 1 || got[0].Used != 3 {
		t.Errorf("%+v", got)
	}
	state := must(limiters.State("ann"))(t)
	if must(limiters.Load("bob", state))(t) || !must(limiters.Load("ann", state))(t) {
		t.Error("a full table took another key, or not its own")
	}
	if err := limiters.Refund("ann", 3, noon, noon); err != nil {
		t.Fatal(err)
	}
	if got := must(limiters.Peek("ann", 3, noon))(t); got.Kind != Allow {
		t.Errorf("%+v", got)
	}
	list := must(NewSuppressions([]byte("0123456789abcdef"), []string{"ann@example.com"}))(t)
	defer list.Close()
	if got := must(list.ContainsMany([]string{"Ann@Example.com", "bob@example.net"}))(t); !got[0] || got[1] || must(list.Len())(t) != 1 {
		t.Error(got)
	}
}

func TestAProviderBuildsClassifiesAndVerifies(t *testing.T) {
	resend := must(NewProvider("resend", ProviderSettings{Credential: "re_key"}))(t)
	defer resend.Close()
	call := must(resend.Build(message, "id-1", noon))(t)
	if call.HTTP == nil || call.HTTP.URL != "https://api.resend.com/emails" || call.HTTP.Header.Get("Idempotency-Key") != "id-1" {
		t.Errorf("%+v", call.HTTP)
	}
	slow := &HTTPResponse{Status: 429, Header: http.Header{"Retry-After": {"7"}}, Body: []byte(`{}`)}
	if got := must(resend.Classify(slow, noon))(t); got.Outcome != "throttled" || !got.RetryAt.Equal(noon.Add(7*time.Second)) {
		t.Errorf("%+v", got)
	}
	postmark := must(NewProvider("postmark", ProviderSettings{Credential: "token"}))(t)
	defer postmark.Close()
	webhook := Webhook{
		// Base64 of hook:secret.
		Header: http.Header{"Authorization": {"Basic aG9vazpzZWNyZXQ="}}, Secrets: []string{"hook:secret"},
		Body: []byte(`{"RecordType":"Delivery","MessageID":"883953f4-6105-42a2-a16a-77a8eac79483",` +
			`"Recipient":"ann@example.com","DeliveredAt":"2026-11-05T16:33:54Z","ServerID":23}`),
	}
	report := must(postmark.ParseWebhook(webhook, noon))(t)
	if len(report.Events) != 1 || report.Events[0].Kind != "delivered" || report.Events[0].Recipient != "ann@example.com" {
		t.Errorf("%+v", report)
	}
	webhook.Secrets = []string{"hook:other"}
	var told *Error
	if _, err := postmark.ParseWebhook(webhook, noon); !errors.As(err, &told) || told.Status != StatusWebhookRefused {
		t.Error(err)
	}
	mail := must(NewProvider("smtp", ProviderSettings{Credential: "user:secret", BaseURL: "smtps://mail.example:465"}))(t)
	defer mail.Close()
	if got := must(mail.Build(message, "id-1", noon))(t); got.SMTP == nil || got.SMTP.Security != "implicit" || got.SMTP.Port != 465 {
		t.Errorf("%+v", got)
	}
}

func TestAMailroomDeliversThroughATransport(t *testing.T) {
	var calls atomic.Int64
	carry := func(ctx context.Context, request *HTTPRequest) (*HTTPResponse, error) {
		if _, timed := ctx.Deadline(); !timed || request.Method != "POST" {
			t.Error("a call without its time or its method")
		}
		switch calls.Add(1) {
		case 1:
			return &HTTPResponse{Status: 200, Body: []byte(`{"id":"re_1"}`)}, nil
		case 2:
			panic("a test's own")
		}
		return nil, fmt.Errorf("no network: %w", ErrNotSent)
	}
	options := Options{Secrets: secrets, Transport: TransportFunc(carry)}
	mailroom := must(OpenMailroom(filepath.Join(t.TempDir(), "mail.db"), account, options))(t)
	defer mailroom.Close()
	ctx := context.Background()
	receipts := must(mailroom.Submit(ctx, "key-1", message))(t)
	if len(receipts) != 1 || receipts[0].Status != "queued" {
		t.Fatalf("%+v", receipts)
	}
	again := must(mailroom.Submit(ctx, "key-1", message))(t)
	if again[0].MessageID != receipts[0].MessageID {
		t.Error("the same key made another message")
	}
	if err := mailroom.Drain(ctx); err != nil {
		t.Fatal(err)
	}
	trace := must(mailroom.Trace(receipts[0].MessageID))(t)
	if !strings.Contains(string(trace), `"event":"sent"`) || calls.Load() != 1 {
		t.Errorf("%s", trace)
	}
	if got := must(mailroom.Trace("msg_0"))(t); got != nil {
		t.Errorf("%s", got)
	}
	must(mailroom.Submit(ctx, "", map[string]any{
		"from": "a@shop.example", "to": []string{"bob@example.net"}, "subject": "B", "text_body": "B"}))(t)
	short, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	if err := mailroom.Drain(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	if calls.Load() != 2 {
		t.Errorf("%d calls", calls.Load())
	}
}

func TestAMissingSecretIsAnError(t *testing.T) {
	_, err := OpenMailroom(filepath.Join(t.TempDir(), "mail.db"), account, Options{Secrets: map[string]string{}})
	var told *Error
	if !errors.As(err, &told) || told.Code != "missing_credential" {
		t.Error(err)
	}
}

func TestEveryInstantOfTheLibraryIsOneOfGo(t *testing.T) {
	for _, number := range []uint64{0, 1, 1800000000123, 1<<63 - 1, 1 << 63, 1<<64 - 1} {
		if got := uint64(millis(time.Unix(int64(number/1000), int64(number%1000)*1e6))); got != number {
			t.Errorf("%d became %d", number, got)
		}
	}
	if millis(time.UnixMilli(-1)) != 0 {
		t.Error("before 1970 is not 1970")
	}
}
