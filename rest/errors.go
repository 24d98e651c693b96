package rest

import (
	"cmp"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/deisgo/deis/version"
)

// Sentinels for errors.Is. Those about the request or the resource match only a response of the Controller itself;
// ErrRateLimited, ErrServer and ErrUnavailable match by status, whoever responded.
var (
	ErrBadRequest       error = sentinel("bad request")             // 400
	ErrUnauthorized     error = sentinel("unauthorized")            // 401
	ErrForbidden        error = sentinel("forbidden")               // 403
	ErrNotFound         error = sentinel("not found")               // 404
	ErrMethodNotAllowed error = sentinel("method not allowed")      // 405
	ErrConflict         error = sentinel("conflict")                // 409
	ErrUnprocessable    error = sentinel("unprocessable")           // 422
	ErrRateLimited      error = sentinel("rate limited")            // 429
	ErrServer           error = sentinel("server error")            // 500 and above
	ErrUnavailable      error = sentinel("temporarily unavailable") // 502, 503, 504 and 520 to 524
	ErrInvalidArgument  error = sentinel("invalid argument")        // found before anything was sent
	ErrNotController    error = sentinel("not the Controller")      // something else responded: the response names no API version
	ErrUpgraded         error = sentinel("another major version")   // the Controller speaks a different major version from the one that the call used
)

type sentinel string

func (s sentinel) Error() string { return "deis: " + string(s) }

// InvalidArgument makes the error for an argument that breaks a rule, before anything is sent. It matches
// ErrInvalidArgument and reads "deis: invalid argument: ARGUMENT RULE". Put no secret into either.
func InvalidArgument(argument, rule string) error {
	return fmt.Errorf("%w: %s %s", ErrInvalidArgument, argument, rule)
}

// maxErrorBody bounds how much of an error's body is read and kept.
const maxErrorBody = 64 << 10

// An Error is an exchange that failed: the Controller responded with an error, something else responded, the response
// cannot be read, or there was none. It matches the sentinel of its status, its Reason, and the error that it wraps, if
// any (context.DeadlineExceeded, syscall.ECONNREFUSED, ...).
//
// Three methods are for programs that wait, or that must know whether a write was carried out: FromController,
// Temporary and MayHaveActed.
type Error struct {
	Method, Path string
	StatusCode   int                 // 0 if there was no response
	Header       http.Header         // of the response
	Detail       string              // what the response says about the request as a whole, in one line
	Fields       map[string][]string // what it says about single fields of the request
	Body         []byte              // the first 64 KiB of an error response
	RetryAfter   time.Duration       // the wait that the response asks for, 0 if none
	Attempts     int                 // how often the request was sent
	API          version.API         // the version that the request used; zero for the version probe

	cause       error
	lastFailure string                                             // of the last attempt that was retried, if the context ended the call
	unredacted  func() (detail string, fields map[string][]string) // as Detail and Fields, with the secrets; nil if there are none
	foreign     bool                                               // something other than the Controller responded
	upgraded    bool                                               // the Controller speaks another major version now
	acted       bool                                               // a write may have been carried out
	cutOff      bool                                               // the response is not complete
	final       bool                                               // the same call can only fail again, whatever the status says
	probed      string                                             // the host to which a version probe was sent
}

// FromController reports whether the Controller itself responded. Otherwise there was no response, or something between
// the client and the Controller gave one.
func (e *Error) FromController() bool { return e.StatusCode != 0 && !e.foreign }

// Temporary reports whether the error says nothing about the request or the resource, so that the same call can succeed
// later: there was no response, it was cut off, it is not the Controller's, its status is 408, 429 or at least 500, or
// the Controller was upgraded. Errors that every later call would get too are not temporary: a certificate that is not
// trusted, a host that does not exist, a token function that fails, and a pinned version that the Controller no longer
// speaks.
func (e *Error) Temporary() bool {
	switch {
	case e.final:
		return false
	case e.StatusCode == 0, e.foreign, e.upgraded, e.cutOff:
		return true
	}
	return e.StatusCode == http.StatusRequestTimeout || e.StatusCode == http.StatusTooManyRequests || e.StatusCode >= 500
}

// MayHaveActed reports whether a write may have been carried out although it failed: it was sent, and there was no
// response, a response that is not the Controller's and so does not say what the Controller did, a 5xx, a 2xx that
// cannot be read, or a 400 that says that a deploy failed (see WithDeploy). A GET never acts, and a 429 says that
// nothing was done, whoever responded with it.
func (e *Error) MayHaveActed() bool {
	return e.acted || isWrite(e.Method) && (e.foreign && e.StatusCode != http.StatusTooManyRequests || e.StatusCode >= 500)
}

func isWrite(method string) bool { return method != http.MethodGet && method != http.MethodHead }

