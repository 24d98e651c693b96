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

// transport makes one attempt. It also hides the CloseIdleConnections of the transport below, which go-retryablehttp
// would call after each failure, on a transport that others may use too.
type transport struct{ below http.RoundTripper }

func (t transport) RoundTrip(req *http.Request) (*http.Response, error) {
	c := req.Context().Value(callKey{}).(*call)
	if isWrite(c.method) {
		req = req.WithContext(c.attempt.trace(req.Context()))
		return c.dump(req, t.below)
	}
	try := &c.try
	*try = c.newTry(req.Context())
	resp, err := c.dump(req.WithContext(try.ctx), t.below)
	if err != nil {
		defer try.cancel()
		return resp, try.explain(err)
	}
	try.body, resp.Body = resp.Body, try
	return resp, nil
}

// A try bounds one attempt of a GET to the end of its response's body.
type try struct {
	parent, ctx context.Context
	cancel      context.CancelFunc
	bound       time.Duration
	body        io.ReadCloser
}

func (c *call) newTry(parent context.Context) try {
	t := try{parent: parent, bound: c.client.config.Retry.tryTimeout()}
	if c.probe {
		t.bound = min(t.bound, probeTimeout/2) // so that there is time for another attempt
	}
	t.ctx, t.cancel = context.WithTimeout(parent, t.bound)
	return t
}

func (t *try) Read(p []byte) (int, error) {
	n, err := t.body.Read(p)
	if err != nil && err != io.EOF {
		err = t.explain(err)
	}
	return n, err
}

func (t *try) Close() error {
	defer t.cancel()
	return t.body.Close()
}

// explain keeps the end of an attempt apart from the end of the call's context.
func (t *try) explain(err error) error {
	if t.ctx.Err() != nil && t.parent.Err() == nil {
		return fmt.Errorf("no response within %v", t.bound)
	}
	return err
}

// An attempt observes whether the request of a write went out.
type attempt struct {
	began     atomic.Bool // the transport looks for a connection: it is one of net/http, which reports what it does
	connected atomic.Bool // and found one, on which it may have sent something
	wrote     atomic.Bool // and sent the header
}

func (a *attempt) trace(ctx context.Context) context.Context {
	a.began.Store(false)
	a.wrote.Store(false)
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) {
			a.began.Store(true)
			a.connected.Store(a.wrote.Load()) // net/http begins anew only where it has sent nothing; others may do otherwise
		},
		GotConn:      func(httptrace.GotConnInfo) { a.connected.Store(true) },
		WroteHeaders: func() { a.wrote.Store(true) },
	})
}

// unsent reports whether certainly no byte of the request went out: no connection, no tunnel through the proxy or no TLS
// session could be made. Of a transport that does not report what it does, as those of tests, only the error of a dial
// proves that.
func (a *attempt) unsent(err error) bool {
	if a.began.Load() {
		return !a.connected.Load()
	}
	var op *net.OpError
	return errors.As(err, &op) && (op.Op == "dial" || op.Op == "proxyconnect")
}
