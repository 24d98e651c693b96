package rest

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/google/go-querystring/query"
	"github.com/hashicorp/go-retryablehttp"

	"github.com/deisgo/deis/version"
)

// A CallOption changes one call.
type CallOption func(*call)

// A Response is what a call learns beside its result. See WithResponse.
type Response struct {
	Status   int         // of the last answer; 0 if there was none
	Header   http.Header // of the last answer
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
	return func(c *call) {
		if r == nil {
			c.fail(InvalidArgument("response", "must not be nil"))
			return
		}
		c.responses = append(c.responses, r)
	}
}

// WithHeader sets a header of the request, in place of the client's own value if it has one. Host, Content-Length,
// Transfer-Encoding and Trailer are not for callers to set.
func WithHeader(key, value string) CallOption {
	return func(c *call) {
		if key == "" || strings.ContainsFunc(key, notInName) || strings.ContainsFunc(value, notInValue) {
			c.fail(InvalidArgument(fmt.Sprintf("header %.50q", key), "must be one name and one line"))
			return
		}
		switch http.CanonicalHeaderKey(key) {
		case "Host", "Content-Length", "Transfer-Encoding", "Trailer": // net/http would leave them out
			c.fail(InvalidArgument("header "+key, "cannot be set: it follows from the URL and the body"))
			return
		}
		if c.header == nil {
			c.header = make(http.Header)
		}
		c.header.Set(key, value)
	}
}

// What RFC 9110 allows in a header. net/http would find out for itself, but only when it sends, as an error like that of
// a connection, which is tried again.
func notInName(r rune) bool {
	return r <= ' ' || r > '~' || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
}

func notInValue(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

// WithIdempotent declares that doing the call twice does no harm, so that it is tried again as a GET is (but a POST
// never on 503; see RetryPolicy).
func WithIdempotent() CallOption {
	return func(c *call) { c.idempotent = true }
}

// WithQuery sets the query, written as a struct with `url` tags as go-querystring reads them.
func WithQuery(v any) CallOption {
	values, err := query.Values(v)
	if err != nil {
		return func(c *call) { c.fail(InvalidArgument("query", err.Error())) }
	}
	return withEncodedQuery(values.Encode())
}

func withEncodedQuery(query string) CallOption {
	return func(c *call) { c.query = query }
}

// addQuery adds to the query that there is.
func addQuery(query string) CallOption {
	return func(c *call) { c.query = strings.Trim(c.query+"&"+query, "&") }
}

// WithoutToken sends the call without the client's token. Real Controllers refuse a login that comes with a stale one.
func WithoutToken() CallOption {
	return func(c *call) { c.anonymous = true }
}

// WithBody gives a call a JSON body, for a DELETE that needs one.
func WithBody(v any) CallOption {
	return func(c *call) { c.body = v }
}

// A call is one use of the API while it lasts.
type call struct {
	method string
	api    version.API
	path   string // as sent, with the controller URL's own
	sent   []byte // the body as sent

	// What the options say.
	query       string
	header      http.Header
	body        any
	idempotent  bool
	anonymous   bool
	noReadAhead bool
	responses   []*Response
	err         error

	// What happens.
	question     *question // if it asks for the version
	retrying     retryablehttp.Client
	answer       *http.Response // the last one
	attempts     int
	mayHaveActed bool // an earlier try may have been carried out
}

func newCall(method string, opts []CallOption) *call {
	c := &call{method: method}
	for _, opt := range opts {
		if opt == nil {
			c.fail(InvalidArgument("call option", "must not be nil"))
			continue
		}
		opt(c)
	}
	return c
}

// fail keeps the first error of the options.
func (c *call) fail(err error) {
	if c.err == nil {
		c.err = err
	}
}

// report fills in what WithResponse asks for.
func (c *call) report() {
	for _, r := range c.responses {
		*r = Response{API: c.api, Attempts: c.attempts}
		if c.answer != nil {
			r.Status, r.Header = c.answer.StatusCode, c.answer.Header
		}
	}
}
