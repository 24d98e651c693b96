package deis_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/internal/exchange"
	"github.com/deisgo/deis/version"
)

func TestAControllerURLCanBeWrittenInManyWays(t *testing.T) {
	for given, requested := range map[string]string{
		"https://deis.example.com":                 "https://deis.example.com/v2/apps/a/",
		"https://deis.example.com/":                "https://deis.example.com/v2/apps/a/",
		"http://deis.example.com":                  "http://deis.example.com/v2/apps/a/",
		"deis.example.com":                         "https://deis.example.com/v2/apps/a/",
		"deis.example.com:8443":                    "https://deis.example.com:8443/v2/apps/a/",
		"deis.example.com/behind/a/proxy":          "https://deis.example.com/behind/a/proxy/v2/apps/a/",
		"http://deis.example.com:8000/prefix/":     "http://deis.example.com:8000/prefix/v2/apps/a/",
		"https://deis.example.com//prefix//deep//": "https://deis.example.com/prefix/deep/v2/apps/a/",
		"https://deis.example.com/a/../b":          "https://deis.example.com/b/v2/apps/a/",
		"https://deis.example.com/a%20b":           "https://deis.example.com/a%20b/v2/apps/a/",
		"https://deis.example.com/v/version2/2v":   "https://deis.example.com/v/version2/2v/v2/apps/a/",
		"https://v2.example.com/v2x":               "https://v2.example.com/v2x/v2/apps/a/",
		"  https://deis.example.com \n":            "https://deis.example.com/v2/apps/a/",
		"HTTPS://deis.example.com":                 "https://deis.example.com/v2/apps/a/",
		"localhost":                                "https://localhost/v2/apps/a/",
		"http://127.0.0.1:8000":                    "http://127.0.0.1:8000/v2/apps/a/",
		"http://[::1]:8000":                        "http://[::1]:8000/v2/apps/a/",
	} {
		var requests []string
		client, err := deis.New(given, deis.WithAPIVersion(version.V2_2), deis.WithTransport(exchange.RoundTrip(func(req *http.Request) (*http.Response, error) {
			requests = append(requests, req.URL.String())
			return httpmock.NewStringResponse(200, `{"id":"a","uuid":"u"}`), nil
		})))
		require.NoError(t, err, given)
		_, err = client.Apps.Get(t.Context(), "a")
		require.NoError(t, err, given)
		assert.Equal(t, []string{requested}, requests, given)
	}
}

func TestAnInvalidControllerURLIsRefused(t *testing.T) {
	for given, says := range map[string]string{
		"":                                    "must not be empty",
		" \t\n":                               "must not be empty",
		"https://deis.example.com/v2/":        "must not have an API version in its path: calls add it",
		"https://deis.example.com/p/v1":       "must not have an API version in its path",
		"https://deis.example.com/v2/apps/a":  "must not have an API version in its path", // old servers would destroy the app a
		"https://deis.example.com/v1/apps/a/": "must not have an API version in its path",
		"https://deis.example.com/p/v2/certs": "must not have an API version in its path",
		"https://deis.example.com/v10/p":      "must not have an API version in its path",
		"https://deis.example.com//v2//p":     "must not have an API version in its path",
		"https://deis.example.com/%762/p":     "must not have an API version in its path",
		"https://deis.example.com/p%2Fv2%2Fq": "must not have an API version in its path",
		"https://deis.example.com/V2/apps/a":  "must not have an API version in its path",
		"deis.example.com/v2/apps/a":          "must not have an API version in its path",
		"ftp://deis.example.com":              "must begin with https:// or http://",
		"file:///etc/passwd":                  "must begin with https:// or http://",
		"://deis.example.com":                 "must be a URL",
		"https://":                            "must have a host",
		"https:///v2":                         "must have a host",
		"https://:8443":                       "must have a host",
		"https:/deis.example.com":             "must have a host", // which would be a host called "https"
		"http:/deis.example.com":              "must have a host",
		"https://deis.example.com:":           "must have a host",
		"https://deis.example.com:x":          "must be a URL",
		"https://deis.example.com/%zz":        "must be a URL",
		"https://deis example.com":            "must be a URL",
		"https://deis.example.com\x00":        "must be a URL",
		"https://deis.example.com?a=b":        "must not have a query or a fragment",
		"https://deis.example.com?":           "must not have a query or a fragment",
		"https://deis.example.com#a":          "must not have a query or a fragment",
		"https://a:secretsecret@x.example":    "must not have a username or password in it",
		"a:secretsecret@deis.example.com":     "must not have a username or password in it",
		"https://a:secretsecret@x.example:":   "must not have a username or password in it",
		"https://a:secretsecret@x y":          "must not have a username or password in it",
		"https:/a:secretsecret@x.example":     "must not have a username or password in it",
		"https//a:secretsecret@x.example":     "must not have a username or password in it",
		"https:a:secretsecret@x.example":      "must not have a username or password in it",
		"https://x.example/v2?t=secretsecret": "must not have a query or a fragment",
		"deis://x.example?t=secretsecret":     "must not have a query or a fragment",
		"https://?t=secretsecret":             "must not have a query or a fragment",
		"https://x.example/v2#secretsecret":   "must not have a query or a fragment",
	} {
		_, err := deis.New(given)
		require.ErrorIs(t, err, deis.ErrInvalidArgument, given)
		assert.Contains(t, err.Error(), "controller URL", given)
		assert.Contains(t, err.Error(), says, given)
		assert.NotContains(t, err.Error(), "secretsecret", given)
	}
}

