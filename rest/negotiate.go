package rest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/deisgo/deis/version"
)

// A Server is what a Controller says about itself.
type Server struct {
	API      version.API // from the header DEIS_API_VERSION
	Platform string      // from the header DEIS_PLATFORM_VERSION, "" if there was none
}

// negotiation remembers what the Controller speaks, for a client and all copies of it.
type negotiation struct {
	server atomic.Pointer[Server]      // last seen
	api    atomic.Pointer[version.API] // agreed on; nil before, and after the Controller changed its major version

	mu  sync.Mutex
	ask *question // being asked now
}

// A question is one GET /v2/ that several calls wait for.
type question struct {
	done    chan struct{} // closed when api and err are there
	api     version.API
	err     error
	waiting int
	cancel  context.CancelFunc
	trouble atomic.Pointer[string] // what came of the last try, if there is to be another
}

// keep remembers a try that failed, for those who stop waiting before there is an answer.
func (q *question) keep(resp *http.Response, err error) {
	trouble := "so far "
	if resp != nil {
		trouble += statusLine(resp.StatusCode)
	} else {
		trouble += oneLine(cause(err).Error())
	}
	q.trouble.Store(&trouble)
}

// Negotiate returns the API version that calls speak. Unless the client is pinned to one, the first call asks the
// Controller; calls that begin meanwhile wait for the same answer, and a failure is not remembered. The error is a
// *version.MismatchError if there is no common version, and matches ErrNotController if what answers is none.
func (c *Client) Negotiate(ctx context.Context) (version.API, error) {
	if c.config.API != (version.API{}) {
		return c.config.API, nil
	}
	n := c.negotiated
	if api := n.api.Load(); api != nil {
		return *api, nil
	}
	if ctx.Err() != nil {
		return version.API{}, c.unanswered(ctx.Err())
	}
	n.mu.Lock()
	if api := n.api.Load(); api != nil { // agreed on between the two looks
		n.mu.Unlock()
		return *api, nil
	}
	q := n.ask
	if q == nil {
		// The question outlives the call that asks it first, as long as another waits for the answer.
		asking, cancel := context.WithCancel(context.WithoutCancel(ctx))
		q = &question{done: make(chan struct{}), cancel: cancel}
		n.ask = q
		go c.ask(asking, q)
	}
	q.waiting++
	n.mu.Unlock()

	select {
	case <-q.done:
		return q.api, q.err
	case <-ctx.Done():
		n.mu.Lock()
		defer n.mu.Unlock()
		if q.waiting--; q.waiting == 0 {
			q.cancel()
			if n.ask == q {
				n.ask = nil
			}
		}
		e := c.unanswered(ctx.Err())
		if trouble := q.trouble.Load(); trouble != nil {
			e.Detail = *trouble
		}
		return version.API{}, e
	}
}

// unanswered is the error of a question that was not answered.
func (c *Client) unanswered(why error) *Error {
	path := strings.TrimSuffix(c.config.BaseURL.EscapedPath(), "/") + questionPath
	return &Error{Method: http.MethodGet, Path: path, cause: why}
}

// Require returns an *version.UnsupportedError, without sending the operation, if the version that calls speak is
// older than need.
func (c *Client) Require(ctx context.Context, operation string, need version.API) error {
	have, err := c.Negotiate(ctx)
	if err == nil && !have.AtLeast(need) {
		err = &version.UnsupportedError{Operation: operation, Have: have, Need: need}
	}
	return err
}

// Server returns what the Controller last said about itself; false before the first answer.
func (c *Client) Server() (Server, bool) {
	if server := c.negotiated.server.Load(); server != nil {
		return *server, true
	}
	return Server{}, false
}

// questionPath is asked without a token: 401 from v2 Controllers and 404 from v1, the header on both.
const questionPath = "/v2/"

func (c *Client) ask(ctx context.Context, q *question) {
	q.err = c.unanswered(errGivenUp)
	defer func() { // also where a transport ends the goroutine, as t.FailNow does, or all who wait would wait forever
		n := c.negotiated
		n.mu.Lock()
		defer n.mu.Unlock()
		if q.err == nil && n.ask == q {
			n.api.Store(&q.api)
		}
		if n.ask == q {
			n.ask = nil
		}
		q.cancel()
		close(q.done)
	}()
	q.api, q.err = c.askVersion(ctx, q)
}

var errGivenUp = errors.New("the transport gave the question up")

func (c *Client) askVersion(ctx context.Context, q *question) (version.API, error) {
	call := newCall(http.MethodGet, nil)
	call.question = q
	req, err := retryablehttp.NewRequestWithContext(ctx, call.method, c.base+questionPath, nil)
	if err != nil {
		return version.API{}, InvalidArgument("controller URL", "cannot be asked: "+err.Error())
	}
	call.path = req.URL.EscapedPath()
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", c.config.UserAgent)
	resp, err := c.exchange(call, req)
	if resp != nil {
		defer resp.Body.Close()
	}
	if err != nil {
		return version.API{}, c.failed(call, err)
	}
	server, ok := c.observe(resp.Header)
	if !ok {
		return version.API{}, c.notController(call)
	}
	discard(resp.Body)
	return version.Negotiate(server.API)
}

// notController says what was found in place of a Controller.
func (c *Client) notController(call *call) error {
	e := c.failed(call, nil)
	found := call.answer.Header.Get("Content-Type")
	if e.Detail != "" {
		found += fmt.Sprintf(" %.100q", e.Detail)
	}
	header := "no " + version.Header + " header"
	if said := first(call.answer.Header[versionKey]); said != "" {
		header = fmt.Sprintf("a %s header that is none, %.50q", version.Header, said)
	}
	e.Detail = fmt.Sprintf("no Controller at %s: the answer has %s; found %s",
		c.config.BaseURL.Host, header, cmp.Or(strings.TrimSpace(found), "nothing"))
	e.cause = ErrNotController
	return e
}

// http.Header keeps keys in this form.
var (
	versionKey  = http.CanonicalHeaderKey(version.Header)
	platformKey = http.CanonicalHeaderKey(version.PlatformHeader)
)

// observe reads what an answer says about the Controller. If that is news, the next calls follow it: another minor
// version holds at once, another major version (the Controller was upgraded) makes the next call negotiate again.
func (c *Client) observe(header http.Header) (Server, bool) {
	api, err := version.Parse(first(header[versionKey]))
	if err != nil {
		return Server{}, false
	}
	server := Server{API: api, Platform: first(header[platformKey])}
	n := c.negotiated
	if known := n.server.Load(); known != nil && *known == server {
		return server, true
	}
	news := server // a copy, which alone is kept
	n.server.Store(&news)
	if agreed := n.api.Load(); agreed != nil {
		if now, err := version.Negotiate(api); err == nil && now.Major == agreed.Major {
			n.api.CompareAndSwap(agreed, &now)
		} else {
			n.api.CompareAndSwap(agreed, nil)
		}
	}
	return server, true
}

func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}
