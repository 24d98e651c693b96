package deistest

import (
	"bytes"
	"crypto/x509"
	"io"
	"net/http"
	"net/http/httptest"
)

// A Server is a Controller that listens on a loopback address.
type Server struct {
	URL      string // "http://127.0.0.1:PORT", without a trailing slash; https with [WithTLS]
	Token    string // of the administrator, as it was at the start
	Username string // of the administrator
	Password string // of the administrator, as it was at the start

	*Controller // to inspect the requests and to inject faults

	http *httptest.Server
}

// NewServer starts a Controller of API 2.2 with one user, the administrator, unless the options say otherwise. The
// caller must Close it. Token, Username and Password are empty if there is no administrator.
func NewServer(opts ...Option) *Server {
	c := New(opts...)
	s := &Server{Token: c.Token(), Controller: c, http: httptest.NewUnstartedServer(c)}
	if c.tls {
		s.http.StartTLS()
	} else {
		s.http.Start()
	}
	s.URL = s.http.URL
	if c.admin != nil {
		s.Username, s.Password = c.admin.username, c.admin.password
	}
	return s
}

// A TB is the part of testing.TB that [Start] needs. With it, programs can use this package without linking package
// testing.
type TB interface {
	Helper()
	Cleanup(func())
	Fatalf(format string, args ...any)
}

// Start starts a Controller like [NewServer] and closes it when the test ends. If options contradict each other, the test
// fails.
func Start(t TB, opts ...Option) *Server {
	t.Helper()
	defer func() {
		t.Helper()
		if problem := recover(); problem != nil {
			t.Fatalf("%v", problem)
		}
	}()
	s := NewServer(opts...)
	t.Cleanup(s.Close)
	return s
}

// Close drops all connections, including those of requests in progress, and returns when all requests have ended.
func (s *Server) Close() {
	s.http.CloseClientConnections()
	s.http.Close()
}

// Client returns an HTTP client that trusts the server's certificate. Close closes its idle connections.
func (s *Server) Client() *http.Client { return s.http.Client() }

// Certificate returns the certificate of a server with [WithTLS], which is self-signed, or nil.
func (s *Server) Certificate() *x509.Certificate { return s.http.Certificate() }

// Transport returns a RoundTripper that passes requests for any host to the Controller, without a network. A request is
// carried out in the goroutine that sends it, so that in a synctest bubble latency and delays take no time.
func (c *Controller) Transport() http.RoundTripper { return transport{c} }

type transport struct{ controller *Controller }

// RoundTrip passes on a request. A lost connection is io.ErrUnexpectedEOF.
func (t transport) RoundTrip(r *http.Request) (resp *http.Response, err error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	in := r.Clone(r.Context())
	if in.Host == "" {
		in.Host = in.URL.Host
	}
	if in.Body == nil {
		in.Body = http.NoBody
	}
	rec := httptest.NewRecorder()
	if t.serve(rec, in) {
		resp = rec.Result()
		resp.Request = r
		return resp, nil
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	if rec.Body.Len() == 0 {
		return nil, io.ErrUnexpectedEOF
	}
	resp = rec.Result()
	resp.Request = r
	resp.Body = io.NopCloser(io.MultiReader(bytes.NewReader(rec.Body.Bytes()), cutOffBody{}))
	return resp, nil
}

// serve reports whether the Controller sent a whole response.
func (t transport) serve(w http.ResponseWriter, r *http.Request) (whole bool) {
	defer func() {
		if p := recover(); p != nil && p != http.ErrAbortHandler {
			panic(p)
		}
	}()
	t.controller.ServeHTTP(w, r)
	return true
}

// cutOffBody is the reader at the end of a body that was cut off.
type cutOffBody struct{}

func (cutOffBody) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
