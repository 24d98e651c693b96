package rest

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/deisgo/deis/version"
)

// A Server has the versions that a Controller reports.
type Server struct {
	API      version.API // from the header DEIS_API_VERSION
	Platform string      // from the header DEIS_PLATFORM_VERSION, "" if there was none
}

// negotiation remembers which version the Controller speaks, for a client and all its copies.
type negotiation struct {
	server   atomic.Pointer[Server]      // last seen
	api      atomic.Pointer[version.API] // negotiated; nil before that, and after the Controller changed its major version
	failures failures
}

// failures counts the probes that failed, except those that their callers ended, and has the error of the last.
type failures struct {
	mu     sync.Mutex
	number int
	last   *Error
}

func (f *failures) add(err *Error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.number, f.last = f.number+1, err
}

func (f *failures) get() (number int, last *Error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.number, f.last
}

const (
	probePath    = "/v2/"           // without a token, v2 Controllers respond with 401 and v1 with 404; both name the version
	probeTimeout = 10 * time.Second // a Controller responds in milliseconds
	probeTurn    = "version"        // the other turns are called "app ID"
)

// Negotiate returns the API version that calls speak. Unless the client is pinned to one, the first call probes the
// Controller for it. Calls that start during the probe wait for it; each wait ends with its own context. A probe takes
// at most ten seconds, and a failure is not remembered; but a call that saw two other probes fail while it waited sends
// none. The error is a *version.MismatchError if there is no common version, and matches ErrNotController if something
// else responds.
func (c *Client) Negotiate(ctx context.Context) (version.API, error) {
	if c.config.API != (version.API{}) {
		return c.config.API, nil
	}
	if api := c.negotiated.api.Load(); api != nil {
		return *api, nil
	}
	probe := &call{Context: ctx, client: c, method: http.MethodGet, probe: true}
	probe.locate("", probePath)
	before, _ := c.negotiated.failures.get()
	done, err := c.turns.begin(ctx, probeTurn)
	if err != nil {
		probe.waitingFor = "waiting for the version probe of another call"
		return version.API{}, probe.newError(err)
	}
	defer done()
	if api := c.negotiated.api.Load(); api != nil { // another call has negotiated it while this one waited
		return *api, nil
	}
	if now, last := c.negotiated.failures.get(); now-before >= 2 {
		shared := *last
		return version.API{}, &shared
	}
	return c.sendProbe(probe)
}

// sendProbe requests the version of the Controller.
func (c *Client) sendProbe(probe *call) (version.API, error) {
	caller := probe.Context
	bounded, cancel := WithTimeout(caller, probeTimeout)
	defer cancel()
	probe.Context = bounded
	if err := probe.send(nil); err != nil {
		var failed *Error
		if errors.As(err, &failed) && caller.Err() == nil {
			c.negotiated.failures.add(failed)
		}
		return version.API{}, err
	}
	server, _ := c.Server()
	api, err := version.Negotiate(server.API)
	if err == nil {
		c.negotiated.api.Store(&api)
	}
	return api, err
}

// Require returns a *version.UnsupportedError if the version that calls speak is older than need. It sends at most the
// version probe.
func (c *Client) Require(ctx context.Context, operation string, need version.API) error {
	have, err := c.Negotiate(ctx)
	if err == nil && !have.AtLeast(need) {
		err = &version.UnsupportedError{Operation: operation, Have: have, Need: need}
	}
	return err
}

// RequireAt is Require for an operation at an endpoint. It checks the path of the endpoint first.
func (c *Client) RequireAt(ctx context.Context, at Endpoint, operation string, need version.API) error {
	if at.err != nil {
		return at.err
	}
	return c.Require(ctx, operation, need)
}

// Server returns the versions that the Controller last reported, or false before its first response.
func (c *Client) Server() (Server, bool) {
	if server := c.negotiated.server.Load(); server != nil {
		return *server, true
	}
	return Server{}, false
}