func TestNewReportsEverythingThatIsWrong(t *testing.T) {
	_, err := deis.New("ftp://x",
		deis.WithToken("secret secret"),
		deis.WithAPIVersion(version.API{Major: 3}),
		deis.WithHTTPClient(nil),
		deis.WithTransport(nil),
		deis.WithTLSConfig(nil),
		deis.WithApplication("", ""),
		deis.WithRetry(deis.RetryPolicy{MinWait: 2, MaxWait: 1}),
		nil,
		deis.WithTransport(exchange.RoundTrip(nil)), deis.WithTLSConfig(new(tls.Config)), // which cannot be combined
	)
	require.ErrorIs(t, err, deis.ErrInvalidArgument)
	for _, says := range []string{
		`controller URL "ftp://x" must begin with`, "token must be printable", "API version 3.0 must be one that the SDK speaks",
		"HTTP client must not be nil", "transport must not be nil", "TLS config must not be nil", "application", "RetryPolicy must have",
		"option must not be nil", "TLS config needs a transport of type *http.Transport",
	} {
		assert.Contains(t, err.Error(), says)
	}
	assert.NotContains(t, err.Error(), "secret secret")
}

func TestInvalidOptionsAreRefused(t *testing.T) {
	for situation, c := range map[string]struct {
		opt deis.Option
		ok  bool
	}{
		"a token":                  {deis.WithToken("0123456789abcdef"), true},
		"no token":                 {deis.WithToken(""), true},
		"a token with a newline":   {deis.WithToken("0123456789abcdef\n"), false},
		"a token with a letter":    {deis.WithToken("é"), false},
		"1.6":                      {deis.WithAPIVersion(version.V1_6), true},
		"1.0":                      {deis.WithAPIVersion(version.API{Major: 1}), true},
		"2.1":                      {deis.WithAPIVersion(version.API{Major: 2, Minor: 1}), true},
		"2.3":                      {deis.WithAPIVersion(version.V2_3), true},
		"2.4":                      {deis.WithAPIVersion(version.API{Major: 2, Minor: 4}), false},
		"1.7":                      {deis.WithAPIVersion(version.API{Major: 1, Minor: 7}), false},
		"no version":               {deis.WithAPIVersion(version.API{}), false},
		"a negative version":       {deis.WithAPIVersion(version.API{Major: 2, Minor: -1}), false},
		"an application":           {deis.WithApplication("deploy-bot", "1.0+g5"), true},
		"one without a version":    {deis.WithApplication("deploy-bot", ""), true},
		"a version without one":    {deis.WithApplication("", "1.0"), false},
		"an application of words":  {deis.WithApplication("deploy bot", "1.0"), false},
		"a name of two lines":      {deis.WithApplication("bot\r\nX: y", ""), false},
		"an application (comment)": {deis.WithApplication("bot(x)", "1.0"), false},
		"no retries":               {deis.WithRetry(deis.RetryPolicy{}), true},
		"no logger":                {deis.WithLogger(nil), true},
		"an HTTP client":           {deis.WithHTTPClient(new(http.Client)), true},
	} {
		_, err := deis.New("deis.example.com", c.opt)
		if c.ok {
			assert.NoError(t, err, situation)
		} else {
			assert.ErrorIs(t, err, deis.ErrInvalidArgument, situation)
		}
	}
}

