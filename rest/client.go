package rest

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/deisgo/deis/version"
)

// A Config says how to make a Client. Programs make theirs with the root package, which checks what it puts in here.
type Config struct {
	BaseURL   *url.URL      // scheme, host and path prefix of the Controller
	Token     func() string // asked for each call, nil for none; a function, so that no printing of a Config shows a token
	HTTP      *http.Client  // is copied; redirects follow the client's own rules
	API       version.API   // pins the version; zero: negotiate
	UserAgent string
	Retry     RetryPolicy
	Logger    *slog.Logger // nil: no log
}

// A Client exchanges requests and answers with one Controller. It is safe for concurrent use.
type Client struct {
	config     Config
	base       string // the base URL without a slash on its end
	http       *http.Client
	negotiated *negotiation
	writes     *writes
}

// New makes a client. It sends nothing.
func New(config Config) *Client {
	if config.Token == nil {
		config.Token = func() string { return "" }
	}
	c := &Client{
		config:     config,
		base:       strings.TrimSuffix(config.BaseURL.String(), "/"),
		negotiated: new(negotiation),
		writes:     new(writes),
	}
	own := *config.HTTP
	own.CheckRedirect = checkRedirect(own.CheckRedirect)
	if own.Transport == nil {
		own.Transport = http.DefaultTransport
	}
	own.Transport = roundTripper{own.Transport}
	c.http = &own
	return c
}

// With makes a client of another configuration for the same Controller. It shares with c what is known of the
// Controller, and the turns in which writes to one app follow each other.
func (c *Client) With(config Config) *Client {
	other := New(config)
	other.negotiated, other.writes = c.negotiated, c.writes
	return other
}

// roundTripper hides a transport's CloseIdleConnections, which go-retryablehttp would call after each failure, on a
// transport that others may use too.
type roundTripper struct{ http.RoundTripper }

// Get asks for a T. If T is []byte, it is the body as it came.
func Get[T any](ctx context.Context, c *Client, at Endpoint, opts ...CallOption) (*T, error) {
	result := new(T)
	if err := c.do(ctx, http.MethodGet, at, nil, result, opts); err != nil {
		return nil, err
	}
	return result, nil
}

// Post sends body as JSON, {} if it is nil, and reads a T. If T is struct{}, the answer may be empty, or any JSON.
func Post[T any](ctx context.Context, c *Client, at Endpoint, body any, opts ...CallOption) (*T, error) {
	if body == nil {
		body = struct{}{} // real Controllers answer an empty body with 500
	}
	result := new(T)
	if err := c.do(ctx, http.MethodPost, at, body, result, opts); err != nil {
		return nil, err
	}
	return result, nil
}

// Delete deletes. It refuses the paths that real Controllers answer by destroying something else: below an app and a
// certificate they destroy the app, or the certificate, for each path that they do not know.
func Delete(ctx context.Context, c *Client, at Endpoint, opts ...CallOption) error {
	return c.do(ctx, http.MethodDelete, at, nil, new(struct{}), opts)
}

// do carries out one call: it agrees on the version, waits for its turn if the call writes to an app, sends the
// request, again if the policy allows, and reads the answer.
func (c *Client) do(ctx context.Context, method string, at Endpoint, in, out any, opts []CallOption) error {
	call := newCall(method, opts)
	defer call.report()
	if err := cmp.Or(at.err, call.err); err != nil {
		return err
	}
	if at.path == "" {
		return InvalidArgument("path", "must be made with Path")
	}
	var err error
	if call.api, err = c.Negotiate(ctx); err != nil {
		return err
	}
	if method == http.MethodDelete {
		if err := at.checkDelete(call.api); err != nil {
			return err
		}
	}
	req, err := c.request(ctx, call, at, in)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil { // net/http's own transport would refuse, others need not
		return c.failed(call, err)
	}
	if method != http.MethodGet {
		done, err := c.writes.begin(ctx, at.app())
		if err != nil {
			return c.failed(call, fmt.Errorf("waiting for another write to app %s: %w", at.app(), err))
		}
		defer done()
	}
	start := time.Now()
	err = c.send(call, req, out)
	c.logCall(ctx, call, time.Since(start), err)
	return err
}

