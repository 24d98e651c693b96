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

// A call is one use of the API while it lasts. It is the context of its requests, so that transports and loggers can
// find it.
type call struct {
	context.Context
	options
	client *Client
	method string
	at     Endpoint
	api    version.API
	url    string // without the query
	path   string // of it, with the controller URL's own
	sent   []byte // the body as sent
	token  string

	retrying retryablehttp.Client
	request  retryablehttp.Request
	response *http.Response // the last one
	attempts int
	attempt  attempt
	try      try
	limit    io.LimitedReader // of what is read of the response
	lastTry  string           // what became of the last attempt that was retried
	waits    string           // what the call waits for while it is not sent
	acted    bool             // an attempt may have been carried out
	probe    bool             // it asks for the version
}

// callKey finds the call in the context of its requests.
type callKey struct{}

// Value makes a call find itself.
func (c *call) Value(key any) any {
	if key == (callKey{}) {
		return c
	}
	return c.Context.Value(key)
}

// Operation returns what the call is that a request belongs to, as method and path with names in place of identifiers:
// "GET /apps/{app}/config/". Use it in a transport, with the context of the request, and in a slog.Handler, to name
// spans and metrics. It is empty for the context of anything else.
func Operation(ctx context.Context) string {
	if c, ok := ctx.Value(callKey{}).(*call); ok {
		return c.operation()
	}
	return ""
}

func (c *call) operation() string { return c.method + " " + c.at.template() }

// encode writes the body.
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
	// What is not UTF-8 has become a replacement character, as text or as an escape.
	if bytes.Contains(c.sent, []byte(`\ufffd`)) || bytes.ContainsRune(c.sent, utf8.RuneError) {
		if where, ok := invalidText(reflect.ValueOf(in)); ok {
			return InvalidArgument(strings.TrimPrefix(where+" of the body", " of "), "must be valid UTF-8")
		}
	}
	return nil
}

// invalidText finds a text that is not UTF-8 in what encoding/json writes of a value, and says in which field it stands.
func invalidText(v reflect.Value) (where string, found bool) {
	switch v.Kind() {
	case reflect.String:
		return "", !utf8.ValidString(v.String())
	case reflect.Pointer, reflect.Interface:
		return invalidText(v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			field := v.Type().Field(i)
			if !field.IsExported() && !field.Anonymous || field.Tag.Get("json") == "-" {
				continue
			}
			if where, found := invalidText(v.Field(i)); found {
				return strings.TrimSuffix(field.Name+"."+where, "."), true
			}
		}
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return "", false
		}
		for i := range v.Len() {
			if where, found := invalidText(v.Index(i)); found {
				return where, true
			}
		}
	case reflect.Map:
		for entries := v.MapRange(); entries.Next(); {
			if _, found := invalidText(entries.Key()); found {
				return "a key", true
			}
			if where, found := invalidText(entries.Value()); found {
				return strings.TrimSuffix(fmt.Sprintf("%v.%s", entries.Key(), where), "."), true
			}
		}
	}
	return "", false
}

// locate says where the call goes: to a path below that of the controller URL.
func (c *call) locate(version, path string) {
	c.url = c.client.base + version + path
	c.path = c.url[c.client.prefix:]
}

// write writes the request. Its context is the call's or ends before.
func (c *call) write(ctx context.Context) error {
	target := c.url
	if c.query != "" {
		target += "?" + c.query
	}
	req, err := http.NewRequestWithContext(ctx, c.method, target, nil)
	if err != nil {
		return InvalidArgument("path "+c.at.path, "cannot be sent: "+err.Error())
	}
	c.request.Request = req
	config := &c.client.config
	values := make([]string, 0, 5) // of all headers, as http.Header.Clone has them: Set would allocate for each
	set := func(canonical, value string) {
		values = append(values, value)
		req.Header[canonical] = values[len(values)-1 : len(values) : len(values)]
	}
	set("Accept", "application/json") // text/plain is refused with 406, also for logs
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
		set("Authorization", c.client.authorization.of(c.token))
	}
	maps.Copy(req.Header, c.header)
	return nil
}

// send makes the exchange, and reads the response into out.
func (c *call) send(ctx context.Context, out any) error {
	if err := c.write(ctx); err != nil {
		return err
	}
	if c.Err() != nil { // net/http's own transport would refuse, others need not
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
		discard(resp.Body) // so that the connection can be used again
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

// report fills in what WithResponse asks for.
func (c *call) report() {
	for _, r := range c.responses {
		*r = Response{API: c.api, Attempts: c.attempts}
		if c.response != nil {
			r.Status, r.Header = c.response.StatusCode, c.response.Header
		}
	}
}

// redactor knows what the call sent that nobody else may see.
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

// newError makes the error of a call from err, if there is one, or else from what the response says. Where the context
// ended the call, it matches the context's error and nothing else; whatever came before stands in the text.
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
		// What does not say who gave it, and is not what was asked for, is not the Controller's.
		e.foreign = from == somebodyElse || from == unknown && resp.StatusCode/100 == 2 && !e.cutOff
		e.acted = e.acted || isWrite(c.method) && resp.StatusCode/100 == 2
		if err == nil {
			e.redactBody(r, readErrorBody(resp))
		}
	}
	switch {
	case err == nil:
	case c.Err() != nil:
		e.cause = c.Err()
		e.Detail = c.waits
		if e.cutOff {
			e.Detail = errCutOff.Error()
		}
		if why := context.Cause(c); why != c.Err() {
			e.Detail = strings.TrimPrefix(e.Detail+": "+Sanitize(why.Error()), ": ")
		}
		e.Detail, e.lastTry = r.text(e.Detail), c.lastTry
	default:
		e.cause = r.error(below(err))
		e.final = e.StatusCode == 0 && hopeless(err)
	}
	return e
}
