package sendgate

/*
#include <stdlib.h>
#include <sendgate.h>
*/
import "C"

import (
	"encoding/json"
	"net/http"
	"sync"
	"time"
	"unsafe"
)

// HTTPRequest is one to carry out. Follow no redirect.
type HTTPRequest struct {
	Method, URL string
	Header      http.Header
	Body        []byte
}

// HTTPResponse is what came back.
type HTTPResponse struct {
	Status int
	Header http.Header
	Body   []byte
}

// SMTPRequest is a mail to hand to a mail server.
type SMTPRequest struct {
	Host string
	Port uint16
	// Security is implicit (TLS from the start), starttls, or none (on the loopback only).
	Security       string
	User, Password string
	Hello, Sender  string
	Recipients     []string
	NeedsSMTPUTF8  bool
	Data           []byte
}

// Call is what to carry out: one of the two.
type Call struct {
	HTTP *HTTPRequest
	SMTP *SMTPRequest
}

// Outcome is the class of a provider's answer.
type Outcome string

// Refused is a recipient that was refused alone.
type Refused struct {
	Address string
	// Reason is suppressed, permanent or transient.
	Reason string
}

// Answer is what a provider's answer means.
type Answer struct {
	// Outcome is accepted, throttled, transient, quota_spent, credentials_wrong, sender_refused, recipient_suppressed,
	// permanently_refused, split or unknown.
	Outcome Outcome
	// RetryAt is the first instant at which the provider allows another attempt, when it said so.
	RetryAt                         time.Time
	Status                          int
	ProviderMessageID, ProviderCode string
	Refused                         []Refused
}

// Event is one thing that happened to one message and one recipient. What it has not is empty.
type Event struct {
	Provider, Kind, Key                                  string
	At                                                   time.Time
	ProviderMessageID, MessageID, Recipient, BounceClass string
	// IsEcho: the provider's own list refused the recipient. IsCandidate: the event may be another recipient's.
	IsEcho, IsCandidate bool
}

// Webhook is a provider's report as it came, and what it is believed by.
type Webhook struct {
	Header http.Header
	// Body as it came, not a byte changed.
	Body []byte
	// Secrets that the provider signs with, several while one is replaced.
	Secrets []string
	// SecretHeader is the field that carries the secret where nothing is signed; Basic credentials otherwise.
	SecretHeader string
	// Topics of SNS that are expected, and Roots in PEM that its certificates must descend from.
	Topics []string
	Roots  string
	// Tolerance is how far the signed instant may lie from now; the provider's own figure when 0.
	Tolerance time.Duration
	// CertificateURL and CertificatePEM are what an earlier Report asked for.
	CertificateURL, CertificatePEM string
}

// Report is a verified one: events, or a URL to fetch.
type Report struct {
	Events []Event
	// CertificateURL is where a certificate is to be fetched from, to ask again with it.
	CertificateURL string
	// ConfirmURL is to be fetched to confirm a subscription.
	ConfirmURL string
}

// ProviderSettings is what a provider's calls need; which of it, is the provider's to say.
type ProviderSettings struct {
	Credential, BaseURL, Domain, AccountID, Region string
}

// Provider says what goes to a provider, what its answers mean, and what it reports.
type Provider struct {
	lock sync.RWMutex
	c    *C.SendgateProvider
}

// NewProvider makes a provider of its word, such as resend.
func NewProvider(kind string, settings ProviderSettings) (*Provider, error) {
	var given texts
	defer given.free()
	c := C.SendgateProviderSettings{
		credential: given.perhaps(settings.Credential), base_url: given.perhaps(settings.BaseURL),
		domain: given.perhaps(settings.Domain), account_id: given.perhaps(settings.AccountID),
		region: given.perhaps(settings.Region),
	}
	place := (*C.SendgateProviderSettings)(given.place(unsafe.Sizeof(c)))
	*place = c
	made := &Provider{}
	var raised *C.SendgateError
	if err := failure(C.sendgate_provider_new(given.of(kind), place, &made.c, &raised), raised); err != nil {
		return nil, err
	}
	return made, nil
}

