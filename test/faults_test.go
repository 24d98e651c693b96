package test

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	neturl "net/url"
	"os"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis/internal/lines"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/internal/exchange"
	"github.com/deisgo/deis/rest"
	"github.com/deisgo/deis/version"
)

// causes are those that docs/faults.md names, each with a function that finds it in an error.
var causes = map[string]func(error) bool{
	"deis.ErrServer":                    is(deis.ErrServer),
	"deis.ErrUnavailable":               is(deis.ErrUnavailable),
	"deis.ErrRateLimited":               is(deis.ErrRateLimited),
	"deis.ErrBadRequest":                is(deis.ErrBadRequest),
	"deis.ErrNotController":             is(deis.ErrNotController),
	"syscall.ECONNREFUSED":              is(exchange.ConnRefused),
	"syscall.ECONNRESET":                is(exchange.ConnReset),
	"io.EOF":                            is(io.EOF),
	"io.ErrUnexpectedEOF":               is(io.ErrUnexpectedEOF),
	"gzip.ErrHeader":                    is(gzip.ErrHeader),
	"http.ErrSchemeMismatch":            is(http.ErrSchemeMismatch),
	"context.DeadlineExceeded":          is(context.DeadlineExceeded),
	"*net.OpError":                      as[*net.OpError],
	"*tls.CertificateVerificationError": as[*tls.CertificateVerificationError],
}

func is(target error) func(error) bool { return func(err error) bool { return errors.Is(err, target) } }

func as[T error](err error) bool {
	var target T
	return errors.As(err, &target)
}

// impatient is the default policy without its waits.
var impatient = deis.RetryPolicy{Max: rest.DefaultRetryPolicy.Max, MinWait: 1, MaxWait: 1}

// methods are the three columns of calls in docs/faults.md.
var methods = []struct {
	name string
	call func(context.Context, *deis.Client, ...deis.CallOption) error
}{
	{"GET", func(ctx context.Context, c *deis.Client, opts ...deis.CallOption) error {
		_, err := c.Apps.Get(ctx, "a", opts...)
		return err
	}},
	{"DELETE", func(ctx context.Context, c *deis.Client, opts ...deis.CallOption) error {
		return c.Apps.Delete(ctx, "a", opts...)
	}},
	{"POST", func(ctx context.Context, c *deis.Client, opts ...deis.CallOption) error {
		_, err := c.Config.SetValues(ctx, "a", map[string]string{"A": "1"}, opts...)
		return err
	}},
}

// A wire is a server on a real port that writes what a fault says, byte by byte, and counts.
type wire struct {
	URL      string
	requests atomic.Int64 // that were read to the end
	open     atomic.Int64 // connections that neither side has closed
	written  atomic.Int64 // bytes that a script could write
	first    atomic.Int64 // the connection of the first request since this was set to 0
	last     atomic.Int64 // the connection of the last request
	over     atomic.Bool  // the fault is over
	listener net.Listener
	fault    fault
}

// A script responds to the nth request of a connection, and reports whether the connection stays open.
type script func(conn net.Conn, nth int) (stays bool)

const healthy = "HTTP/1.1 200 OK\r\nDEIS_API_VERSION: 2.2\r\nContent-Length: 31\r\n\r\n" + `{"id":"a","app":"a","uuid":"u"}`

func newWire(t *testing.T, f fault) *wire {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	w := &wire{URL: "http://" + listener.Addr().String(), listener: listener, fault: f}
	if f.secure {
		w.URL = "https://" + listener.Addr().String()
		w.listener = tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{loopbackCertificate().pair}})
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for id := int64(1); ; id++ {
			conn, err := w.listener.Accept()
			if err != nil {
				return
			}
			w.open.Add(1)
			serving.Go(func() { w.serve(conn, id) })
		}
	})
	t.Cleanup(func() {
		w.listener.Close()
		serving.Wait() // the client was closed before this
	})
	if f.noListener {
		w.listener.Close()
	}
	return w
}

func (w *wire) serve(conn net.Conn, id int64) {
	defer w.open.Add(-1)
	defer conn.Close()
	if w.fault.greets != nil && !w.over.Load() {
		w.fault.greets(conn)
		return
	}
	reader := bufio.NewReader(conn)
	for nth := 1; ; nth++ {
		req, err := http.ReadRequest(reader)
		if err != nil {
			return // the client has hung up
		}
		if _, err := io.Copy(io.Discard, req.Body); err != nil {
			return
		}
		w.requests.Add(1)
		w.first.CompareAndSwap(0, id)
		w.last.Store(id)
		stays := true
		switch {
		case w.over.Load():
			io.WriteString(conn, healthy)
		case w.fault.warm && w.requests.Load() == 1:
			io.WriteString(conn, healthy)
			if w.fault.closesIdle {
				conn.(*net.TCPConn).CloseWrite()
				io.Copy(io.Discard, conn) // until the client notices
				return
			}
		default:
			stays = w.fault.does(&counted{conn, &w.written}, nth)
		}
		if !stays {
			return
		}
	}
}

