package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"reflect"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/deisgo/deis/version"
)

// A call is a call of the API in progress. It is the context of its requests, so that transports and loggers can find
// it.
type call struct {
	context.Context
	options
	client *Client
	method string
	at     Endpoint
	api    version.API
	url    string // without the query
	path   string // of url, which begins with that of the controller URL
	sent   []byte // the body as sent
	token  string

	retrying retryablehttp.Client
	request  retryablehttp.Request
	response *http.Response // the last one
	attempts int
	tracker  sendTracker      // of the current attempt of a write
	timed    timedAttempt     // the current attempt of a GET
	limit    io.LimitedReader // bounds what is read of the response

	lastFailure string // of the last attempt that was retried
	waitingFor  string // what the call waits for before it is sent
	acted       bool   // an attempt may have been carried out
	probe       bool   // the call is a version probe
}

// callKey finds the call in the context of its requests.
type callKey struct{}

// Value returns the call itself for a callKey.
func (c *call) Value(key any) any {
	if key == (callKey{}) {
		return c
	}
	return c.Context.Value(key)
}

// Operation returns the method and the path template of the call that a context belongs to: "GET /apps/{app}/config/".
// Use it to name spans and metrics, in a transport with the context of the request, or in a slog.Handler. For any other
// context it is empty.
func Operation(ctx context.Context) string {
	if c, ok := ctx.Value(callKey{}).(*call); ok {
		return c.operation()
	}
	return ""
}

// String returns the operation. Handlers of slog and transports can print their context, and it must not show the token
// or the body.
func (c *call) String() string { return c.operation() }

// GoString does the same for %#v.
func (c *call) GoString() string { return c.operation() }

func (c *call) operation() string { return c.method + " " + c.at.template() }

// encode encodes the body.
func (c *call) encode(in any) error {
	if c.options.body != nil {
		in = c.options.body
	}
	if in == nil {
		return nil
	}
	var err error
	if c.sent, err = json.Marshal(in); err != nil {
		return InvalidArgument("body", "cannot be written as JSON: "+err.Error())
	}
	// encoding/json has replaced invalid UTF-8 with U+FFFD, written out or as an escape.
	if bytes.Contains(c.sent, []byte(`\ufffd`)) || bytes.ContainsRune(c.sent, utf8.RuneError) {
		if where, ok := findInvalidText(reflect.ValueOf(in)); ok {
			if where == "" || where[0] == '[' {
				where = "body" + where
			}
			return InvalidArgument(strings.TrimPrefix(where, "."), "must be valid UTF-8")
		}
	}
	return nil
}

// findInvalidText finds a string that is not UTF-8 in what encoding/json encodes of a value. It returns where the string
// is, as Go code would name it: .Values["A"], or "" if the value itself is the string.
func findInvalidText(v reflect.Value) (where string, found bool) {
	switch v.Kind() {
	case reflect.String:
		return "", !utf8.ValidString(v.String())
	case reflect.Pointer, reflect.Interface:
		return findInvalidText(v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if !f.IsExported() && !f.Anonymous || f.Tag.Get("json") == "-" {
				continue
			}
			if where, found := findInvalidText(v.Field(i)); found {
				return "." + f.Name + where, true
			}
		}
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return "", false
		}
		for i := range v.Len() {
			if where, found := findInvalidText(v.Index(i)); found {
				return fmt.Sprintf("[%d]%s", i, where), true
			}
		}
	case reflect.Map:
		for entries := v.MapRange(); entries.Next(); {
			key := fmt.Sprintf("[%.50q]", fmt.Sprint(entries.Key()))
			if _, found := findInvalidText(entries.Key()); found {
				return key, true
			}
			if where, found := findInvalidText(entries.Value()); found {
				return key + where, true
			}
		}
	}
	return "", false
}

// locate sets the URL of the call: a path below that of the controller URL.
func (c *call) locate(version, path string) {
	c.url = c.client.base + version + path
	c.path = c.url[c.client.prefix:]
}