// Close frees the provider.
func (p *Provider) Close() error {
	return closing(&p.lock, func() bool {
		if p.c == nil {
			return false
		}
		C.sendgate_provider_free(p.c)
		p.c = nil
		return true
	})
}

// Build is the call that hands a message to the provider. messageID is the caller's own id of it: the idempotency key
// where there is one. The message is what Mailroom.Submit takes.
func (p *Provider) Build(message any, messageID string, now time.Time) (*Call, error) {
	p.lock.RLock()
	defer p.lock.RUnlock()
	if p.c == nil {
		return nil, ErrClosed
	}
	text, err := messageJSON(message)
	if err != nil {
		return nil, err
	}
	var given texts
	defer given.free()
	var built *C.SendgateCall
	var raised *C.SendgateError
	status := C.sendgate_provider_build(p.c, given.of(text), given.of(messageID), millis(now), &built, &raised)
	if err := failure(status, raised); err != nil {
		return nil, err
	}
	defer C.sendgate_call_free(built)
	return callOf(built), nil
}

// Classify is what an HTTP answer means. Any answer has a meaning.
func (p *Provider) Classify(response *HTTPResponse, now time.Time) (*Answer, error) {
	p.lock.RLock()
	defer p.lock.RUnlock()
	if p.c == nil {
		return nil, ErrClosed
	}
	var given texts
	defer given.free()
	var answer *C.SendgateAnswer
	var raised *C.SendgateError
	status := C.sendgate_provider_classify(p.c, given.response(response), millis(now), &answer, &raised)
	if err := failure(status, raised); err != nil {
		return nil, err
	}
	defer C.sendgate_answer_free(answer)
	told := &Answer{
		Outcome: Outcome(C.GoString(answer.outcome_word)), Status: int(answer.status),
		ProviderMessageID: C.GoString(answer.provider_message_id), ProviderCode: C.GoString(answer.provider_code),
	}
	if answer.has_retry_at {
		told.RetryAt = instant(answer.retry_at)
	}
	for _, one := range unsafe.Slice(answer.refused, int(answer.refused_count)) {
		told.Refused = append(told.Refused, Refused{C.GoString(one.address), reasons[one.reason]})
	}
	return told, nil
}

// ParseWebhook verifies a report and reads it. When it fails, nothing of the request may be believed.
func (p *Provider) ParseWebhook(webhook Webhook, now time.Time) (*Report, error) {
	p.lock.RLock()
	defer p.lock.RUnlock()
	if p.c == nil {
		return nil, ErrClosed
	}
	var given texts
	defer given.free()
	place := (*C.SendgateWebhook)(given.place(unsafe.Sizeof(C.SendgateWebhook{})))
	headers, count := given.headers(webhook.Header)
	*place = C.SendgateWebhook{
		headers: headers, header_count: count, body: given.bytes(webhook.Body),
		secrets: given.list(webhook.Secrets), secret_count: C.size_t(len(webhook.Secrets)),
		header: given.perhaps(webhook.SecretHeader),
		topics: given.list(webhook.Topics), topic_count: C.size_t(len(webhook.Topics)), roots: given.perhaps(webhook.Roots),
		certificate_url: given.perhaps(webhook.CertificateURL), certificate_pem: given.perhaps(webhook.CertificatePEM),
	}
	if webhook.Tolerance > 0 {
		tolerance := (*C.uint64_t)(given.place(unsafe.Sizeof(C.uint64_t(0))))
		*tolerance = C.uint64_t(webhook.Tolerance.Milliseconds())
		place.tolerance_ms = tolerance
	}
	var report *C.SendgateReport
	var raised *C.SendgateError
	status := C.sendgate_provider_parse_webhook(p.c, place, millis(now), &report, &raised)
	if err := failure(status, raised); err != nil {
		return nil, err
	}
	defer C.sendgate_report_free(report)
	return reportOf(report), nil
}