type counted struct {
	net.Conn
	written *atomic.Int64
}

func (c *counted) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.written.Add(int64(n))
	return n, err
}

// loopbackCertificate is for 127.0.0.1. No system trusts it.
var loopbackCertificate = sync.OnceValue(func() (c struct {
	pair tls.Certificate
	pool *x509.CertPool
}) {
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	c.pair, c.pool = server.TLS.Certificates[0], x509.NewCertPool()
	c.pool.AddCert(server.Certificate())
	return c
})

// raw writes text as it is and closes the connection.
func raw(text string) script {
	return func(conn net.Conn, _ int) bool {
		io.WriteString(conn, text)
		return false
	}
}

// responds writes a complete response of the Controller. Each header is "Key: value".
func responds(status, body string, headers ...string) script {
	return foreign(status, body, append(headers[:len(headers):len(headers)], version.Header+": 2.2")...)
}

// foreign writes a complete response that names no API version, so it is not the Controller's.
func foreign(status, body string, headers ...string) script {
	return func(conn net.Conn, _ int) bool {
		headers := append(headers[:len(headers):len(headers)], fmt.Sprint("Content-Length: ", len(body)))
		fmt.Fprintf(conn, "HTTP/1.1 %s\r\n%s\r\n\r\n%s", status, strings.Join(headers, "\r\n"), body)
		return true
	}
}

// endless writes the headers, and then repeats text until the client hangs up.
func endless(headers, text string) script {
	block := bytes.Repeat([]byte(text), max(1, 64<<10/len(text)))
	return func(conn net.Conn, _ int) bool {
		_, err := io.WriteString(conn, headers)
		for err == nil {
			_, err = conn.Write(block)
		}
		return false
	}
}

func hangUp(net.Conn, int) bool { return false }

// hangUpOnTheSecond closes a connection when its second request arrives.
func hangUpOnTheSecond(conn net.Conn, nth int) bool {
	if nth == 1 {
		io.WriteString(conn, healthy)
	}
	return nth == 1
}

// reset closes a connection with a TCP reset, which discards unsent data.
func reset(conn net.Conn, _ int) bool {
	if counting, ok := conn.(*counted); ok {
		conn = counting.Conn
	}
	conn.(*net.TCPConn).SetLinger(0)
	return false
}

func zipped(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	io.WriteString(w, text)
	w.Close()
	return b.String()
}

// An outcome is how a call ends under a fault.
type outcome struct {
	attempts int
	succeeds bool
}

func fails(attempts int) outcome    { return outcome{attempts, false} }
func succeeds(attempts int) outcome { return outcome{attempts, true} }

func (o outcome) String() string {
	if o.succeeds && o.attempts == 1 {
		return "succeeds"
	}
	times := fmt.Sprintf("%d times", o.attempts)
	if o.attempts == 1 {
		times = "once"
	}
	if o.succeeds {
		return times + ", succeeds"
	}
	return times
}

// A fault is one row of the first table in docs/faults.md.
type fault struct {
	name              string
	does              script
	get, delete, post outcome
	says, is          string // what the error says, and what it matches
	acted             bool   // a write may have been carried out, as its error says
	kept              bool   // the connection serves the next call

	// How the fault is made.
	warm       bool           // the call finds a connection that has served another call
	closesIdle bool           // the server has closed that connection since
	noListener bool           // nothing listens on the port
	greets     func(net.Conn) // what the server does instead of reading a request
	secure     bool           // the Controller speaks TLS
	untrusted  bool           // the client does not trust its certificate
	expectsTLS bool           // the client speaks TLS to a server that does not
	proxied    bool           // the server is the client's proxy to a Controller that speaks TLS
	tryTimeout time.Duration  // of the client
	requests   [3]int         // how many the server reads for each method, if that is not the number of attempts
	unheard    bool           // the server reads no request
	atMost     int64          // bytes that the server can write, including the buffers of the sockets
	only       string         // the one method that is tested, because the fault is slow
}

const (
	said      = `{"detail":"said"}`
	okHeaders = "HTTP/1.1 200 OK\r\nDEIS_API_VERSION: 2.2\r\n"
)

