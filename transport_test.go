package deis

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis/apps"
	"github.com/deisgo/deis/version"
)

func TestConnectionsAreKeptButClosedBeforeALoadBalancerClosesThem(t *testing.T) {
	own, ok := newTransport(false).(*http.Transport)
	require.True(t, ok)
	assert.Positive(t, own.IdleConnTimeout)
	assert.Less(t, own.IdleConnTimeout, time.Minute)
	assert.GreaterOrEqual(t, own.MaxIdleConnsPerHost, 64)
	assert.False(t, own.DisableKeepAlives)
	assert.NotSame(t, http.DefaultTransport, own, "the default transport is not changed")
}

// pipes is a network in memory whose connections can go dead.
type pipes struct {
	accepted chan net.Conn
	once     sync.Once
	mu       sync.Mutex
	made     []*mortalConn
}

func (p *pipes) dial(context.Context, string, string) (net.Conn, error) {
	here, there := net.Pipe()
	conn := &mortalConn{Conn: here}
	p.mu.Lock()
	p.made = append(p.made, conn)
	p.mu.Unlock()
	p.accepted <- there
	return conn, nil
}

func (p *pipes) Accept() (net.Conn, error) {
	if conn, ok := <-p.accepted; ok {
		return conn, nil
	}
	return nil, net.ErrClosed
}
func (p *pipes) Close() error {
	p.once.Do(func() { close(p.accepted) })
	return nil
}
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// kill makes all connections dead that have been made so far.
func (p *pipes) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, conn := range p.made {
		conn.dead.Store(true)
	}
}

// A mortalConn is a connection that can go dead: then writes succeed, but nothing comes back.
type mortalConn struct {
	net.Conn
	dead atomic.Bool
}

func (c *mortalConn) Write(p []byte) (int, error) {
	if c.dead.Load() {
		return len(p), nil
	}
	return c.Conn.Write(p)
}

func TestADeadHTTP2ConnectionIsFoundAndReplaced(t *testing.T) {
	certificate := httptest.NewUnstartedServer(nil)
	certificate.StartTLS()
	defer certificate.Close()
	synctest.Test(t, func(t *testing.T) {
		network := &pipes{accepted: make(chan net.Conn)}
		var protocols []int
		server := &http.Server{
			TLSConfig: &tls.Config{Certificates: certificate.TLS.Certificates, NextProtos: []string{"h2"}},
			Handler: http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				protocols = append(protocols, req.ProtoMajor)
				w.Header().Set(version.Header, "2.2")
				io.WriteString(w, `{"id":"a","uuid":"u"}`)
			}),
		}
		served := make(chan error)
		go func() { served <- server.ServeTLS(network, "", "") }()

		transport := newTransport(false).(*http.Transport)
		transport.DialContext, transport.Proxy = network.dial, nil
		roots := x509.NewCertPool()
		roots.AddCert(certificate.Certificate())
		client, err := New("https://example.com", WithTransport(transport), WithTLSConfig(&tls.Config{RootCAs: roots, Time: func() time.Time { return certificate.Certificate().NotBefore }}),
			WithRetry(RetryPolicy{}))
		require.NoError(t, err)
		_, err = client.Apps.Get(t.Context(), "a")
		require.NoError(t, err)
		network.kill()

		start, failures := time.Now(), 0
		for {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			_, err := client.Apps.Get(ctx, "a")
			cancel()
			if err == nil {
				break
			}
			failures++
			require.Less(t, failures, 12, "every call fails on the dead connection: %v", err)
		}
		assert.LessOrEqual(t, time.Since(start), 2*pingAfter+10*time.Second)
		assert.NotContains(t, protocols, 1)

		client.CloseIdleConnections()
		network.mu.Lock()
		for _, conn := range network.made {
			conn.Close()
		}
		network.mu.Unlock()
		require.NoError(t, server.Close())
		assert.True(t, errors.Is(<-served, http.ErrServerClosed))
	})
}

func TestADeadHTTP1ConnectionCostsOneAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		client, err := New("http://example.com", WithAPIVersion(version.V2_2), WithTransport(roundTrip(func(req *http.Request) (*http.Response, error) {
			if calls++; calls == 1 {
				<-req.Context().Done()
				return nil, req.Context().Err()
			}
			recorder := httptest.NewRecorder()
			recorder.Header().Set(version.Header, "2.2")
			io.WriteString(recorder, `{"count":0,"results":[]}`)
			return recorder.Result(), nil
		})))
		require.NoError(t, err)
		start := time.Now()
		_, err = client.Apps.List(t.Context(), apps.ListOptions{})
		require.NoError(t, err, "the second attempt")
		assert.InDelta(t, time.Minute, time.Since(start), float64(time.Second), "TryTimeout is a minute unless set")
	})
}

// roundTrip is a transport in memory. That of package exchange cannot be used: the package imports this one.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }
