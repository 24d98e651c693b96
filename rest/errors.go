package rest

import (
	"cmp"
	"errors"
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

// Sentinels that errors.Is finds in the errors of this SDK. Those about the request or the resource match only what the
// Controller itself said; ErrRateLimited, ErrServer and ErrUnavailable match by status, whoever said it.
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
	ErrUpgraded         error = sentinel("another major version")   // the Controller speaks another major version than the call did
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
// cannot be read, or there was none. It matches the sentinel of its status, the Reason that it has, and the error below
// it, if any (context.DeadlineExceeded, syscall.ECONNREFUSED, ...).
//
// Programs that wait or that must know what became of a write need three of its methods: FromController, Temporary and
// MayHaveActed.
type Error struct {
	Method, Path string
	StatusCode   int                 // 0 if there was no response
	Header       http.Header         // of the response
	Detail       string              // what the response says about the request as a whole, in one line
	Fields       map[string][]string // what it says about single fields of the request
	Body         []byte              // of the response to a request that failed, the first 64 KiB
	RetryAfter   time.Duration       // how long the response asks to wait; 0 if it does not
	Attempts     int                 // how often the request was sent
	API          version.API         // the version that the request spoke; zero for the version probe

	cause    error
	lastTry  string                                             // what became of the last attempt, where the context ended the call
	said     func() (detail string, fields map[string][]string) // before secrets were redacted; nil if there were none
	foreign  bool                                               // something else than the Controller responded
	upgraded bool                                               // the Controller speaks another major version by now
	acted    bool                                               // a write may have been carried out
	cutOff   bool                                               // the response ended before its end
	final    bool                                               // the same call can only fail again, although there was no response
	probed   string                                             // the host that was asked for its version, by a version probe
}

// FromController reports whether the Controller itself said this. Otherwise there was no response, or something between
// the client and the Controller gave it.
func (e *Error) FromController() bool { return e.StatusCode != 0 && !e.foreign }

// Temporary reports whether the error says nothing about what was asked, so that the same call can succeed later: there
// was no response or it was cut off, it is not the Controller's, it has the status 408, 429 or one from 500 on, or the
// Controller was upgraded meanwhile. A certificate that is not trusted, a host that does not exist, a token function that
// fails and a version that the client is pinned to in vain are not temporary.
func (e *Error) Temporary() bool {
	switch {
	case e.final:
		return false
	case e.StatusCode == 0, e.foreign, e.upgraded, e.cutOff:
		return true
	}
	return e.StatusCode == http.StatusRequestTimeout || e.StatusCode == http.StatusTooManyRequests || e.StatusCode >= 500
}

// MayHaveActed reports whether a write may have been carried out although it failed: it was sent and there was no
// response, or one that is not the Controller's, which says nothing about the work behind it, or a 5xx. A GET never acts,
// and a 429 says that nothing was done, whoever gave it.
func (e *Error) MayHaveActed() bool {
	return e.acted || isWrite(e.Method) && (e.foreign && e.StatusCode != http.StatusTooManyRequests || e.StatusCode >= 500)
}

func isWrite(method string) bool { return method != http.MethodGet && method != http.MethodHead }

// Error says in one line what was asked, what came back and why:
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
		add(fmt.Sprintf("the Controller speaks API %s, the call spoke %s", first(e.Header[versionKey]), e.API))
	}
	if e.Detail != text && e.Detail != status { // an HTML page often says the status once more
		add(e.Detail)
	}
	add(e.fieldsLine())
	switch {
	case e.cause == nil:
	case e.cause == io.EOF: // as net/http has it, but "EOF" tells nobody anything
		add("the connection was closed without a response")
	default:
		add(Sanitize(e.cause.Error()))
	}
	if e.Attempts > 1 {
		add(fmt.Sprintf("%d attempts", e.Attempts))
	}
	if e.lastTry != "" {
		add("the last: " + e.lastTry)
	}
	if e.RetryAfter > 0 {
		add("try again in " + e.RetryAfter.String())
	}
	if e.MayHaveActed() {
		add("it may have been carried out")
	}
	return strings.Join(parts, ": ")
}

// foreignLine says what responded in place of the Controller, and what to do if that follows from it.
func (e *Error) foreignLine() string {
	line := "not the Controller's response: "
	if e.probed != "" {
		line = "no Controller at " + e.probed + ": "
	}
	if said := first(e.Header[versionKey]); said != "" {
		line += fmt.Sprintf("its %s header is %.50q", version.Header, said)
	} else {
		line += "it has no " + version.Header + " header"
	}
	if found, _, _ := strings.Cut(e.Header.Get("Content-Type"), ";"); found != "" {
		line += ", found " + Sanitize(found)
	}
	if e.StatusCode == http.StatusBadRequest {
		line += "; some proxies refuse a request header whose name has a _: see WithoutVersionHeader"
	}
	return line
}

func (e *Error) fieldsLine() string {
	var fields []string
	for _, field := range slices.Sorted(maps.Keys(e.Fields)) {
		said := strings.Join(e.Fields[field], " ")
		switch {
		case said == "":
		case field == "non_field_errors": // what Django says about the request as a whole
			fields = append(fields, said)
		default:
			fields = append(fields, Sanitize(field)+": "+said)
		}
	}
	return strings.Join(fields, ": ")
}

// statusLine is a status as "404 Not Found".
func statusLine(status int) string {
	return strings.TrimSpace(fmt.Sprintf("%d %s", status, http.StatusText(status)))
}

// Unwrap returns the error below: that of net/http, of a decoder or of the context.
func (e *Error) Unwrap() error { return e.cause }

// Is matches the sentinels, and a Reason by what it asks for.
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
	return target == sentinelOf(e.StatusCode) && e.aboutRequest()
}

// aboutRequest reports whether the status says something about the request or the resource.
func (e *Error) aboutRequest() bool { return e.FromController() && !e.upgraded }

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

// LogValue logs the error as its parts, without header and body.
func (e *Error) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("method", e.Method),
		slog.String("path", e.Path),
		slog.Int("status", e.StatusCode),
		slog.Int("attempts", e.Attempts),
		slog.String("error", e.Error()),
	)
}

// A Reason is one cause of failure that programs act on, told apart from others with the same status by what the
// Controllers say. Packages have one for each, as a pointer, which compares and can be a key of a map; match it with
// errors.Is.
type Reason struct {
	Message  string    // what Error returns
	Status   int       // the status that it comes with
	Wordings []Wording // how the Controllers of all versions say it
}

// A Wording is a text that a response contains.
type Wording struct {
	Field  string // the field that it stands under; "" for what is said about the request as a whole
	Text   string
	Status int // if it comes with another status than the Reason's
}

// Error returns the message.
func (r *Reason) Error() string { return "deis: " + r.Message }

func (r *Reason) matches(e *Error) bool {
	detail, fields := e.Detail, e.Fields
	if e.said != nil { // a password can be a word of the reason
		detail, fields = e.said()
	}
	return e.aboutRequest() && slices.ContainsFunc(r.Wordings, func(w Wording) bool {
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

// below takes off what net/http wraps around an error: the method and the whole URL, which an Error has already.
func below(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}