var faults = []fault{
	{name: "nothing listens on the port", noListener: true, unheard: true,
		get: fails(4), delete: fails(4), post: fails(4), says: "connection refused", is: "syscall.ECONNREFUSED"},
	{name: "reset before the request was read", unheard: true, greets: func(conn net.Conn) { conn.Read(make([]byte, 1)); reset(conn, 0) },
		get: fails(4), delete: fails(4), post: fails(1), says: "tcp", is: "*net.OpError", acted: true},
	{name: "reset after the request was read", does: reset,
		get: fails(4), delete: fails(4), post: fails(1), says: "connection reset by peer", is: "syscall.ECONNRESET", acted: true},
	{name: "closed without a response", does: hangUp,
		get: fails(4), delete: fails(4), post: fails(1), says: "the connection was closed without a response", is: "io.EOF", acted: true},
	{name: "an idle connection, closed before the call", warm: true, closesIdle: true, does: responds("200 OK", `{"id":"a","app":"a","uuid":"u"}`),
		get: succeeds(1), delete: succeeds(1), post: succeeds(1), kept: true},
	{name: "an idle connection, closed as the call arrives", warm: true, does: hangUpOnTheSecond, requests: [3]int{2, 2, 1},
		get: succeeds(1), delete: succeeds(2), post: fails(1), says: "the connection was closed without a response", is: "io.EOF", acted: true},
	{name: "closed in the middle of the headers", does: raw(okHeaders),
		get: fails(4), delete: fails(4), post: fails(1), says: "unexpected EOF", is: "io.ErrUnexpectedEOF", acted: true},
	{name: "a response that is not HTTP", does: raw("SSH-2.0-OpenSSH_9.6\r\n"),
		get: fails(4), delete: fails(4), post: fails(1), says: "malformed HTTP response", acted: true},
	{name: "endless headers", does: endless(okHeaders+"X-Long: ", "x"), only: "POST",
		get: fails(4), delete: fails(4), post: fails(1), says: "exceeded", acted: true},
	{name: "closed in the middle of the body", does: raw(okHeaders + "Content-Length: 100\r\n\r\n" + `{"id":"a","app":"a","uuid":"u"}`),
		get: fails(1), delete: fails(1), post: fails(1), says: "200 OK: the response was cut off: unexpected EOF", is: "io.ErrUnexpectedEOF", acted: true},
	{name: "closed in the middle of a chunk", does: raw(okHeaders + "Transfer-Encoding: chunked\r\n\r\n50\r\n" + `{"id":"a","app":"a","uuid":"u"}`),
		get: fails(1), delete: fails(1), post: fails(1), says: "200 OK: the response was cut off: unexpected EOF", is: "io.ErrUnexpectedEOF", acted: true},
	{name: "a Content-Length that is too short", does: raw(okHeaders + "Content-Length: 5\r\n\r\n" + `{"id":"a","app":"a","uuid":"u"}`),
		get: fails(1), delete: fails(1), post: fails(1), says: "200 OK: the response", acted: true},
	{name: "two Content-Lengths", does: raw(okHeaders + "Content-Length: 31\r\nContent-Length: 5\r\n\r\n" + `{"id":"a","app":"a","uuid":"u"}`),
		get: fails(4), delete: fails(4), post: fails(1), says: "Content-Length", acted: true},
	{name: "an endless body, or a gzip bomb", does: endless(okHeaders+"Content-Encoding: gzip\r\n\r\n", bomb), only: "GET",
		get: fails(1), delete: fails(1), post: fails(1), says: "200 OK: the response is larger than 32 MiB", acted: true},
	{name: "gzip", does: responds("200 OK", zipped(`{"id":"a","app":"a","uuid":"u"}`), "Content-Encoding: gzip"),
		get: succeeds(1), delete: succeeds(1), post: succeeds(1), kept: true},
	{name: "invalid gzip", does: responds("200 OK", `{"id":"a","app":"is not gzip"}`, "Content-Encoding: gzip"),
		get: fails(1), delete: fails(1), post: fails(1), says: "200 OK: the response was cut off: gzip: invalid header", is: "gzip.ErrHeader", kept: true, acted: true},
	{name: "invalid UTF-8", does: responds("200 OK", "{\"id\":\"a\",\"app\":\"a\",\"uuid\":\"u\",\"owner\":\"\xff\xfe\"}"),
		get: succeeds(1), delete: succeeds(1), post: succeeds(1), kept: true},
	{name: "an error in invalid UTF-8", does: responds("400 Bad Request", "{\"app\":[\"said \xff\"]}"),
		get: fails(1), delete: fails(1), post: fails(1), says: "400 Bad Request: app: said \uFFFD", is: "deis.ErrBadRequest", kept: true},
	{name: "an error page of 100 MB", does: page(100 << 20), atMost: 80 << 20,
		get: fails(1), delete: fails(1), post: fails(1), says: "500 Internal Server Error: Oh dear", is: "deis.ErrServer", acted: true},
	{name: "429", does: responds("429 Too Many Requests", said),
		get: fails(4), delete: fails(4), post: fails(4), says: "429 Too Many Requests: said", is: "deis.ErrRateLimited", kept: true},
	{name: "429, `Retry-After: 0`", does: responds("429 Too Many Requests", said, "Retry-After: 0"),
		get: fails(4), delete: fails(4), post: fails(4), says: "429 Too Many Requests: said", is: "deis.ErrRateLimited", kept: true},
	{name: "429, `Retry-After` a date in the past", does: responds("429 Too Many Requests", said, "Retry-After: Sat, 01 Jan 2000 00:00:00 GMT"),
		get: fails(4), delete: fails(4), post: fails(4), says: "429 Too Many Requests: said", is: "deis.ErrRateLimited", kept: true},
	{name: "429, `Retry-After: 3600`", does: responds("429 Too Many Requests", said, "Retry-After: 3600"),
		get: fails(1), delete: fails(1), post: fails(1), says: "429 Too Many Requests: said: try again in 1h0m0s", is: "deis.ErrRateLimited", kept: true},
	{name: "429, `Retry-After` too large for an integer", does: responds("429 Too Many Requests", said, "Retry-After: 99999999999999999999999"),
		get: fails(1), delete: fails(1), post: fails(1), says: "429 Too Many Requests: said: try again in", is: "deis.ErrRateLimited", kept: true},
	{name: "429, `Retry-After` a date in 400 years", does: responds("429 Too Many Requests", said, "Retry-After: Fri, 31 Dec 2399 23:59:59 GMT"),
		get: fails(1), delete: fails(1), post: fails(1), says: "429 Too Many Requests: said: try again in", is: "deis.ErrRateLimited", kept: true},
	{name: "429, `Retry-After: soon`", does: responds("429 Too Many Requests", said, "Retry-After: soon"),
		get: fails(4), delete: fails(4), post: fails(4), says: "429 Too Many Requests: said", is: "deis.ErrRateLimited", kept: true},
	{name: "500", does: responds("500 Internal Server Error", said),
		get: fails(1), delete: fails(1), post: fails(1), says: "500 Internal Server Error: said", is: "deis.ErrServer", kept: true, acted: true},
	{name: "502", does: responds("502 Bad Gateway", "<html><title>502 Bad Gateway</title>"),
		get: fails(4), delete: fails(4), post: fails(1), says: "502 Bad Gateway", is: "deis.ErrUnavailable", kept: true, acted: true},
	{name: "503", does: responds("503 Service Unavailable", said),
		get: fails(4), delete: fails(4), post: fails(1), says: "503 Service Unavailable: said", is: "deis.ErrUnavailable", kept: true, acted: true},
	{name: "503, `Retry-After: 3600`", does: responds("503 Service Unavailable", said, "Retry-After: 3600"),
		get: fails(1), delete: fails(1), post: fails(1), says: "503 Service Unavailable: said: try again in 1h0m0s", is: "deis.ErrUnavailable", kept: true, acted: true},
	{name: "504", does: responds("504 Gateway Timeout", said),
		get: fails(4), delete: fails(4), post: fails(1), says: "504 Gateway Timeout: said", is: "deis.ErrUnavailable", kept: true, acted: true},
	{name: "foreign 200 with JSON", warm: true, does: foreign("200 OK", `{"message":"please log in"}`, "Content-Type: application/json"),
		get: fails(1), delete: fails(1), post: fails(1), says: "200 OK: not the Controller's response", is: "deis.ErrNotController", acted: true, kept: true},
	{name: "foreign 200 with HTML", warm: true, does: foreign("200 OK", `<title>Sign in</title>`, "Content-Type: text/html"),
		get: fails(1), delete: fails(1), post: fails(1), says: "200 OK: not the Controller's response", is: "deis.ErrNotController", acted: true, kept: true},
	{name: "foreign 200, empty", warm: true, does: foreign("200 OK", ``, "Content-Type: text/plain"),
		get: fails(1), delete: fails(1), post: fails(1), says: "200 OK: not the Controller's response", is: "deis.ErrNotController", acted: true, kept: true},
	{name: "foreign 202", warm: true, does: foreign("202 Accepted", `{"status":"queued"}`, "Content-Type: application/json"),
		get: fails(1), delete: fails(1), post: fails(1), says: "202 Accepted: not the Controller's response", is: "deis.ErrNotController", acted: true, kept: true},
	{name: "foreign 404 with JSON", warm: true, does: foreign("404 Not Found", `{"message":"no Route matched"}`, "Content-Type: application/json"),
		get: fails(1), delete: fails(1), post: fails(1), says: "404 Not Found: not the Controller's response", is: "deis.ErrNotController", acted: true, kept: true},
	{name: "foreign 408", warm: true, does: foreign("408 Request Timeout", ``, "Content-Type: text/plain"),
		get: fails(4), delete: fails(4), post: fails(1), says: "408 Request Timeout: not the Controller's response", is: "deis.ErrNotController", acted: true, kept: true},
	{name: "foreign 429", warm: true, does: foreign("429 Too Many Requests", `slow down`, "Content-Type: text/plain"),
		get: fails(4), delete: fails(4), post: fails(4), says: "429 Too Many Requests: not the Controller's response", is: "deis.ErrNotController", acted: false, kept: true},
	{name: "foreign 499", warm: true, does: foreign("499 Client Closed Request", ``, "Content-Type: text/plain"),
		get: fails(1), delete: fails(1), post: fails(1), says: "499: not the Controller's response", is: "deis.ErrNotController", acted: true, kept: true},
	{name: "foreign 503 with JSON", warm: true, does: foreign("503 Service Unavailable", `{"message":"no healthy upstream"}`, "Content-Type: application/json"),
		get: fails(4), delete: fails(4), post: fails(1), says: "503 Service Unavailable: not the Controller's response", is: "deis.ErrNotController", acted: true, kept: true},
	{name: "foreign 520", warm: true, does: foreign("520 Web Server Returned an Unknown Error", ``, "Content-Type: text/plain"),
		get: fails(4), delete: fails(4), post: fails(1), says: "520: not the Controller's response", is: "deis.ErrNotController", acted: true, kept: true},
	{name: "foreign 524", warm: true, does: foreign("524 A Timeout Occurred", ``, "Content-Type: text/plain"),
		get: fails(4), delete: fails(4), post: fails(1), says: "524: not the Controller's response", is: "deis.ErrNotController", acted: true, kept: true},
	{name: "a proxy's 400 because of the name of the version header", warm: true, does: foreign("400 Bad Request", ""),
		get: fails(1), delete: fails(1), post: fails(1), says: "see WithoutVersionHeader", is: "deis.ErrNotController", acted: true, kept: true},
	{name: "a server that never responds (`TryTimeout` 50 ms)", only: "GET", tryTimeout: 50 * time.Millisecond,
		does: func(conn net.Conn, _ int) bool { io.Copy(io.Discard, conn); return false },
		get:  fails(4), delete: fails(4), post: fails(1), says: "no response within 50ms", acted: true},
	{name: "a response that stalls in the middle (`TryTimeout` 50 ms)", only: "GET", tryTimeout: 50 * time.Millisecond,
		does: func(conn net.Conn, _ int) bool {
			io.WriteString(conn, okHeaders+"Content-Length: 10\r\n\r\n{")
			io.Copy(io.Discard, conn)
			return false
		},
		get: fails(1), delete: fails(1), post: fails(1), says: "200 OK: the response was cut off: no response within 50ms", acted: true},
	{name: "a proxy that refuses the tunnel", proxied: true, does: foreign("502 Bad Gateway", ""),
		get: fails(4), delete: fails(4), post: fails(4), says: "Bad Gateway"},
	{name: "a redirect loop", does: responds("302 Found", "", "Location: /v2/apps/a/"), requests: [3]int{10, 1, 1},
		get: fails(1), delete: fails(1), post: fails(1), says: "302 Found: redirected to", kept: true},
	{name: "a redirect to another host", does: responds("302 Found", "", "Location: http://deis.example.com/v2/apps/a/"),
		get: fails(1), delete: fails(1), post: fails(1), says: "302 Found: redirected to http://deis.example.com: refused", kept: true},
	{name: "a redirect from https to http", does: responds("302 Found", "", "Location: http://127.0.0.1/v2/apps/a/"), secure: true,
		get: fails(1), delete: fails(1), post: fails(1), says: "302 Found: redirected to http://127.0.0.1: refused", kept: true},
	{name: "a permanent redirect that keeps the method", does: responds("308 Permanent Redirect", "", "Location: http://deis.example.com/v2/apps/a/"),
		get: fails(1), delete: fails(1), post: fails(1), says: "308 Permanent Redirect: redirected to http://deis.example.com: refused", kept: true},
	{name: "an untrusted certificate", secure: true, untrusted: true, unheard: true,
		get: fails(1), delete: fails(1), post: fails(1), says: "failed to verify certificate", is: "*tls.CertificateVerificationError"},
	{name: "closed during the TLS handshake", greets: func(conn net.Conn) { conn.Read(make([]byte, 16<<10)) }, expectsTLS: true, unheard: true,
		get: fails(4), delete: fails(4), post: fails(4), says: "the connection was closed without a response", is: "io.EOF"},
	{name: "plain HTTP behind an https URL", expectsTLS: true, unheard: true,
		greets: func(conn net.Conn) {
			io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\n\r\n")
			io.Copy(io.Discard, conn)
		},
		get: fails(1), delete: fails(1), post: fails(1), says: "server gave HTTP response to HTTPS client", is: "http.ErrSchemeMismatch"},
}

