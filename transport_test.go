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

func TestConnectionsAreKeptButNotUntilABalancerClosesThem(t *testing.T) {
	own, ok := newTransport(false).(*http.Transport)
	require.True(t, ok)
	assert.Positive(t, own.IdleConnTimeout)
	assert.Less(t, own.IdleConnTimeout, time.Minute)
	assert.GreaterOrEqual(t, own.MaxIdleConnsPerHost, 64)
	assert.False(t, own.DisableKeepAlives)
	assert.NotSame(t, http.DefaultTransport, own, "the program's own is left alone")
}

// pipes is a network in memory that can begin to swallow what is written to the connections that there are.
type pipes struct {
	accepted chan net.Conn
	once     sync.Once
	mu       sync.Mutex
	made     []*hole
}

func (p *pipes) dial(context.Context, string, string) (net.Conn, error) {
	here, there := net.Pipe()
	conn := &hole{Conn: here}
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

// swallow makes holes of all connections that there are.
func (p *pipes) swallow() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, conn := range p.made {
		conn.swallows.Store(true)
	}
}

// A hole is a connection behind which nobody is any more: writes succeed, and nothing comes back.
type hole struct {
	net.Conn
	swallows atomic.Bool
}

func (h *hole) Write(p []byte) (int, error) {
	if h.swallows.Load() {
		return len(p), nil
	}
	return h.Conn.Write(p)
}

func TestADeadHTTP2ConnectionIsFoundAndGivenUp(t *testing.T) {
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
		network.swallow()

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

func TestADeadConnectionOfTheFirstVersionCostsOneAttempt(t *testing.T) {
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

// roundTrip is a transport in memory. Package exchange, which has one, imports this package.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }
