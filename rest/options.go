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

// options are what the call options of one call say.
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

// A Response is what a call learns beside its result. See WithResponse.
type Response struct {
	Status   int         // of the last response; 0 if there was none
	Header   http.Header // of the last response
	API      version.API // the version that the call spoke
	Attempts int         // how often the request was sent
}

// Release is the number of the release that the call made, from the header X-Deis-Release; 0 where the Controller
// does not say it, as no v2 Controller does.
func (r *Response) Release() int {
	number, err := strconv.Atoi(r.Header.Get("X-Deis-Release"))
	if err != nil {
		return 0
	}
	return number
}

// WithResponse fills in r when the call ends, also when it fails. A call that is refused before anything is sent can
// leave r as it was.
func WithResponse(r *Response) CallOption {
	return func(o *options) {
		if r == nil {
			o.fail(InvalidArgument("response", "must not be nil"))
			return
		}
		o.responses = append(o.responses, r)
	}
}

// WithHeader sets a header of the request, in place of the client's own value if it has one. Host, Content-Length,
// Transfer-Encoding and Trailer are not for callers to set. An Idempotency-Key is refused, because net/http would then
// send a POST again by itself, without a word.
func WithHeader(key, value string) CallOption {
	return func(o *options) {
		if key == "" || strings.ContainsFunc(key, notInName) || strings.ContainsFunc(value, notInValue) {
			o.fail(InvalidArgument(fmt.Sprintf("header %.50q", key), "must be one name and one line"))
			return
		}
		switch http.CanonicalHeaderKey(key) {
		case "Host", "Content-Length", "Transfer-Encoding", "Trailer": // net/http would leave them out
			o.fail(InvalidArgument("header "+key, "cannot be set: it follows from the URL and the body"))
			return
		case "Idempotency-Key", "X-Idempotency-Key":
			o.fail(InvalidArgument("header "+key, "cannot be set: net/http would send the request again by itself; use WithIdempotent"))
			return
		}
		if o.header == nil {
			o.header = make(http.Header)
		}
		o.header.Set(key, value)
	}
}

// What RFC 9110 allows in a header. net/http would find out for itself, but only when it sends, as an error like that of
// a connection, which is retried.
func notInName(r rune) bool {
	return r <= ' ' || r > '~' || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
}

func notInValue(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

// WithIdempotent declares that doing the call twice does no harm, so that it is retried as a GET is (but a POST never on
// 503; see RetryPolicy).
func WithIdempotent() CallOption { return func(o *options) { o.idempotent = true } }

// WithQuery sets the query, written as a struct with `url` tags as go-querystring reads them.
func WithQuery(v any) CallOption {
	values, err := query.Values(v)
	if err != nil {
		return func(o *options) { o.fail(InvalidArgument("query", err.Error())) }
	}
	return withEncodedQuery(values.Encode())
}

func withEncodedQuery(query string) CallOption { return func(o *options) { o.query = query } }

// addQuery adds to the query that there is.
func addQuery(query string) CallOption {
	return func(o *options) { o.query = strings.Trim(o.query+"&"+query, "&") }
}

// WithoutToken sends the call without the client's token. Real Controllers refuse a login that comes with a stale one.
func WithoutToken() CallOption { return func(o *options) { o.anonymous = true } }

// WithBody gives a call a JSON body, for a DELETE that needs one.
func WithBody(v any) CallOption { return func(o *options) { o.body = v } }

// WithSecrets names texts in the request that nobody else may see, as a password in its body or a key in a header of the
// caller's own: they are redacted where the response echoes them. The token is one without being named.
func WithSecrets(secrets ...string) CallOption {
	return func(o *options) { o.secrets = append(o.secrets, secrets...) }
}

// WithSecretResponse says that the response itself is a secret, a token or a config for example: a dump does not show it.
func WithSecretResponse() CallOption { return func(o *options) { o.secretResponse = true } }

// WithUnknownPath allows a DELETE below an app, a certificate or an account that the SDK does not know to be safe. Servers
// before Workflow v2.7 carry out a DELETE that they do not know on the parent: use it only where you know the
// server.
func WithUnknownPath() CallOption { return func(o *options) { o.unknownPath = true } }

// WithLook looks before the call is sent, in the turn in which it is: no other write of the client to the app comes between.
// An error ends the call, and nothing is sent.
func WithLook(look func(context.Context) error) CallOption {
	return func(o *options) { o.look = look }
}

// WithoutResponse leaves the Responses of options before it alone, for a call beside the one that they are meant for.
func WithoutResponse() CallOption { return func(o *options) { o.responses = nil } }

// WithoutReadAhead makes an All ask for a page only when the range comes to it. On other calls it changes nothing.
func WithoutReadAhead() CallOption { return func(o *options) { o.noReadAhead = true } }