// bomb is 1 MB of spaces in 1 KB.
var bomb = zipped(strings.Repeat(" ", 1<<20))

// page writes an error page of the given size.
func page(size int) script {
	return func(conn net.Conn, _ int) bool {
		fmt.Fprintf(conn, "HTTP/1.1 500 Internal Server Error\r\nContent-Length: %d\r\n\r\n", size)
		io.WriteString(conn, "<h1>Oh dear</h1>")
		block := bytes.Repeat([]byte("x"), 64<<10)
		for n, err := 0, error(nil); n < size && err == nil; n += len(block) {
			_, err = conn.Write(block)
		}
		return false
	}
}

func (f fault) outcomes() []outcome { return []outcome{f.get, f.delete, f.post} }

// Not parallel: it silences the log of the whole process, in which net/http reports a response that is longer than its
// Content-Length.
func TestEveryFaultEndsAsTheTableSays(t *testing.T) {
	log.SetOutput(io.Discard)
	defer log.SetOutput(os.Stderr)
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			for method := range methods {
				if f.only != "" && f.only != methods[method].name {
					continue
				}
				kept := f.check(t, method)
				for range 4 { // on a busy machine net/http gives up a connection now and then
					if kept == f.kept {
						break
					}
					kept = f.check(t, method)
				}
				assert.Equal(t, f.kept, kept, "%s: the connection is kept", methods[method].name)
			}
		})
	}
}

