package rest

import (
	"cmp"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/deisgo/deis/version"
)

// A Config configures a Client. Programs make their clients with the root package, which checks the values.
type Config struct {
	BaseURL         *url.URL                              // scheme, host and path prefix of the Controller
	Token           func(context.Context) (string, error) // is called for each call; nil: no token; a function, so that printing a Config shows no token
	HTTP            *http.Client                          // is copied; the Client decides which redirects are followed
	API             version.API                           // pins the version; zero: negotiate
	NoVersionHeader bool                                  // leaves the header DEIS_API_VERSION out of requests
	UserAgent       string
	Retry           RetryPolicy
	Logger          *slog.Logger // nil: no log
	Dump            io.Writer    // nil: no dump; gets each exchange in one Write, and must be safe for concurrent use
}

// A Client exchanges requests and responses with one Controller. It is safe for concurrent use.
type Client struct {
	config        Config
	base          string // the base URL without a trailing slash
	prefix        int    // the offset in base at which the path begins
	http          *http.Client
	authorization *authorization
	negotiated    *negotiation
	turns         *turns
}

// New makes a client. It sends nothing.
func New(config Config) *Client {
	if config.Token == nil {
		config.Token = func(context.Context) (string, error) { return "", nil }
	}
	c := &Client{
		config:        config,
		base:          strings.TrimSuffix(config.BaseURL.String(), "/"),
		negotiated:    new(negotiation),
		turns:         new(turns),
		authorization: new(authorization),
	}
	c.prefix = len(c.base) - len(strings.TrimSuffix(config.BaseURL.EscapedPath(), "/"))
	own := *config.HTTP
	own.CheckRedirect = checkRedirect(own.CheckRedirect)
	if own.Transport == nil {
		own.Transport = http.DefaultTransport
	}
	own.Transport = transport{own.Transport}
	c.http = &own
	return c
}

// With makes a client with another configuration for the same Controller. It shares with c what is known about the
// Controller, and the turns that writes to one app take.
func (c *Client) With(config Config) *Client {
	other := New(config)
	other.negotiated, other.turns = c.negotiated, c.turns
	return other
}

// authorization makes the Authorization header for a token, and keeps the last one: tokens seldom change.
type authorization struct{ last atomic.Pointer[string] }

func (a *authorization) header(token string) string {
	const scheme = "token "
	if last := a.last.Load(); last != nil && (*last)[len(scheme):] == token {
		return *last
	}
	made := scheme + token
	a.last.Store(&made)
	return made
}

// Get requests a T. If T is []byte, the result is the body unchanged.
//
// Tags on the fields of T say what a response must contain; see Post.
func Get[T any](ctx context.Context, c *Client, at Endpoint, opts ...CallOption) (*T, error) {
	result := new(T)
	if err := c.do(ctx, http.MethodGet, at, nil, result, opts); err != nil {
		return nil, err
	}
	return result, nil
}

// Post sends body as JSON, {} if it is nil, and reads a T. If T is struct{}, the response may be empty or any JSON. If T
// has a method MayBeEmpty(), the response may be empty, and the result is a zero T then.
//
// A field of T with the tag deis:"apps" identifies the resource that the response is about. It must be neither empty nor
// a negative number, and must equal the identifier that follows "apps" in the path, if there is one; otherwise the call
// fails. A field with the tag deis:"apps,part" identifies the resource that the T belongs to, or identifies the T a
// second time; it may be empty in an item of a list. A field with the tag deis:"loose" is a map that Controllers store
// unchecked: entries of the wrong type are kept as JSON text in a map of strings, and left out of any other map.
func Post[T any](ctx context.Context, c *Client, at Endpoint, body any, opts ...CallOption) (*T, error) {
	if body == nil {
		body = struct{}{} // real Controllers respond to an empty body with 500
	}
	result := new(T)
	if err := c.do(ctx, http.MethodPost, at, body, result, opts); err != nil {
		return nil, err
	}
	return result, nil
}

// Delete deletes a resource. Below an app, a certificate or an account it refuses every path that is not known to be
// safe, because older servers destroy something else there. See WithUnknownPath.
func Delete(ctx context.Context, c *Client, at Endpoint, opts ...CallOption) error {
	return c.do(ctx, http.MethodDelete, at, nil, new(struct{}), opts)
}

// do carries out one call: it negotiates the version, waits for its turn if the call writes to an app, sends the
// request, retries it if the policy allows, and reads the response.
func (c *Client) do(ctx context.Context, method string, at Endpoint, in, out any, opts []CallOption) error {
	call := &call{Context: ctx, client: c, method: method, at: at}
	call.apply(opts)
	defer call.report()
	if at.path == "" && at.err == nil {
		return InvalidArgument("path", "must be made with rest.Path")
	}
	if err := cmp.Or(at.err, call.err); err != nil {
		return err
	}
	err := call.encode(in)
	if err != nil {
		return err
	}
	if call.api, err = c.Negotiate(ctx); err != nil {
		return err
	}
	call.locate("/v"+strconv.Itoa(call.api.Major), at.path)
	if ctx.Err() != nil {
		return call.newError(ctx.Err())
	}
	if method == http.MethodDelete && !call.unknownPath {
		if err := at.checkDelete(c.olderVersion(call.api)); err != nil {
			return err
		}
	}
	if method != http.MethodGet {
		done, err := c.turns.begin(ctx, at.turn())
		if err != nil {
			call.waitingFor = "waiting for another write to " + at.turn()
			return call.newError(err)
		}
		defer done()
	}
	if call.look != nil {
		if err := call.look(ctx); err != nil {
			return err
		}
	}
	if !call.anonymous {
		if call.token, err = c.config.Token(ctx); err != nil {
			failed := call.newError(err)
			failed.final = ctx.Err() == nil
			return failed
		}
	}
	return call.send(out)
}

// olderVersion returns the older of the version that a call speaks and the one that the Controller is known to speak: a
// client can be pinned to a version that is too new.
func (c *Client) olderVersion(spoken version.API) version.API {
	if server, ok := c.Server(); ok && spoken.AtLeast(server.API) {
		return server.API
	}
	return spoken
}
