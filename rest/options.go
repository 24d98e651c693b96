package rest

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/google/go-querystring/query"

	"github.com/deisgo/deis/version"
)

// A CallOption changes one call.
type CallOption func(*options)

// options are the call options of one call, applied.
type options struct {
	query          string
	header         http.Header
	body           any
	secrets        []string
	secretResponse bool
	idempotent     bool
	anonymous      bool
	unknownPath    bool
	noReadAhead    bool
	look           func(context.Context) error
	deploys        bool
	responses      []*Response
	err            error
}

func (o *options) apply(opts []CallOption) {
	for _, opt := range opts {
		if opt == nil {
			o.fail(InvalidArgument("call option", "must not be nil"))
			continue
		}
		opt(o)
	}
}

// fail keeps the first error of the options.
func (o *options) fail(err error) {
	if o.err == nil {
		o.err = err
	}
}

// A Response is what a call returns besides its result. See WithResponse.
type Response struct {
	Status   int         // of the last response; 0 if there was none
	Header   http.Header // of the last response
	API      version.API // the version that the call used
	Attempts int         // how often the request was sent
}

// String shows the response without its header, which can contain secrets.
func (r Response) String() string {
	return fmt.Sprintf("{Status:%d API:%s Attempts:%d}", r.Status, r.API, r.Attempts)
}

// GoString does the same for %#v.
func (r Response) GoString() string { return "rest.Response" + r.String() }

// Release returns the number of the release that the call made, from the header X-Deis-Release, or 0 without that
// header. v2 Controllers do not send it.
func (r *Response) Release() int {
	number, err := strconv.Atoi(r.Header.Get("X-Deis-Release"))
	if err != nil {
		return 0
	}
	return number
}

// WithResponse fills in r when the call ends, even if it fails. A call that is refused before anything is sent can
// leave r unchanged.
func WithResponse(r *Response) CallOption {
	return func(o *options) {
		if r == nil {
			o.fail(InvalidArgument("response", "must not be nil"))
			return
		}
		o.responses = append(o.responses, r)
	}
}

// WithHeader sets a header of the request, replacing the client's own value if there is one. Host, Content-Length,
// Transfer-Encoding and Trailer cannot be set. An Idempotency-Key is refused, because with it net/http would silently
// resend a POST.
func WithHeader(key, value string) CallOption {
	return func(o *options) {
		if key == "" || strings.ContainsFunc(key, isForbiddenInName) || strings.ContainsFunc(value, isForbiddenInValue) {
			o.fail(InvalidArgument(fmt.Sprintf("header %.50q", key), "must have a valid name and a value of one line"))
			return
		}
		switch http.CanonicalHeaderKey(key) {
		case "Host", "Content-Length", "Transfer-Encoding", "Trailer": // net/http ignores them
			o.fail(InvalidArgument("header "+key, "cannot be set: it follows from the URL and the body"))
			return
		case "Idempotency-Key", "X-Idempotency-Key":
			o.fail(InvalidArgument("header "+key, "cannot be set: with it, net/http would silently resend the request; use WithIdempotent"))
			return
		}
		if o.header == nil {
			o.header = make(http.Header)
		}
		o.header.Set(key, value)
	}
}

// isForbiddenInName and isForbiddenInValue follow RFC 9110. net/http checks headers too, but only when it sends them,
// with an error that looks like a connection error, which is retried.
func isForbiddenInName(r rune) bool {
	return r <= ' ' || r > '~' || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
}

func isForbiddenInValue(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

// WithIdempotent declares that making the call twice does no harm, so that it is retried like a GET (but a POST never
// on 503; see RetryPolicy).
func WithIdempotent() CallOption { return func(o *options) { o.idempotent = true } }

// WithQuery sets the query, from a struct with the `url` tags of go-querystring.
func WithQuery(v any) CallOption {
	values, err := query.Values(v)
	if err != nil {
		return func(o *options) { o.fail(InvalidArgument("query", err.Error())) }
	}
	return withEncodedQuery(values.Encode())
}

func withEncodedQuery(query string) CallOption { return func(o *options) { o.query = query } }

// addQuery appends to the query of the options before it.
func addQuery(query string) CallOption {
	return func(o *options) { o.query = strings.Trim(o.query+"&"+query, "&") }
}

// WithoutToken sends the call without the client's token. Real Controllers refuse a login that comes with a stale one.
func WithoutToken() CallOption { return func(o *options) { o.anonymous = true } }

// WithBody gives a call a JSON body, for a DELETE that needs one.
func WithBody(v any) CallOption { return func(o *options) { o.body = v } }

// WithDeploy declares that the call makes a Controller deploy. Then a 400 whose detail begins with "(app::deploy)" comes
// after a part of the work: real 2.x Controllers respond with it when a deploy fails, and pods may be stopped or replaced
// by then.
func WithDeploy() CallOption { return func(o *options) { o.deploys = true } }

// WithSecrets names secrets in the request, such as a password in its body or a key in a header: they are redacted
// where the response echoes them. The token need not be named.
func WithSecrets(secrets ...string) CallOption {
	return func(o *options) { o.secrets = append(o.secrets, secrets...) }
}

// WithSecretResponse declares that the response is a secret, for example a token or a config: a dump does not show it.
func WithSecretResponse() CallOption { return func(o *options) { o.secretResponse = true } }

// WithUnknownPath allows a DELETE below an app, a certificate or an account that is not known to be safe. Servers
// before Workflow v2.7 carry out a DELETE of an unknown path on its parent: use this option only if you know the
// server.
func WithUnknownPath() CallOption { return func(o *options) { o.unknownPath = true } }

// WithLook makes a call check something just before it is sent, by calling look, in the same turn: no other write of the
// client to the app comes between the check and the call. If look returns an error, the call returns it and nothing is
// sent. look must not write to the same app: it would wait for its own turn.
func WithLook(look func(context.Context) error) CallOption {
	return func(o *options) { o.look = look }
}

// WithoutResponse drops the WithResponse options before it, for an additional call with the options of another.
func WithoutResponse() CallOption { return func(o *options) { o.responses = nil } }

// WithoutReadAhead makes an All request a page only when the range reaches it. It has no effect on other calls.
func WithoutReadAhead() CallOption { return func(o *options) { o.noReadAhead = true } }