func reportOf(c *C.SendgateReport) *Report {
	switch c.kind {
	case C.SENDGATE_REPORT_KIND_NEEDS_CERTIFICATE:
		return &Report{CertificateURL: C.GoString(c.url)}
	case C.SENDGATE_REPORT_KIND_CONFIRM:
		return &Report{ConfirmURL: C.GoString(c.url)}
	}
	report := &Report{}
	for _, event := range unsafe.Slice(c.events, int(c.event_count)) {
		report.Events = append(report.Events, Event{
			Provider: C.GoString(event.provider), Kind: C.GoString(event.kind), Key: C.GoString(event.key),
			At: instant(event.at), ProviderMessageID: C.GoString(event.provider_message_id),
			MessageID: C.GoString(event.message_id), Recipient: C.GoString(event.recipient),
			BounceClass: C.GoString(event.bounce_class), IsEcho: bool(event.is_echo), IsCandidate: bool(event.is_candidate),
		})
	}
	return report
}

func callOf(c *C.SendgateCall) *Call {
	if c.http != nil {
		return &Call{HTTP: requestOf(c.http)}
	}
	if c.smtp == nil {
		return &Call{}
	}
	mail := &SMTPRequest{
		Host: C.GoString(c.smtp.host), Port: uint16(c.smtp.port), Security: securities[c.smtp.security],
		User: C.GoString(c.smtp.user), Password: C.GoString(c.smtp.password), Hello: C.GoString(c.smtp.hello),
		Sender: C.GoString(c.smtp.sender), NeedsSMTPUTF8: bool(c.smtp.needs_smtputf8), Data: copied(c.smtp.data),
	}
	for _, recipient := range unsafe.Slice(c.smtp.recipients, int(c.smtp.recipient_count)) {
		mail.Recipients = append(mail.Recipients, C.GoString(recipient))
	}
	return &Call{SMTP: mail}
}

func requestOf(c *C.SendgateHttpRequest) *HTTPRequest {
	header := http.Header{}
	for _, field := range unsafe.Slice(c.headers, int(c.header_count)) {
		header.Set(C.GoString(field.name), C.GoString(field.value))
	}
	return &HTTPRequest{C.GoString(c.method), C.GoString(c.url), header, copied(c.body)}
}

func copied(bytes C.SendgateBytes) []byte {
	return C.GoBytes(unsafe.Pointer(bytes.data), C.int(bytes.length))
}

// place is memory of C's for a struct, zeroed.
func (t *texts) place(size uintptr) unsafe.Pointer {
	place := C.calloc(1, C.size_t(size))
	*t = append(*t, place)
	return place
}

func (t *texts) headers(header http.Header) (*C.SendgateHeader, C.size_t) {
	total := 0
	for _, values := range header {
		total += len(values)
	}
	if total == 0 {
		return nil, 0
	}
	first := (*C.SendgateHeader)(t.place(uintptr(total) * unsafe.Sizeof(C.SendgateHeader{})))
	fields := unsafe.Slice(first, total)[:0]
	for name, values := range header {
		for _, value := range values {
			fields = append(fields, C.SendgateHeader{name: t.of(name), value: t.of(value)})
		}
	}
	return first, C.size_t(total)
}

func (t *texts) response(response *HTTPResponse) *C.SendgateHttpResponse {
	place := (*C.SendgateHttpResponse)(t.place(unsafe.Sizeof(C.SendgateHttpResponse{})))
	headers, count := t.headers(response.Header)
	*place = C.SendgateHttpResponse{
		status: C.uint16_t(response.Status), headers: headers, header_count: count, body: t.bytes(response.Body),
	}
	return place
}

// messageJSON is a message's JSON text: a string, bytes and a json.RawMessage are taken as they are.
func messageJSON(message any) (string, error) {
	switch text := message.(type) {
	case string:
		return text, nil
	case []byte:
		return string(text), nil
	case json.RawMessage:
		return string(text), nil
	}
	text, err := json.Marshal(message)
	return string(text), err
}

var reasons = map[C.SendgateRefusedReason]string{
	C.SENDGATE_REFUSED_REASON_SUPPRESSED: "suppressed",
	C.SENDGATE_REFUSED_REASON_PERMANENT:  "permanent",
	C.SENDGATE_REFUSED_REASON_TRANSIENT:  "transient",
}

var securities = map[C.SendgateSecurity]string{
	C.SENDGATE_SECURITY_IMPLICIT:  "implicit",
	C.SENDGATE_SECURITY_START_TLS: "starttls",
	C.SENDGATE_SECURITY_NONE:      "none",
}
