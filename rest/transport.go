package rest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"
)

// transport makes one attempt. It also hides the CloseIdleConnections of its base, which go-retryablehttp would call
// after each failure, although others may use the base too.
type transport struct{ base http.RoundTripper }

func (t transport) RoundTrip(req *http.Request) (*http.Response, error) {
	c := req.Context().Value(callKey{}).(*call)
	if isWrite(c.method) {
		req = req.WithContext(c.tracker.trace(req.Context()))
		return c.dump(req, t.base)
	}
	timed := &c.timed
	*timed = c.newTimedAttempt(req.Context())
	resp, err := c.dump(req.WithContext(timed.ctx), t.base)
	if err != nil {
		defer timed.cancel()
		return resp, timed.explain(err)
	}
	timed.body, resp.Body = resp.Body, timed
	return resp, nil
}

// A timedAttempt bounds one attempt of a GET, up to the end of the response's body.
type timedAttempt struct {
	parent, ctx context.Context
	cancel      context.CancelFunc
	bound       time.Duration
	body        io.ReadCloser
}

func (c *call) newTimedAttempt(parent context.Context) timedAttempt {
	t := timedAttempt{parent: parent, bound: c.client.config.Retry.attemptTimeout()}
	if c.probe {
		t.bound = min(t.bound, probeTimeout/2) // so that there is time for a second attempt
	}
	t.ctx, t.cancel = context.WithTimeout(parent, t.bound)
	return t
}

func (t *timedAttempt) Read(p []byte) (int, error) {
	n, err := t.body.Read(p)
	if err != nil && err != io.EOF {
		err = t.explain(err)
	}
	return n, err
}

func (t *timedAttempt) Close() error {
	defer t.cancel()
	return t.body.Close()
}

// explain replaces the error of an attempt that took too long, but not that of a call whose context has ended.
func (t *timedAttempt) explain(err error) error {
	if t.ctx.Err() != nil && t.parent.Err() == nil {
		return fmt.Errorf("no response within %v", t.bound)
	}
	return err
}

// A sendTracker observes whether the request of a write was sent.
type sendTracker struct {
	began     atomic.Bool // the transport is looking for a connection, so it is net/http's, which reports what it does
	connected atomic.Bool // it has a connection, on which it may have sent something
	wrote     atomic.Bool // it has sent the header
}

func (s *sendTracker) trace(ctx context.Context) context.Context {
	s.began.Store(false)
	s.wrote.Store(false)
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) {
			s.began.Store(true)
			s.connected.Store(s.wrote.Load()) // net/http looks for another connection only if it has sent nothing; other transports may differ
		},
		GotConn:      func(httptrace.GotConnInfo) { s.connected.Store(true) },
		WroteHeaders: func() { s.wrote.Store(true) },
	})
}

// isUnsent reports whether it is certain that no byte of the request was sent: no connection, no tunnel through the
// proxy or no TLS session could be made. If the transport does not report what it does, like those of tests, only an
// error of dialing proves that.
func (s *sendTracker) isUnsent(err error) bool {
	if s.began.Load() {
		return !s.connected.Load()
	}
	var op *net.OpError
	return errors.As(err, &op) && (op.Op == "dial" || op.Op == "proxyconnect")
}