// check makes one call, compares its outcome with the row, and reports whether the connection was kept.
func (f fault) check(t *testing.T, method int) (kept bool) {
	name, want := methods[method].name, f.outcomes()[method]
	w := newWire(t, f)
	client := w.client(t)
	if f.warm {
		require.NoError(t, methods[0].call(t.Context(), client))
	}
	if f.closesIdle {
		w.waitForClosing(t)
	}
	before := w.requests.Load()
	w.first.Store(0)

	var resp deis.Response
	err := methods[method].call(t.Context(), client, deis.WithResponse(&resp))
	if f.warm && !f.closesIdle && w.first.Load() != 1 {
		return !f.kept // net/http had given up the warm connection
	}
	assert.Equal(t, want.attempts, resp.Attempts, "%s: attempts", name)
	assert.EqualValues(t, f.heard(method), w.requests.Load()-before, "%s: requests", name)
	if f.atMost > 0 {
		assert.LessOrEqual(t, w.written.Load(), f.atMost, "%s: bytes", name)
	}
	if want.succeeds {
		assert.NoError(t, err, name)
	} else {
		f.checkError(t, method, err)
	}
	if f.noListener || f.untrusted || f.expectsTLS || f.proxied { // such a fault is never over
		return false
	}

	if !f.kept && !want.succeeds {
		w.waitForClosing(t)
	}
	w.over.Store(true)
	w.first.CompareAndSwap(0, -1) // the server read no request of the call
	require.NoError(t, methods[0].call(t.Context(), client), "%s: the next call", name)
	return w.last.Load() == w.first.Load()
}