func TestTheCallersHTTPClientIsCopied(t *testing.T) {
	own := &http.Client{Timeout: time.Nanosecond}
	client, err := deis.New("https://deis.example.com", deis.WithHTTPClient(own), deis.WithAPIVersion(version.V2_2), deis.WithRetry(deis.RetryPolicy{}),
		deis.WithTransport(exchange.RoundTrip(func(req *http.Request) (*http.Response, error) {
			<-req.Context().Done()
			return nil, req.Context().Err()
		})))
	require.NoError(t, err)
	_, err = client.Apps.Get(t.Context(), "a")
	require.Error(t, err, "its timeout applies")
	assert.Nil(t, own.Transport)
	assert.Nil(t, own.CheckRedirect)
}

func TestConcurrentCallsKeepTheirConnections(t *testing.T) {
	t.Parallel()
	const calls = 64
	var connections atomic.Int64
	arrived, all := make(chan struct{}, calls), make(chan struct{})
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		arrived <- struct{}{}
		<-all // so that each call needs its own connection
		io.WriteString(w, `{"id":"a","uuid":"u"}`)
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	client, err := deis.New(server.URL, deis.WithAPIVersion(version.V2_2))
	require.NoError(t, err)
	defer client.CloseIdleConnections()
	for range 3 {
		results := make(chan error)
		for range calls {
			go func() {
				_, err := client.Apps.Get(t.Context(), "a")
				results <- err
			}()
		}
		for range calls {
			<-arrived
		}
		for range calls {
			all <- struct{}{}
		}
		for range calls {
			require.NoError(t, <-results)
		}
	}
	assert.Less(t, connections.Load(), int64(2*calls)) // 64, and more only on a busy machine, where net/http drops some
}

func TestTheDefaultTransportCanBeOfAnyType(t *testing.T) {
	before := http.DefaultTransport
	defer func() { http.DefaultTransport = before }()
	http.DefaultTransport = exchange.RoundTrip(func(*http.Request) (*http.Response, error) { // programs wrap it for tracing or tests
		return httpmock.NewStringResponse(200, `{"id":"a","uuid":"u"}`), nil
	})
	client, err := deis.New("https://deis.example.com", deis.WithAPIVersion(version.V2_2))
	require.NoError(t, err)
	app, err := client.Apps.Get(t.Context(), "a")
	require.NoError(t, err)
	assert.Equal(t, "a", app.ID)
}

// tlsServer makes a 2.2 Controller with a certificate of a private CA, and a pool that trusts it.
func tlsServer(t *testing.T) (*httptest.Server, *x509.CertPool) {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set(version.Header, "2.2")
		io.WriteString(w, `{"id":"a","uuid":"u"}`)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	return server, pool
}

func TestCertificatesAreVerified(t *testing.T) {
	t.Parallel()
	server, pool := tlsServer(t)
	for situation, c := range map[string]struct {
		opts    []deis.Option
		trusted bool
	}{
		"by default":           {nil, false},
		"with a private CA":    {[]deis.Option{deis.WithTLSConfig(&tls.Config{RootCAs: pool})}, true},
		"with another name":    {[]deis.Option{deis.WithTLSConfig(&tls.Config{RootCAs: pool, ServerName: "deis.example.org"})}, false},
		"with no verification": {[]deis.Option{deis.WithTLSConfig(&tls.Config{InsecureSkipVerify: true})}, true},
		"with a transport and a private CA": {[]deis.Option{deis.WithTLSConfig(&tls.Config{RootCAs: pool}), deis.WithTransport(new(http.Transport))},
			true},
		"with an HTTP client and a private CA": {[]deis.Option{deis.WithHTTPClient(new(http.Client)), deis.WithTLSConfig(&tls.Config{RootCAs: pool})},
			true},
		"with a transport that trusts": {[]deis.Option{deis.WithTransport(server.Client().Transport)}, true},
	} {
		client, err := deis.New(server.URL, append(c.opts, deis.WithRetry(deis.RetryPolicy{}))...)
		require.NoError(t, err, situation)
		_, err = client.Apps.Get(t.Context(), "a")
		client.CloseIdleConnections()
		if c.trusted {
			assert.NoError(t, err, situation)
			continue
		}
		var untrusted *tls.CertificateVerificationError
		assert.ErrorAs(t, err, &untrusted, situation)
	}
}