// prepare makes the request.
func (c *call) prepare() error {
	target := c.url
	if c.query != "" {
		target += "?" + c.query
	}
	req, err := http.NewRequestWithContext(c, c.method, target, nil)
	if err != nil {
		return InvalidArgument("path "+c.at.path, "cannot be sent: "+err.Error())
	}
	c.request.Request = req
	config := &c.client.config
	values := make([]string, 0, 5) // of all headers, in one slice as in http.Header.Clone: Set would allocate one for each
	set := func(canonical, value string) {
		values = append(values, value)
		req.Header[canonical] = values[len(values)-1 : len(values) : len(values)]
	}
	set("Accept", "application/json") // Controllers refuse text/plain with 406, even for logs
	set("User-Agent", config.UserAgent)
	if !c.probe && !config.NoVersionHeader {
		set(versionKey, c.api.String())
	}
	if c.sent != nil {
		set("Content-Type", "application/json")
		if err := c.request.SetBody(c.sent); err != nil {
			return err
		}
	}
	if c.token != "" {
		set("Authorization", c.client.authorization.header(c.token))
	}
	maps.Copy(req.Header, c.header)
	return nil
}

// send makes the exchange, and reads the response into out.
func (c *call) send(out any) error {
	if err := c.prepare(); err != nil {
		return err
	}
	if c.Err() != nil { // net/http's own transport would refuse it, but others may send it
		return c.newError(c.Err())
	}
	start := time.Now()
	err := c.exchange(out)
	c.log(time.Since(start), err)
	return err
}

func (c *call) exchange(out any) error {
	resp, err := c.retry()
	if resp != nil {
		defer resp.Body.Close()
	}
	if err != nil {
		return c.newError(err)
	}
	from := c.sender(resp)
	switch {
	case c.probe && from == controller:
		discard(resp.Body)
		return nil
	case from.succeeded(resp):
		if err := c.decode(resp, from, out); err != nil {
			return c.newError(err)
		}
		return nil
	}
	e := c.newError(nil)
	if c.method == http.MethodDelete && c.acted && from == controller && e.StatusCode == http.StatusNotFound {
		return nil // an earlier attempt deleted it, and its response was lost
	}
	return e
}

// report fills in the Responses of WithResponse.
func (c *call) report() {
	for _, r := range c.responses {
		*r = Response{API: c.api, Attempts: c.attempts}
		if c.response != nil {
			r.Status, r.Header = c.response.StatusCode, c.response.Header
		}
	}
}

// redactor makes a redactor for the secrets of the call.
func (c *call) redactor() redactor {
	secrets := append([]string{c.token}, c.secrets...)
	for _, header := range c.header["Authorization"] {
		scheme, secret, found := strings.Cut(header, " ")
		if !found {
			secret = scheme
		}
		secrets = append(secrets, secret)
	}
	return newRedactor(secrets)
}

// newError makes the error of a call from err or, if that is nil, from what the response says. If the context ended the
// call, the error matches the context's error and nothing else; what went wrong before is only in the text.
func (c *call) newError(err error) *Error {
	r := c.redactor()
	e := &Error{Method: c.method, Path: c.path, Attempts: c.attempts, API: c.api, acted: c.acted && isWrite(c.method), cutOff: errors.Is(err, errCutOff)}
	if c.probe {
		e.probed = c.client.config.BaseURL.Host
	}
	if resp := c.response; resp != nil {
		from := c.sender(resp)
		e.StatusCode = resp.StatusCode
		e.Header = r.header(resp.Header)
		e.RetryAfter, _ = retryAfter(resp.Header)
		e.upgraded = from == otherController
		e.final = e.upgraded && c.client.config.API != (version.API{})
		// A response that names no version and is not what was asked for is not the Controller's.
		e.foreign = from == somebodyElse || from == unknown && resp.StatusCode/100 == 2 && !e.cutOff
		e.acted = e.acted || isWrite(c.method) && resp.StatusCode/100 == 2
		if err == nil {
			e.setBody(r, readErrorBody(resp, r))
			e.acted = e.acted || c.deploys && from == controller && resp.StatusCode == http.StatusBadRequest && strings.HasPrefix(e.Detail, "(app::deploy)")
		}
	}
	limit, isLimited := context.Cause(c).(noResponse)
	switch {
	case err == nil:
	case isLimited:
		e.cause, e.lastFailure = limit, c.lastFailure
	case c.Err() != nil:
		e.cause = c.Err()
		e.Detail = c.waitingFor
		if e.cutOff {
			e.Detail = errCutOff.Error()
		}
		if why := context.Cause(c); why != c.Err() {
			e.Detail = strings.TrimPrefix(e.Detail+": "+Sanitize(why.Error()), ": ")
		}
		e.Detail, e.lastFailure = r.text(e.Detail), c.lastFailure
	default:
		e.cause = r.error(withoutURL(err))
		e.final = e.StatusCode == 0 && isPermanent(err)
	}
	return e
}