func (f fault) checkError(t *testing.T, method int, err error) {
	var failed *deis.Error
	require.ErrorAs(t, err, &failed, methods[method].name)
	assert.Equal(t, methods[method].name, failed.Method)
	assert.Contains(t, err.Error(), "deis: "+methods[method].name+" /v2/apps/")
	if runtime.GOOS != "windows" || !strings.HasPrefix(f.is, "syscall.") { // Windows words them differently
		assert.Contains(t, err.Error(), f.says, methods[method].name)
	}
	assert.NotContains(t, err.Error(), "\n")
	assert.Equal(t, f.outcomes()[method].attempts > 1, regexp.MustCompile(`: [0-9]+ attempts`).MatchString(err.Error()), err.Error())
	assert.Equal(t, f.acted && methods[method].name != "GET", failed.MayHaveActed(), "%s: MayHaveActed", methods[method].name)
	assert.Equal(t, failed.MayHaveActed(), strings.HasSuffix(err.Error(), ": it may have been carried out"), err.Error())
	if f.is != "" {
		assert.True(t, causes[f.is](err), "%s does not match %s: %#v", err, f.is, errors.Unwrap(err))
	}
}

// heard is how many requests the server reads.
func (f fault) heard(method int) int {
	switch {
	case f.unheard:
		return 0
	case f.requests != [3]int{}:
		return f.requests[method]
	}
	return f.outcomes()[method].attempts
}

// client makes a client with the SDK's own transport, except for a proxy.
func (w *wire) client(t *testing.T) *deis.Client {
	t.Helper()
	policy := impatient
	policy.TryTimeout = w.fault.tryTimeout
	opts := []deis.Option{deis.WithToken("alicestoken"), deis.WithAPIVersion(version.V2_2), deis.WithRetry(policy)}
	url := w.URL
	if w.fault.proxied {
		url = "https://deis.example.com"
		opts = append(opts, deis.WithTransport(&http.Transport{Proxy: func(*http.Request) (*neturl.URL, error) { return neturl.Parse(w.URL) }}))
	}
	if w.fault.expectsTLS {
		url = "https" + strings.TrimPrefix(url, "http")
	}
	if w.fault.secure && !w.fault.untrusted {
		opts = append(opts, deis.WithTLSConfig(&tls.Config{RootCAs: loopbackCertificate().pool}))
	}
	client, err := deis.New(url, opts...)
	require.NoError(t, err)
	t.Cleanup(client.CloseIdleConnections)
	return client
}