func TestTheTLSConfigIsCopied(t *testing.T) {
	t.Parallel()
	server, pool := tlsServer(t)
	config := &tls.Config{RootCAs: pool}
	transport := new(http.Transport)
	client, err := deis.New(server.URL, deis.WithTransport(transport), deis.WithTLSConfig(config))
	require.NoError(t, err)
	t.Cleanup(client.CloseIdleConnections)
	config.RootCAs = x509.NewCertPool()
	_, err = client.Apps.Get(t.Context(), "a")
	require.NoError(t, err)

	other, err := deis.New(server.URL, deis.WithTransport(transport), deis.WithRetry(deis.RetryPolicy{}))
	require.NoError(t, err)
	_, err = other.Apps.Get(t.Context(), "a")
	var untrusted *tls.CertificateVerificationError
	require.ErrorAs(t, err, &untrusted, "the transport is copied too")
}

func TestUnverifiedConnectionsAreLoggedOnce(t *testing.T) {
	t.Parallel()
	server, pool := tlsServer(t)
	insecure := deis.WithTLSConfig(&tls.Config{InsecureSkipVerify: true})
	var log bytes.Buffer
	logged := func(times int, situation string) {
		t.Helper()
		assert.Equal(t, times, strings.Count(log.String(), "TLS certificates are not verified"), situation)
		log.Reset()
	}
	logger := deis.WithLogger(slog.New(slog.NewTextHandler(&log, nil)))

	client, err := deis.New(server.URL, insecure, logger, deis.WithToken("secretsecret"))
	require.NoError(t, err)
	t.Cleanup(client.CloseIdleConnections)
	assert.Contains(t, log.String(), "level=WARN")
	assert.Contains(t, log.String(), "controller="+server.Listener.Addr().String())
	assert.NotContains(t, log.String(), "secretsecret")
	logged(1, "a new client")
	_, err = client.Apps.Get(t.Context(), "a")
	require.NoError(t, err)
	_, err = client.With(deis.WithToken("another"))
	require.NoError(t, err)
	logged(0, "calls and copies")
	_, err = client.With(insecure)
	require.NoError(t, err)
	logged(1, "a copy with its own TLS config")
	_, err = client.With(deis.WithTLSConfig(&tls.Config{RootCAs: pool}))
	require.NoError(t, err)
	logged(0, "a copy that verifies")

	quiet, err := deis.New(server.URL, insecure)
	require.NoError(t, err)
	_, err = quiet.With(logger)
	require.NoError(t, err)
	logged(1, "a copy with a new logger")

	_, err = deis.New(server.URL, logger, deis.WithTransport(&http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}))
	require.NoError(t, err)
	logged(1, "the program's own transport")
	_, err = deis.New(server.URL, logger, deis.WithTransport(exchange.RoundTrip(nil)))
	require.NoError(t, err)
	logged(0, "a transport of unknown type")

	controller := newLoopback(t)
	loggedIn, err := deis.Login(t.Context(), controller.URL, "alice", "secretpassword", insecure, logger)
	require.NoError(t, err)
	t.Cleanup(loggedIn.CloseIdleConnections)
	logged(1, "a login")
}

func TestRetriesFollowThePolicyOfTheClient(t *testing.T) {
	for policy, requests := range map[deis.RetryPolicy]int{{}: 1, {Max: 1}: 2, {Max: 4, MaxWait: time.Microsecond}: 5} {
		made := 0
		client, err := deis.New("https://deis.example.com", deis.WithAPIVersion(version.V2_2), deis.WithRetry(policy),
			deis.WithTransport(exchange.RoundTrip(func(*http.Request) (*http.Response, error) {
				made++
				return nil, errors.New("connection lost")
			})))
		require.NoError(t, err)
		_, err = client.Apps.Get(t.Context(), "a")
		require.ErrorContains(t, err, "connection lost")
		assert.Equal(t, requests, made)
	}
}
