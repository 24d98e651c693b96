package deis_test

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/auth"
	"github.com/deisgo/deis/certs"
	"github.com/deisgo/deis/internal/exchange"
	"github.com/deisgo/deis/rest"
	"github.com/deisgo/deis/version"
)

// A loopback is a 2.2 Controller with a few paths, on a real port. It counts what arrives.
type loopback struct {
	*httptest.Server
	connections, probes, logins atomic.Int64
}

func newLoopback(t *testing.T) *loopback {
	t.Helper()
	l := new(loopback)
	l.Server = httptest.NewUnstartedServer(l)
	l.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			l.connections.Add(1)
		}
	}
	l.Start()
	t.Cleanup(l.Close)
	return l
}

func (l *loopback) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	w.Header().Set(version.Header, "2.2")
	w.Header().Set(version.PlatformHeader, "2.4.2")
	switch req.URL.Path {
	case "/v2/":
		l.probes.Add(1)
		w.WriteHeader(http.StatusUnauthorized)
	case "/v2/auth/login/":
		l.logins.Add(1)
		var given struct{ Username, Password string }
		body, _ := io.ReadAll(req.Body)
		if json.Unmarshal(body, &given) != nil || given.Username != "alice" || given.Password != "secretpassword" {
			w.WriteHeader(http.StatusBadRequest)
			io.WriteString(w, `{"non_field_errors":["Unable to log in with provided credentials."]}`)
			return
		}
		if req.Header.Get("Authorization") != "" {
			w.WriteHeader(http.StatusUnauthorized) // as real Controllers respond to a stale token
			return
		}
		io.WriteString(w, `{"token":"alicestoken"}`)
	case "/v2/auth/whoami/":
		fmt.Fprintf(w, `{"username":%q}`, cmp.Or(strings.TrimPrefix(req.Header.Get("Authorization"), "token "), "nobody"))
	default:
		w.WriteHeader(http.StatusNotFound)
		io.WriteString(w, `{"detail":"Not found."}`)
	}
}

func TestNewSendsNothingAndMakesEveryService(t *testing.T) {
	client, err := deis.New("https://deis.example.com", deis.WithTransport(httpmock.NewMockTransport())) // which fails every request
	require.NoError(t, err)
	for name, service := range map[string]any{
		"Apps": client.Apps, "Auth": client.Auth, "Builds": client.Builds, "Certs": client.Certs, "Config": client.Config, "Domains": client.Domains,
		"Keys": client.Keys, "Perms": client.Perms, "Pods": client.Pods, "Releases": client.Releases, "Users": client.Users,
		"Services": client.Services, "Settings": client.Settings, "TLS": client.TLS, "REST": client.REST(),
	} {
		assert.NotNil(t, service, name)
	}
	assert.Empty(t, client.Token())
	_, known := client.Server()
	assert.False(t, known)
}

func TestTheFirstCallNegotiatesAndServerReturnsTheController(t *testing.T) {
	t.Parallel()
	controller := newLoopback(t)
	client, err := deis.New(controller.URL, deis.WithToken("alicestoken"))
	require.NoError(t, err)
	t.Cleanup(client.CloseIdleConnections)
	user, err := client.Auth.Whoami(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "alicestoken", user.Username)
	server, known := client.Server()
	assert.True(t, known)
	assert.Equal(t, deis.Server{API: version.V2_2, Platform: "2.4.2"}, server)
	api, err := client.Negotiate(t.Context())
	require.NoError(t, err)
	assert.Equal(t, version.V2_2, api)
	assert.EqualValues(t, 1, controller.probes.Load())
}

func TestLoginMakesAClientWithTheToken(t *testing.T) {
	t.Parallel()
	controller := newLoopback(t)
	client, err := deis.Login(t.Context(), controller.URL, "alice", "secretpassword", deis.WithToken("stale"))
	require.NoError(t, err)
	t.Cleanup(client.CloseIdleConnections)
	assert.Equal(t, "alicestoken", client.Token())
	user, err := client.Auth.Whoami(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "alicestoken", user.Username)
	assert.EqualValues(t, 1, controller.probes.Load())

	_, err = deis.Login(t.Context(), controller.URL, "alice", "wrongpassword")
	require.ErrorIs(t, err, auth.ErrInvalidCredentials)
	assert.NotContains(t, err.Error(), "wrongpassword")

	_, err = deis.Login(t.Context(), "ftp://x", "alice", "secretpassword")
	require.ErrorIs(t, err, deis.ErrInvalidArgument)
	_, err = deis.Login(t.Context(), controller.URL, "alice", "")
	require.ErrorIs(t, err, deis.ErrInvalidArgument)
	assert.EqualValues(t, 2, controller.logins.Load())
}