// waitForClosing waits until all connections are closed.
func (w *wire) waitForClosing(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool { return w.open.Load() == 0 }, 20*time.Second, time.Millisecond, "a connection stays open")
}

// A phase is one row of the second table in docs/faults.md: how a call ends if its deadline passes in that phase.
type phase struct {
	name     string
	attempts int
	says, is string
	early    bool // the call ends before the deadline

	// How the call gets into the phase.
	url      string
	unpinned bool
	behind   bool           // behind another write to the app, which does not end
	serve    func(net.Conn) // nil: the connection is never made
}

// silent reads requests and responds to none.
func silent(conn net.Conn) { io.Copy(io.Discard, conn) }

// after reads the headers of a request, writes text, and then nothing more.
func after(text string) func(net.Conn) {
	return func(conn net.Conn) {
		if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
			io.WriteString(conn, text)
			silent(conn)
		}
	}
}

var phases = []phase{
	{name: "while probing the version", unpinned: true, serve: silent, says: "GET /v2/: context deadline exceeded"},
	{name: "while waiting for another write to the app", behind: true, serve: silent,
		says: "waiting for another write to app a: context deadline exceeded"},
	{name: "while connecting", attempts: 1, says: "context deadline exceeded"},
	{name: "during the TLS handshake", url: "https://deis.example.com", attempts: 1, serve: silent, says: "context deadline exceeded"},
	{name: "while sending", attempts: 1, says: "context deadline exceeded",
		serve: func(conn net.Conn) { conn.Read(make([]byte, 1)) }},
	{name: "while waiting for the response", attempts: 1, serve: silent, says: "context deadline exceeded"},
	{name: "while reading the headers of the response", attempts: 1, serve: after(okHeaders), says: "context deadline exceeded"},
	{name: "while reading the body", attempts: 1, serve: after(okHeaders + "Content-Length: 10\r\n\r\n{"),
		says: "200 OK: the response was cut off: context deadline exceeded"},
	{name: "while reading the body of an error", attempts: 1, is: "deis.ErrServer",
		serve: after("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 10\r\n\r\nsaid"), says: "500 Internal Server Error: said"},
	{name: "while waiting to retry", attempts: 1, early: true, is: "deis.ErrRateLimited",
		serve: after("HTTP/1.1 429 Too Many Requests\r\nRetry-After: 60\r\nContent-Length: 4\r\n\r\nsaid"),
		says:  "429 Too Many Requests: said: try again in 1m0s"},
}

func TestADeadlineEndsACallInEveryPhase(t *testing.T) {
	t.Parallel()
	for _, p := range phases {
		for method := range methods {
			t.Run(p.name+" "+methods[method].name, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { p.check(t, method) }) })
		}
	}
}

func (p phase) check(t *testing.T, method int) {
	if p.behind && methods[method].name == "GET" {
		t.Skip("a GET does not wait for writes")
	}
	const patience = 4 * time.Second // less than the timeout of a version probe
	end := make(chan struct{})
	transport := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		if p.serve == nil {
			<-end
			return nil, net.ErrClosed
		}
		here, there := net.Pipe() // a write on it waits until it is read
		go p.serve(there)
		go func() {
			<-end
			there.Close()
		}()
		return here, nil
	}}
	defer transport.CloseIdleConnections()
	defer close(end)
	opts := []deis.Option{deis.WithTransport(transport), deis.WithRetry(deis.RetryPolicy{Max: 3, MaxWait: time.Hour})}
	if !p.unpinned {
		opts = append(opts, deis.WithAPIVersion(version.V2_2))
	}
	client, err := deis.New(cmp.Or(p.url, "http://deis.example.com"), opts...)
	require.NoError(t, err)
	if p.behind {
		before, stop := context.WithCancel(t.Context())
		defer stop()
		go client.Config.Unset(before, "a", []string{"A"})
		synctest.Wait()
	}

	start := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var resp deis.Response
	err = methods[method].call(ctx, client, deis.WithResponse(&resp))
	require.ErrorContains(t, err, p.says)
	assert.True(t, causes[cmp.Or(p.is, "context.DeadlineExceeded")](err), "%#v", err)
	assert.Equal(t, p.attempts, resp.Attempts)
	if p.early {
		assert.Zero(t, time.Since(start), "it ends at once")
	} else {
		assert.Equal(t, patience, time.Since(start), "it ends with the deadline")
	}
}