// request writes the request of a call.
func (c *Client) request(ctx context.Context, call *call, at Endpoint, in any) (*retryablehttp.Request, error) {
	target := c.base + "/v" + strconv.Itoa(call.api.Major) + at.path
	if call.query != "" {
		target += "?" + call.query
	}
	var body any // go-retryablehttp takes a nil []byte for an empty body
	if in = cmp.Or(call.body, in); in != nil {
		sent, err := json.Marshal(in)
		if err != nil {
			return nil, InvalidArgument("body", "cannot be written as JSON: "+err.Error())
		}
		call.sent, body = sent, sent
	}
	req, err := retryablehttp.NewRequestWithContext(ctx, call.method, target, body)
	if err != nil {
		return nil, InvalidArgument("path "+at.path, "cannot be sent: "+err.Error())
	}
	call.path = req.URL.EscapedPath()
	values := make([]string, 0, 5) // of all headers, as http.Header.Clone has them: Set would allocate for each
	set := func(canonical, value string) {
		values = append(values, value)
		req.Header[canonical] = values[len(values)-1 : len(values) : len(values)]
	}
	set("Accept", "application/json") // text/plain is answered with 406, also for logs
	set("User-Agent", c.config.UserAgent)
	set(versionKey, call.api.String())
	if body != nil {
		set("Content-Type", "application/json")
	}
	if token := c.config.Token(); token != "" && !call.anonymous {
		set("Authorization", "token "+token)
	}
	maps.Copy(req.Header, call.header)
	return req, nil
}

// send makes the exchange and reads the answer into out.
func (c *Client) send(call *call, req *retryablehttp.Request, out any) error {
	resp, err := c.exchange(call, req)
	if resp != nil {
		defer resp.Body.Close()
	}
	if err != nil {
		return c.failed(call, err)
	}
	switch {
	case resp.StatusCode/100 == 2:
		if err := decode(resp, out); err != nil {
			return c.failed(call, err)
		}
		return nil
	case call.method == http.MethodDelete && resp.StatusCode == http.StatusNotFound && call.mayHaveActed:
		e := c.failed(call, nil)
		if c.fromController(call, e) {
			return nil // an earlier try deleted it, and its answer was lost
		}
		return e
	}
	return c.failed(call, nil)
}

// fromController tells whether a Controller of the spoken version says that there is no such thing, and not a router in
// front of it, or a Controller that was upgraded meanwhile, that there is no such path.
func (c *Client) fromController(call *call, e *Error) bool {
	if server, ok := c.observe(call.answer.Header); ok {
		return server.API.Major == call.api.Major
	}
	return len(e.Body) > 0 && e.Body[0] == '{' // a Controller always names its version, but a proxy can take that off
}

// failed makes the error of a call: err if there is one, or else what the answer says.
func (c *Client) failed(call *call, err error) *Error {
	secrets := c.secrets(call)
	e := &Error{
		Method:   call.method,
		Path:     call.path,
		Attempts: call.attempts,
		API:      call.api,
		cause:    redactError(cause(err), secrets),
		unsure:   call.mayHaveActed && call.method != http.MethodGet,
	}
	resp := call.answer
	if resp == nil {
		return e
	}
	e.StatusCode = resp.StatusCode
	e.RetryAfter, _ = retryAfter(resp.Header)
	if err == nil {
		e.readBody(resp, secrets)
	}
	if server, ok := c.Server(); ok && call.api.Major != 0 && server.API.Major != call.api.Major {
		e.stale = e.StatusCode == http.StatusNotFound
		e.Detail = strings.TrimSuffix(fmt.Sprintf("the Controller speaks API %s, the call spoke %s: %s", server.API, call.api, e.Detail), ": ")
	}
	return e
}