func TestCopiesShareConnectionsAndTheNegotiatedVersion(t *testing.T) {
	t.Parallel()
	controller := newLoopback(t)
	client, err := deis.New(controller.URL, deis.WithToken("alicestoken"))
	require.NoError(t, err)
	t.Cleanup(client.CloseIdleConnections)
	bob, err := client.With(deis.WithToken("bobstoken"), deis.WithApplication("bot", ""))
	require.NoError(t, err)
	nobody, err := bob.With(deis.WithToken(""))
	require.NoError(t, err)
	for range 10 {
		for name, original := range map[string]*deis.Client{"alicestoken": client, "bobstoken": bob, "nobody": nobody} {
			c, err := original.With()
			require.NoError(t, err)
			user, err := c.Auth.Whoami(t.Context())
			require.NoError(t, err)
			assert.Equal(t, name, user.Username)
			assert.Equal(t, strings.TrimPrefix(name, "nobody"), c.Token())
		}
	}
	assert.EqualValues(t, 1, controller.probes.Load())
	shared := controller.connections.Load()
	assert.Less(t, shared, int64(10), "thirty clients") // one; on a busy machine net/http drops one now and then

	own, err := client.With(deis.WithTLSConfig(&tls.Config{MinVersion: tls.VersionTLS13})) // has its own connections
	require.NoError(t, err)
	t.Cleanup(own.CloseIdleConnections)
	_, err = own.Auth.Whoami(t.Context())
	require.NoError(t, err)
	assert.Greater(t, controller.connections.Load(), shared)
	assert.EqualValues(t, 1, controller.probes.Load())
}

func TestACopyDoesNotChangeTheClient(t *testing.T) {
	var agents, versions []string
	transport := exchange.RoundTrip(func(req *http.Request) (*http.Response, error) {
		agents = append(agents, req.UserAgent())
		versions = append(versions, req.Header.Get(version.Header))
		return httpmock.NewStringResponse(200, `{"id":"a","uuid":"u"}`), nil
	})
	client, err := deis.New("https://deis.example.com", deis.WithTransport(transport), deis.WithToken("first"), deis.WithAPIVersion(version.V2_2))
	require.NoError(t, err)
	copied, err := client.With(deis.WithToken("second"), deis.WithApplication("bot", "1.0"), deis.WithAPIVersion(version.V1_6))
	require.NoError(t, err)
	for _, c := range []*deis.Client{client, copied, client} {
		_, err := c.Apps.Get(t.Context(), "a")
		require.NoError(t, err)
	}
	assert.Equal(t, "first", client.Token())
	assert.Equal(t, []string{"2.2", "1.6", "2.2"}, versions)
	sdk := "deis-go/" + version.SDK + " (" + runtime.Version() + ")"
	assert.Equal(t, []string{sdk, "bot/1.0 " + sdk, sdk}, agents)

	_, err = client.With(deis.WithToken("two words"), deis.WithRetry(deis.RetryPolicy{Max: -1}), nil)
	require.ErrorIs(t, err, deis.ErrInvalidArgument)
	for _, argument := range []string{"token", "RetryPolicy.Max", "option"} {
		assert.Contains(t, err.Error(), argument)
	}
}

func TestCloseIdleConnectionsClosesThoseOfCopiesToo(t *testing.T) {
	t.Parallel()
	controller := newLoopback(t)
	client, err := deis.New(controller.URL, deis.WithToken("alicestoken"))
	require.NoError(t, err)
	copied, err := client.With(deis.WithToken("bobstoken"))
	require.NoError(t, err)
	_, err = copied.Auth.Whoami(t.Context())
	require.NoError(t, err)
	before := controller.connections.Load()
	client.CloseIdleConnections()
	_, err = copied.Auth.Whoami(t.Context())
	require.NoError(t, err)
	assert.Greater(t, controller.connections.Load(), before)
	copied.CloseIdleConnections()
}

func TestTheEngineServesResourcesThatTheSDKDoesNotHave(t *testing.T) {
	transport := httpmock.NewMockTransport()
	transport.RegisterResponder("GET", "https://deis.example.com/v2/apps/a/settings/", httpmock.NewStringResponder(200, `{"maintenance":true}`))
	client, err := deis.New("https://deis.example.com", deis.WithTransport(transport), deis.WithAPIVersion(version.V2_2))
	require.NoError(t, err)
	var resp deis.Response
	settings, err := rest.Get[struct{ Maintenance bool }](t.Context(), client.REST(), rest.Path("apps", "a", "settings"), deis.WithResponse(&resp))
	require.NoError(t, err)
	assert.True(t, settings.Maintenance)
	assert.Equal(t, 200, resp.Status)
}