// The tables in docs/faults.md are written from the ones above.
func TestTheTablesOfFaultsAreUpToDate(t *testing.T) {
	const file = "../docs/faults.md"
	written, err := os.ReadFile(file)
	lines.SkipOutsideTheRepository(t, err)
	require.NoError(t, err)
	text := string(written)

	var rows []string
	for _, f := range faults {
		connection := "dropped"
		if f.kept {
			connection = "kept"
		}
		acted := "no"
		switch {
		case f.acted:
			acted = "maybe"
		case f.post.succeeds:
			acted = "yes"
		}
		rows = append(rows, fmt.Sprintf("| %s | %s | %s | %s | %s | %s | %s |", f.name, f.get, f.delete, f.post, errorCell(f.says, f.is), acted, connection))
	}
	text = withTable(t, text, "| Fault | GET | DELETE | POST | Error | A write was carried out | Connection |", rows)
	rows = nil
	for _, p := range phases {
		sent := "no"
		if p.attempts > 0 {
			sent = "at most once"
		}
		rows = append(rows, fmt.Sprintf("| %s | %s | %s |", p.name, sent, errorCell(p.says, cmp.Or(p.is, "context.DeadlineExceeded"))))
	}
	text = withTable(t, text, "| The deadline passes | Sent | Error |", rows)

	if *update {
		require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
		return
	}
	assert.Equal(t, text, string(written), "go generate ./test rewrites them")
}

func errorCell(says, is string) string {
	switch {
	case says == "":
		return "none"
	case is == "":
		return "`" + says + "`"
	}
	return fmt.Sprintf("`%s` (`%s`)", says, is)
}

// withTable replaces the rows below a table's heading.
func withTable(t *testing.T, text, heading string, rows []string) string {
	t.Helper()
	before, after, found := strings.Cut(text, heading+"\n")
	require.True(t, found, "no table %s", heading)
	for strings.HasPrefix(after, "|") {
		_, after, _ = strings.Cut(after, "\n")
	}
	line := strings.Repeat("|---", strings.Count(heading, "|")-1) + "|"
	return before + strings.Join(append([]string{heading, line}, rows...), "\n") + "\n" + after
}

// The wire does not speak HTTP/2, so a handler makes these faults.
func TestFaultsEndTheSameWayOverHTTP2(t *testing.T) {
	t.Parallel()
	for _, f := range []struct {
		situation string
		respond   func(http.ResponseWriter)
		attempts  [3]int // by method
	}{
		{"success", func(w http.ResponseWriter) { io.WriteString(w, `{"id":"a","app":"a","uuid":"u"}`) }, [3]int{1, 1, 1}},
		{"the stream is reset", func(http.ResponseWriter) { panic(http.ErrAbortHandler) }, [3]int{4, 4, 1}},
		{"the stream is reset in the middle of the body", func(w http.ResponseWriter) {
			io.WriteString(w, `{"id":`)
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}, [3]int{1, 1, 1}},
		{"429", func(w http.ResponseWriter) { w.WriteHeader(429) }, [3]int{4, 4, 4}},
		{"500", func(w http.ResponseWriter) { w.WriteHeader(500) }, [3]int{1, 1, 1}},
		{"503", func(w http.ResponseWriter) { w.WriteHeader(503) }, [3]int{4, 4, 1}},
	} {
		t.Run(f.situation, func(t *testing.T) {
			var requests, connections atomic.Int64
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				requests.Add(1)
				assert.Equal(t, 2, req.ProtoMajor)
				w.Header().Set(version.Header, "2.2")
				f.respond(w)
			}))
			server.EnableHTTP2 = true
			server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
				if state == http.StateNew {
					connections.Add(1)
				}
			}
			server.StartTLS()
			defer server.Close()
			client, err := deis.New(server.URL, deis.WithAPIVersion(version.V2_2), deis.WithRetry(impatient),
				deis.WithTLSConfig(&tls.Config{RootCAs: server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}))
			require.NoError(t, err)
			defer client.CloseIdleConnections()
			for method := range methods {
				requests.Store(0)
				err := methods[method].call(t.Context(), client)
				assert.Equal(t, f.situation == "success", err == nil, "%s: %v", methods[method].name, err)
				assert.EqualValues(t, f.attempts[method], requests.Load(), methods[method].name)
			}
			assert.EqualValues(t, 1, connections.Load(), "a stream that fails does not close the connection")
		})
	}
}

// WithIdempotent sends no Idempotency-Key: net/http would resend such a POST itself, uncounted.
func TestAPostIsSentTwiceOnlyWithIdempotent(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		situation string
		opts      []deis.CallOption
		requests  int64
	}{
		{"no option", nil, 1},
		{"WithIdempotent", []deis.CallOption{deis.WithIdempotent()}, 2},
	} {
		var w *wire
		var err error
		for range 5 { // on a busy machine net/http gives up the warm connection now and then
			w = newWire(t, fault{warm: true, does: hangUpOnTheSecond})
			client := w.client(t)
			require.NoError(t, methods[0].call(t.Context(), client), c.situation)
			w.first.Store(0)
			err = methods[2].call(t.Context(), client, c.opts...)
			if w.first.Load() == 1 {
				break
			}
		}
		assert.Equal(t, c.requests == 1, errors.Is(err, io.EOF), "%s: %v", c.situation, err)
		assert.EqualValues(t, c.requests, w.requests.Load()-1, c.situation)
	}
}
