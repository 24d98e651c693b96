package rest

import (
	"bytes"
	"encoding/json"
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
	"unicode"

	"github.com/deisgo/deis/version"
)

// Causes that errors.Is finds in the errors of this SDK. Those of a status match every *Error with that status.
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
	ErrUnavailable      error = sentinel("temporarily unavailable") // 502, 503 and 504
	ErrInvalidArgument  error = sentinel("invalid argument")        // found before anything was sent
	ErrNotController    error = sentinel("not a Controller")        // what answered names no API version
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

// An Error is an exchange that failed: the Controller answered with an error, with something that cannot be read, or
// not at all. It matches the sentinel of its status, the Reason that it has, and the cause below it, if any
// (context.DeadlineExceeded, syscall.ECONNREFUSED, ...).
type Error struct {
	Method, Path string
	StatusCode   int                 // 0 if there was no answer
	Detail       string              // what the answer says about the request as a whole, in one line
	Fields       map[string][]string // what it says about single fields of the request
	Body         []byte              // what an error was answered with, the first 64 KiB of it
	RetryAfter   time.Duration       // how long the answer asks to wait; 0 if it does not
	Attempts     int                 // how often the request was sent
	API          version.API         // the version that the request spoke; zero for the question for the version

	cause  error
	said   func() (detail string, fields map[string][]string) // before secrets were taken out; nil if there were none
	stale  bool                                               // the Controller speaks another major version by now, so that the path was unknown
	unsure bool                                               // an earlier try may have been carried out
}

// Error says in one line what was asked, what came back and why:
//
//	deis: POST /v2/apps/: 400 Bad Request: id: Application with this id already exists.
func (e *Error) Error() string {
	parts := []string{"deis: " + e.Method + " " + e.Path}
	text, status := http.StatusText(e.StatusCode), statusLine(e.StatusCode)
	if e.StatusCode != 0 {
		parts = append(parts, status)
	}
	if e.Detail != "" && e.Detail != text && e.Detail != status { // an HTML page often says the status once more
		parts = append(parts, shorten(e.Detail))
	}
	var fields []string
	for _, field := range slices.Sorted(maps.Keys(e.Fields)) {
		said := strings.Join(e.Fields[field], " ")
		switch {
		case said == "":
		case field == "non_field_errors": // what Django says about the request as a whole
			fields = append(fields, said)
		default:
			fields = append(fields, oneLine(field)+": "+said)
		}
	}
	if len(fields) > 0 {
		parts = append(parts, shorten(strings.Join(fields, ": ")))
	}
	switch e.cause {
	case nil, ErrNotController:
	case io.EOF: // as net/http has it, but "EOF" tells nobody anything
		parts = append(parts, "the connection was closed without an answer")
	default:
		parts = append(parts, shorten(oneLine(e.cause.Error())))
	}
	if e.Attempts > 1 {
		parts = append(parts, fmt.Sprintf("tried %d times", e.Attempts))
	}
	if e.unsure {
		parts = append(parts, "an earlier try may have been carried out")
	}
	if e.RetryAfter > 0 {
		parts = append(parts, "try again in "+e.RetryAfter.String())
	}
	return strings.Join(parts, ": ")
}

// statusLine is a status as "404 Not Found".
func statusLine(status int) string {
	return strings.TrimSpace(fmt.Sprintf("%d %s", status, http.StatusText(status)))
}

// Unwrap gives what is below: the error of net/http, of a decoder or of the context.
func (e *Error) Unwrap() error { return e.cause }

// Is matches the sentinels by status, and a Reason by what it asks for.
func (e *Error) Is(target error) bool {
	switch target := target.(type) {
	case *Reason:
		return target.matches(e)
	case sentinel:
		if target == ErrNotFound && (e.stale || e.cause == ErrNotController) {
			return false // this 404 says nothing about the resource
		}
		return target == sentinelOf(e.StatusCode) || target == ErrServer && e.StatusCode >= 500
	}
	return false
}

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
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return ErrUnavailable
	}
	return nil
}

// LogValue logs the error as its parts, without the body.
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
// Controllers say. Packages have a pointer to one for each, so that it compares and serves as a map key; match it with
// errors.Is.
type Reason struct {
	Message  string    // what Error returns
	Status   int       // the status that it comes with
	Wordings []Wording // how the Controllers of either version say it
}

// A Wording is a text that an answer contains.
type Wording struct {
	Field string // the field that it stands under; "" for what is said about the request as a whole
	Text  string
}

// Error returns the message.
func (r *Reason) Error() string { return "deis: " + r.Message }

func (r *Reason) matches(e *Error) bool {
	detail, fields := e.Detail, e.Fields
	if e.said != nil { // a password can be a word of the reason
		detail, fields = e.said()
	}
	return e.StatusCode == r.Status && slices.ContainsFunc(r.Wordings, func(w Wording) bool {
		said := fields[w.Field]
		if w.Field == "" {
			said = []string{detail}
		}
		return slices.ContainsFunc(said, func(s string) bool { return strings.Contains(s, w.Text) })
	})
}

// describe reads what an answer says, whatever its form: {"detail": s}, {"error": s}, {"field": [s]}, [s], a bare
// JSON string, HTML, plain text or nothing.
func describe(body []byte) (detail string, fields map[string][]string) {
	body = bytes.TrimSpace(body)
	var value any
	switch {
	case len(body) == 0:
		return "", nil
	case body[0] == '<':
		return heading(body), nil
	case json.Unmarshal(body, &value) != nil:
		return oneLine(string(body)), nil
	}
	object, ok := value.(map[string]any)
	if !ok {
		return strings.Join(texts(value), " "), nil
	}
	for _, key := range slices.Sorted(maps.Keys(object)) { // or the detail would differ each time
		value := object[key]
		if key == "detail" || key == "error" {
			detail = strings.TrimSpace(detail + " " + strings.Join(texts(value), " "))
			continue
		}
		if fields == nil {
			fields = make(map[string][]string, len(object))
		}
		fields[key] = texts(value)
	}
	return detail, fields
}

// texts lists the texts in a JSON value; what is neither text nor a list stays JSON.
func texts(value any) []string {
	switch value := value.(type) {
	case nil:
		return nil
	case string:
		return []string{oneLine(value)}
	case []any:
		var all []string
		for _, v := range value {
			all = append(all, texts(v)...)
		}
		return all
	}
	raw, err := json.Marshal(value)
	if err != nil { // cannot be: the value was JSON
		return nil
	}
	return []string{oneLine(string(raw))}
}

// heading finds the one line of an HTML page that says what it is about: its title, or else its first heading, or
// else its text up to the first tag after it.
func heading(page []byte) string {
	for _, tag := range []string{"title", "h1"} {
		_, rest, found := bytes.Cut(page, []byte("<"+tag))
		if !found {
			continue
		}
		if _, rest, found = bytes.Cut(rest, []byte(">")); !found {
			continue
		}
		text, _, _ := bytes.Cut(rest, []byte("<"))
		if line := oneLine(string(text)); line != "" {
			return line
		}
	}
	return "an HTML page"
}

// oneLine makes a text printable in one line: valid, every run of white space and control characters one blank.
func oneLine(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)
	}), " ")
}

// shorten keeps a message readable when a server says very much.
func shorten(s string) string {
	const longest = 500
	if runes := []rune(s); len(runes) > longest {
		return string(runes[:longest]) + "…"
	}
	return s
}

// cause takes off what net/http wraps around an error: the method and the whole URL, which an Error has already.
func cause(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}