func TestTheRootReexportsTheEngine(t *testing.T) {
	for engine, root := range map[error]error{
		rest.ErrBadRequest: deis.ErrBadRequest, rest.ErrUnauthorized: deis.ErrUnauthorized, rest.ErrForbidden: deis.ErrForbidden,
		rest.ErrNotFound: deis.ErrNotFound, rest.ErrMethodNotAllowed: deis.ErrMethodNotAllowed, rest.ErrConflict: deis.ErrConflict,
		rest.ErrUnprocessable: deis.ErrUnprocessable, rest.ErrRateLimited: deis.ErrRateLimited, rest.ErrServer: deis.ErrServer,
		rest.ErrUnavailable: deis.ErrUnavailable, rest.ErrInvalidArgument: deis.ErrInvalidArgument, rest.ErrNotController: deis.ErrNotController,
		rest.ErrUpgraded: deis.ErrUpgraded,
	} {
		assert.Equal(t, engine, root)
	}
	items, err := deis.Collect(func(yield func(int, error) bool) { _ = yield(1, nil) && yield(2, io.EOF) })
	assert.Equal(t, []int{1}, items)
	assert.ErrorIs(t, err, io.EOF)

	var failed *deis.Error
	requests := 0
	client, err := deis.New("https://deis.example.com", deis.WithAPIVersion(version.V2_2), deis.WithRetry(deis.RetryPolicy{Max: 1, MinWait: 1, MaxWait: 1}),
		deis.WithTransport(exchange.RoundTrip(func(req *http.Request) (*http.Response, error) {
			requests++
			assert.Equal(t, "x", req.Header.Get("X-Trace"))
			return httpmock.NewStringResponse(504, ""), nil
		})))
	require.NoError(t, err)
	_, err = client.Builds.List(t.Context(), "a", deis.ListOptions{PageSize: 1}, deis.WithHeader("X-Trace", "x"))
	require.ErrorAs(t, err, &failed)
	_, err = rest.Post[struct{}](t.Context(), client.REST(), rest.Path("apps"), nil, deis.WithHeader("X-Trace", "x"), deis.WithIdempotent())
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, 4, requests, "two calls of two attempts")
}

func TestWithoutReadAheadAPageIsRequestedWhenTheRangeReachesIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := exchange.Client(t, "2.2", exchange.On("GET /v2/users?limit=2&page_size=2", "", 200,
			`{"count": 3, "next": "/v2/users/?limit=2&offset=2", "results": [{"username": "a"}, {"username": "b"}]}`))
		for user, err := range client.Users.All(t.Context(), deis.ListOptions{PageSize: 2}, deis.WithoutReadAhead()) {
			require.NoError(t, err)
			synctest.Wait() // a page that is read ahead would be requested now, and fail the test
			if user.Username == "b" {
				break
			}
		}
	})
}

func TestWritesOfCopiesTakeTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		begun := make(chan struct{})
		client, err := deis.New("https://deis.example.com", deis.WithAPIVersion(version.V2_2), deis.WithToken("alicestoken"),
			deis.WithTransport(exchange.RoundTrip(func(req *http.Request) (*http.Response, error) {
				if req.Header.Get("Authorization") != "token alicestoken" {
					return nil, errors.New("was sent before its turn")
				}
				close(begun)
				<-req.Context().Done()
				return nil, req.Context().Err()
			})))
		require.NoError(t, err)
		bob, err := client.With(deis.WithToken("bobstoken"))
		require.NoError(t, err)
		ended := make(chan error)
		go func() {
			_, err := client.Config.Unset(ctx, "a", []string{"X"})
			ended <- err
		}()
		<-begun
		waiting, stop := context.WithTimeout(t.Context(), time.Millisecond)
		defer stop()
		_, err = bob.Config.Unset(waiting, "a", []string{"X"})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Contains(t, err.Error(), "waiting for another write to app a")
		cancel()
		require.ErrorIs(t, <-ended, context.Canceled)
	})
}

// Secrets get into logs when values are printed. testify prints with spew, which prints every unexported field.
func TestPrintingShowsNoSecret(t *testing.T) {
	const secret = "secretsecret"
	client, err := deis.New("https://deis.example.com", deis.WithToken(secret), deis.WithAPIVersion(version.V2_2),
		deis.WithTransport(exchange.RoundTrip(func(*http.Request) (*http.Response, error) {
			return httpmock.NewStringResponse(200, `{"id":"a","uuid":"u"}`), nil
		})))
	require.NoError(t, err)
	_, err = client.Apps.Get(t.Context(), "a")
	require.NoError(t, err)
	other, err := deis.New("https://deis.example.com") // without a token, so that the two differ where the token is
	require.NoError(t, err)
	profile := deis.Profile{Username: "alice", Controller: "https://deis.example.com", Token: secret}
	register := auth.RegisterParams{Username: "alice", Password: secret}
	password := auth.PasswordParams{Username: "alice", Password: secret, NewPassword: secret}
	cert := certs.CreateParams{Name: "foo", Certificate: "public", Key: secret}
	for _, value := range []any{
		client, *client, client.REST(), client.Apps, *client.Apps, profile, &profile, []deis.Profile{profile}, struct{ P *deis.Profile }{&profile},
		register, &register, password, &password, cert, &cert, map[string]any{"p": password},
	} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
			assert.NotContains(t, fmt.Sprintf(verb, value), secret, "%s of %T", verb, value)
		}
	}
	for _, value := range []any{profile, register, password, cert} {
		written, err := json.Marshal(value)
		require.NoError(t, err)
		assert.NotContains(t, string(written), secret, "JSON of %T", value)
	}
	printed := new(printout)
	assert.Equal(printed, client, other)
	assert.Contains(t, string(*printed), "token: (func() string)", "spew has printed the field")
	assert.NotContains(t, string(*printed), secret)
}

// printout keeps what testify prints.
type printout []byte

func (p *printout) Errorf(format string, args ...any) { *p = fmt.Appendf(*p, format, args...) }