// Error says in one line what was sent, what came back and why:
//
//	deis: POST /v2/apps/: 400 Bad Request: id: Application with this id already exists.
func (e *Error) Error() string {
	parts := []string{"deis: " + e.Method + " " + e.Path}
	add := func(part string) {
		if part != "" {
			parts = append(parts, shorten(part))
		}
	}
	text, status := http.StatusText(e.StatusCode), statusLine(e.StatusCode)
	if e.StatusCode != 0 {
		add(status)
	}
	switch {
	case e.foreign:
		add(e.foreignLine())
	case e.upgraded:
		add(fmt.Sprintf("the Controller speaks API %s, but this call used %s", first(e.Header[versionKey]), e.API))
	}
	if e.Detail != text && e.Detail != status { // an HTML page often repeats the status
		add(e.Detail)
	}
	add(e.fieldsLine())
	switch {
	case e.cause == nil:
	case e.cause == io.EOF: // that is what net/http returns, but nobody understands "EOF"
		add("the connection was closed without a response")
	default:
		add(Sanitize(e.cause.Error()))
	}
	if e.Attempts > 1 {
		add(fmt.Sprintf("%d attempts", e.Attempts))
	}
	if e.lastFailure != "" {
		add("last failure: " + e.lastFailure)
	}
	if e.RetryAfter > 0 {
		add("try again in " + e.RetryAfter.String())
	}
	if e.MayHaveActed() {
		add("it may have been carried out")
	}
	return strings.Join(parts, ": ")
}

// foreignLine says what responded instead of the Controller and, if known, what to do.
func (e *Error) foreignLine() string {
	line, subject := "not the Controller's response: ", "it"
	if e.probed != "" {
		line, subject = "no Controller at "+e.probed+": ", "the response"
	}
	if said := first(e.Header[versionKey]); said != "" {
		line += fmt.Sprintf("%s has the %s %.50q", subject, version.Header, said)
	} else {
		line += subject + " has no " + version.Header + " header"
	}
	if contentType, _, _ := strings.Cut(e.Header.Get("Content-Type"), ";"); contentType != "" {
		line += ", its Content-Type is " + Sanitize(contentType)
	}
	if e.StatusCode == http.StatusBadRequest {
		line += "; some proxies refuse a request header with a _ in its name: see WithoutVersionHeader"
	}
	return line
}

func (e *Error) fieldsLine() string {
	var fields []string
	for _, field := range slices.Sorted(maps.Keys(e.Fields)) {
		said := strings.Join(e.Fields[field], " ")
		switch {
		case said == "":
		case field == "non_field_errors": // Django's key for the request as a whole
			fields = append(fields, said)
		default:
			fields = append(fields, Sanitize(field)+": "+said)
		}
	}
	return strings.Join(fields, ": ")
}

// statusLine formats a status: "404 Not Found".
func statusLine(status int) string {
	return strings.TrimSpace(fmt.Sprintf("%d %s", status, http.StatusText(status)))
}

// Unwrap returns the wrapped error, of net/http, a decoder or the context.
func (e *Error) Unwrap() error { return e.cause }

// Is matches the sentinels, and a Reason by its status and wordings.
func (e *Error) Is(target error) bool {
	if reason, ok := target.(*Reason); ok {
		return reason.matches(e)
	}
	switch target {
	case ErrNotController:
		return e.foreign
	case ErrUpgraded:
		return e.upgraded
	case ErrServer:
		return e.StatusCode >= 500
	case ErrRateLimited, ErrUnavailable:
		return target == sentinelOf(e.StatusCode)
	}
	return target == sentinelOf(e.StatusCode) && e.isAboutRequest()
}

// isAboutRequest reports whether the status says something about the request or the resource.
func (e *Error) isAboutRequest() bool { return e.FromController() && !e.upgraded }

func sentinelOf(status int) error {
	switch status {
	case http.StatusBadRequest:
		return ErrBadRequest
	case http.StatusUnauthorized:
		return ErrUnauthorized
	case http.StatusForbidden:
		return ErrForbidden
	case http.StatusNotFound:
		return ErrNotFound
	case http.StatusMethodNotAllowed:
		return ErrMethodNotAllowed
	case http.StatusConflict:
		return ErrConflict
	case http.StatusUnprocessableEntity:
		return ErrUnprocessable
	case http.StatusTooManyRequests:
		return ErrRateLimited
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout, 520, 521, 522, 523, 524:
		return ErrUnavailable
	}
	return nil
}

// LogValue logs the parts of the error, without header and body.
func (e *Error) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("method", e.Method),
		slog.String("path", e.Path),
		slog.Int("status", e.StatusCode),
		slog.Int("attempts", e.Attempts),
		slog.String("error", e.Error()),
	)
}

// A Reason is one cause of failure that programs act on. The wording of a response distinguishes it from other failures
// with the same status. The resource packages have Reasons as pointers, which can be compared and be keys of a map;
// match them with errors.Is.
type Reason struct {
	Message  string    // what Error returns
	Status   int       // the status of the response
	Wordings []Wording // the texts by which Controllers of all versions report it
}

// A Wording is a text that a response contains.
type Wording struct {
	Field  string // the field that the text is about; "" for the request as a whole
	Text   string
	Status int // of the response, if it is not the Reason's
}

// Error returns the message.
func (r *Reason) Error() string { return "deis: " + r.Message }

func (r *Reason) matches(e *Error) bool {
	detail, fields := e.Detail, e.Fields
	if e.unredacted != nil { // a password can be a word of the text
		detail, fields = e.unredacted()
	}
	return e.isAboutRequest() && slices.ContainsFunc(r.Wordings, func(w Wording) bool {
		if e.StatusCode != cmp.Or(w.Status, r.Status) {
			return false
		}
		said := fields[w.Field]
		if w.Field == "" {
			said = []string{detail}
		}
		return slices.ContainsFunc(said, func(s string) bool { return strings.Contains(s, w.Text) })
	})
}

// withoutURL unwraps an error of net/http, which repeats the method and the whole URL, query included.
func withoutURL(err error) error {
	if wrapped, ok := err.(*url.Error); ok { // only the outermost: a token function's error can wrap another
		return wrapped.Err
	}
	return err
}
