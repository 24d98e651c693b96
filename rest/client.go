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

// A Config says how to make a Client. Programs make theirs with the root package, which checks what it puts in here.
type Config struct {
	BaseURL         *url.URL                              // scheme, host and path prefix of the Controller
	Token           func(context.Context) (string, error) // is called for each call, nil for none; a function, so that no printing of a Config shows a token
	HTTP            *http.Client                          // is copied; redirects follow the client's own rules
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
	base          string // the base URL without a slash on its end
	prefix        int    // where the path begins in base
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

// With makes a client of another configuration for the same Controller. It shares with c what is known of the
// Controller, and the turns in which writes to one app follow each other.
func (c *Client) With(config Config) *Client {
	other := New(config)
	other.negotiated, other.turns = c.negotiated, c.turns
	return other
}

// authorization makes the header for a token, and keeps the last one: tokens seldom change.
type authorization struct{ last atomic.Pointer[string] }

func (a *authorization) of(token string) string {
	const scheme = "token "
	if last := a.last.Load(); last != nil && (*last)[len(scheme):] == token {
		return *last
	}
	header := scheme + token
	a.last.Store(&header)
	return header
}

// Get requests a T. If T is []byte, it is the body as it came.
//
// The fields of T can say what makes a response one: see Post.
func Get[T any](ctx context.Context, c *Client, at Endpoint, opts ...CallOption) (*T, error) {
	result := new(T)
	if err := c.do(ctx, http.MethodGet, at, nil, result, opts); err != nil {
		return nil, err
	}
	return result, nil
}

// Post sends body as JSON, {} if it is nil, and reads a T. If T is struct{}, the response may be empty, or any JSON.
//
// A field of T with the tag deis:"apps" identifies what the response is about. It must not be empty, and must be the
// identifier that stands behind apps in the path, if one does; otherwise the response is not what was asked for, and the
// call fails. With the tag deis:"apps,part" the field identifies what the T belongs to, or identifies it a second time:
// in an item of a list it may be empty. With the tag deis:"loose" the field is a map that Controllers store unchecked: what
// does not fit is kept in its JSON form if the map is one of texts, and else left out.
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

// Delete deletes. Below an app, a certificate or an account it refuses paths that are not known to be safe: older servers
// respond to those by destroying something else. See WithUnknownPath.
func Delete(ctx context.Context, c *Client, at Endpoint, opts ...CallOption) error {
	return c.do(ctx, http.MethodDelete, at, nil, new(struct{}), opts)
}

// do carries out one call: it agrees on the version, waits for its turn if the call writes to an app, sends the request,
// again if the policy allows, and reads the response.
func (c *Client) do(ctx context.Context, method string, at Endpoint, in, out any, opts []CallOption) error {
	call := &call{Context: ctx, client: c, method: method, at: at}
	call.apply(opts)
	defer call.report()
	if at.path == "" && at.err == nil {
		return InvalidArgument("path", "must be made with Path")
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
		if err := at.checkDelete(c.oldest(call.api)); err != nil {
			return err
		}
	}
	if method != http.MethodGet {
		done, err := c.turns.begin(ctx, at.turn())
		if err != nil {
			call.waits = "waiting for another write to " + at.turn()
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
	return call.send(call, out)
}

// oldest is the version that a call speaks, or the older one that the Controller is known to speak: a client can be pinned
// to a newer one.
func (c *Client) oldest(spoken version.API) version.API {
	if server, ok := c.Server(); ok && spoken.AtLeast(server.API) {
		return server.API
	}
	return spoken
}
