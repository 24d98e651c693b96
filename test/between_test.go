package test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/apps"
	"github.com/deisgo/deis/auth"
	"github.com/deisgo/deis/deistest"
	"github.com/deisgo/deis/internal/exchange"
	"github.com/deisgo/deis/pods"
	"github.com/deisgo/deis/rest"
	"github.com/deisgo/deis/version"
)

// Sign-in pages, gateways and load balancers between a client and its Controller respond, too. Their responses must not
// be taken for the Controller's.

// between makes a client of a Controller in memory. Each request goes to intercept first, which returns nil to let it
// pass.
func between(t *testing.T, intercept func(*http.Request) *http.Response, opts ...deis.Option) (*deis.Client, *deistest.Controller) {
	t.Helper()
	controller := deistest.New()
	client, err := deis.New("http://deis.example.com", append([]deis.Option{deis.WithToken(controller.Token()), deis.WithRetry(impatient),
		deis.WithTransport(exchange.RoundTrip(func(req *http.Request) (*http.Response, error) {
			if resp := intercept(req); resp != nil {
				resp.Request = req
				return resp, nil
			}
			return controller.Transport().RoundTrip(req)
		}))}, opts...)...)
	require.NoError(t, err)
	return client, controller
}

func TestAForeignResponseIsNeverASuccess(t *testing.T) {
	responses := map[string]func() *http.Response{
		"a sign-in page":     func() *http.Response { return httpmock.NewStringResponse(200, "<title>Sign in</title>") },
		"a sign-in in JSON":  func() *http.Response { return httpmock.NewStringResponse(200, `{"message":"please log in"}`) },
		"an empty object":    func() *http.Response { return httpmock.NewStringResponse(200, `{}`) },
		"nothing":            func() *http.Response { return httpmock.NewStringResponse(204, ``) },
		"accepted":           func() *http.Response { return httpmock.NewStringResponse(202, `{"status":"queued"}`) },
		"an unknown success": func() *http.Response { return httpmock.NewStringResponse(299, ``) },
		"a header that is not a version": func() *http.Response {
			resp := httpmock.NewStringResponse(200, `{}`)
			resp.Header.Set(version.Header, "two")
			return resp
		},
	}
	for situation, response := range responses {
		for _, call := range documentedCalls {
			t.Run(situation+"/"+call.operation, func(t *testing.T) {
				foreign := false
				client, _ := between(t, func(req *http.Request) *http.Response {
					if !foreign || req.URL.Path == "/v2/" {
						return nil
					}
					return response()
				})
				_, err := client.Negotiate(t.Context()) // the Controller is known from here on
				require.NoError(t, err)
				foreign = true
				_, err = call.call(t.Context(), client)
				if errors.Is(err, deis.ErrInvalidArgument) || errors.Is(err, errors.ErrUnsupported) {
					return // nothing was sent
				}
				require.ErrorIs(t, err, deis.ErrNotController)
				assert.NotErrorIs(t, err, deis.ErrNotFound)
				var failed *deis.Error
				require.ErrorAs(t, err, &failed)
				assert.False(t, failed.FromController())
				assert.True(t, failed.Temporary())
				assert.Equal(t, failed.Method != "GET", failed.MayHaveActed())
				assert.Contains(t, err.Error(), "not the Controller's response")
			})
		}
	}
}

func TestForeignStatusesSayNothingAboutTheResource(t *testing.T) {
	resourceErrors := []error{deis.ErrBadRequest, deis.ErrUnauthorized, deis.ErrForbidden, deis.ErrNotFound, deis.ErrMethodNotAllowed, deis.ErrConflict, deis.ErrUnprocessable, apps.ErrExists}
	for status, alsoMatches := range map[int]error{400: nil, 401: nil, 403: nil, 404: nil, 405: nil, 409: nil, 422: nil,
		429: deis.ErrRateLimited, 500: deis.ErrServer, 502: deis.ErrUnavailable, 503: deis.ErrUnavailable, 504: deis.ErrUnavailable, 520: deis.ErrUnavailable, 524: deis.ErrUnavailable} {
		foreign := true
		client, _ := between(t, func(req *http.Request) *http.Response {
			if req.URL.Path == "/v2/" {
				return nil
			}
			resp := httpmock.NewStringResponse(status, `{"id":["Application with this id already exists."],"detail":"Not found."}`)
			if !foreign {
				resp.Header.Set(version.Header, "2.2")
			}
			return resp
		})
		_, err := client.Apps.Create(t.Context(), apps.CreateParams{ID: "a"})
		require.ErrorIs(t, err, deis.ErrNotController, status)
		for _, sentinel := range resourceErrors {
			assert.NotErrorIs(t, err, sentinel, "%d", status)
		}
		if alsoMatches != nil {
			assert.ErrorIs(t, err, alsoMatches, "%d", status)
		}
		foreign = false
		_, err = client.Apps.Create(t.Context(), apps.CreateParams{ID: "a"})
		assert.NotErrorIs(t, err, deis.ErrNotController, "%d: the Controller's own", status)
		if status == 400 {
			assert.ErrorIs(t, err, apps.ErrExists)
		}
	}
}

func TestAGateways404DoesNotProveADelete(t *testing.T) {
	responses := []*http.Response{httpmock.NewStringResponse(502, ""), httpmock.NewStringResponse(404, `{"message":"no Route matched"}`)}
	client, controller := between(t, func(req *http.Request) *http.Response {
		if req.Method != "DELETE" || len(responses) == 0 {
			return nil
		}
		next := responses[0]
		responses = responses[1:]
		return next
	})
	_, err := client.Apps.Create(t.Context(), apps.CreateParams{ID: "example-go"})
	require.NoError(t, err)
	err = client.Apps.Delete(t.Context(), "example-go")
	require.ErrorIs(t, err, deis.ErrNotController)
	assert.ErrorContains(t, err, "it may have been carried out")
	_, err = client.Apps.Get(t.Context(), "example-go")
	require.NoError(t, err, "the app is still there")
	for _, request := range controller.Requests() {
		assert.NotEqual(t, "DELETE", request.Method)
	}
}

func TestAnObjectThatWasNotAskedForIsAnError(t *testing.T) {
	good := map[string]string{
		"/v2/apps/example-go/":        `{"id":"example-go","uuid":"u"}`,
		"/v2/apps/example-go/config/": `{"app":"example-go","uuid":"u","values":{"A":"1"}}`,
	}
	calls := map[string]func(context.Context, *deis.Client) error{
		"/v2/apps/example-go/": func(ctx context.Context, c *deis.Client) error {
			_, err := c.Apps.Get(ctx, "example-go")
			return err
		},
		"/v2/apps/example-go/config/": func(ctx context.Context, c *deis.Client) error {
			_, err := c.Config.Get(ctx, "example-go")
			return err
		},
	}
	for path, call := range calls {
		for body, says := range map[string]string{
			good[path]:                    "",
			`{}`:                          "the response is not what was asked for: it has no",
			`{"message":"please log in"}`: "the response is not what was asked for: it has no",
			`{"id":"other","app":"other","uuid":"u"}`: `the response is about another resource: its`,
			`{"id":"example-go","app":"example-go"}`:  "the response is not what was asked for: it has no uuid",
			`null`:                                    "the response is empty",
			``:                                        "the response is empty",
			`[]`:                                      "the response cannot be read",
		} {
			client, err := deis.New("http://deis.example.com", deis.WithAPIVersion(version.V2_2), deis.WithTransport(exchange.RoundTrip(func(*http.Request) (*http.Response, error) {
				return fromController(200, body)
			})))
			require.NoError(t, err)
			err = call(t.Context(), client)
			if says == "" {
				assert.NoError(t, err, body)
				continue
			}
			require.ErrorContains(t, err, says, "%s %s", path, body)
			var failed *deis.Error
			require.ErrorAs(t, err, &failed)
			assert.True(t, failed.FromController(), "the Controller's own, but not what was asked for")
			assert.False(t, failed.Temporary())
		}
	}
}

func TestAnItemWithoutAnIdentifierIsAnError(t *testing.T) {
	for _, l := range listings {
		for _, item := range []string{`null`, `{}`, `{"message":"please log in"}`} {
			client, err := deis.New("http://deis.example.com", deis.WithAPIVersion(version.V2_2), deis.WithTransport(exchange.RoundTrip(func(*http.Request) (*http.Response, error) {
				return fromController(200, `{"count":1,"results":[`+item+`]}`)
			})))
			require.NoError(t, err)
			assert.ErrorContains(t, l.call(t.Context(), client, deis.ListOptions{}), "item 1 of the response", "%s %s", l.method, item)
		}
	}
}

// With errgroup, the first failure is the cause with which all other calls are canceled.
func TestACanceledCallMatchesCanceledAndNotTheCause(t *testing.T) {
	for situation, end := range map[string]func(context.Context) error{
		"the transport returns the context's error": context.Context.Err,
		"the transport returns the cause":           context.Cause, // like that of net/http
	} {
		ctx, cancel := context.WithCancelCause(t.Context())
		controller, inFlight := deistest.New(), make(chan struct{})
		client, err := deis.New("http://deis.example.com", deis.WithToken(controller.Token()), deis.WithRetry(impatient),
			deis.WithTransport(exchange.RoundTrip(func(req *http.Request) (*http.Response, error) {
				if !strings.HasSuffix(req.URL.Path, "/apps/slow/") {
					return controller.Transport().RoundTrip(req)
				}
				close(inFlight)
				<-req.Context().Done()
				return nil, end(req.Context())
			})))
		require.NoError(t, err)
		slow := make(chan error)
		go func() {
			_, err := client.Apps.Get(ctx, "slow")
			slow <- err
		}()
		<-inFlight
		_, err = client.Apps.Get(ctx, "missing")
		require.ErrorIs(t, err, deis.ErrNotFound)
		cancel(err)
		_, late := client.Apps.Get(ctx, "later")
		for _, err := range []error{<-slow, late} {
			require.ErrorIs(t, err, context.Canceled, situation)
			assert.NotErrorIs(t, err, deis.ErrNotFound, situation)
			assert.ErrorContains(t, err, "404 Not Found", "the cause is text")
		}
	}
}

func TestTheErrorNamesTheLastFailureWhenTheContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, _ := between(t, func(req *http.Request) *http.Response {
			if strings.HasSuffix(req.URL.Path, "/apps/a/") {
				return httpmock.NewStringResponse(503, "")
			}
			return nil
		}, deis.WithRetry(deis.RetryPolicy{Max: 1000, MinWait: time.Second, MaxWait: time.Second}))
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Minute, cancel)
		_, err := client.Apps.Get(ctx, "a")
		require.ErrorIs(t, err, context.Canceled)
		assert.NotErrorIs(t, err, deis.ErrUnavailable)
		assert.Regexp(t, `^deis: GET /v2/apps/a/: context canceled: \d+ attempts: last failure: 503 Service Unavailable$`, err.Error())
	})
}

func TestARetryUnderADeadlineSucceeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failures := 2
		client, _ := between(t, func(req *http.Request) *http.Response {
			if strings.HasSuffix(req.URL.Path, "/apps") && failures > 0 {
				failures--
				return httpmock.NewStringResponse(503, "")
			}
			return nil
		}, deis.WithRetry(rest.DefaultRetryPolicy))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := client.Apps.List(ctx, apps.ListOptions{})
		require.NoError(t, err)
		assert.Zero(t, failures)
	})
}

func TestAHungVersionProbeFailsOnlyTheCallThatSentIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var probes atomic.Int64
		client, _ := between(t, func(req *http.Request) *http.Response {
			if req.URL.Path == "/v2/" && probes.Add(1) == 1 {
				<-req.Context().Done()
				return httpmock.NewStringResponse(504, "")
			}
			return nil
		})
		results := make(chan error)
		const calls = 60
		for i := range calls {
			go func() {
				time.Sleep(time.Duration(i) * time.Second)
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				_, err := client.Apps.List(ctx, apps.ListOptions{})
				results <- err
			}()
		}
		failed := 0
		for range calls {
			if err := <-results; err != nil {
				failed++
			}
		}
		assert.Equal(t, 1, failed, "only the one whose own probe hung")
		assert.EqualValues(t, 2, probes.Load())
	})
}

func TestAHungVersionProbeEndsAfterTenSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, err := deis.New("http://deis.example.com", deis.WithTransport(exchange.RoundTrip(func(req *http.Request) (*http.Response, error) {
			<-req.Context().Done()
			return nil, req.Context().Err()
		})))
		require.NoError(t, err)
		start := time.Now()
		_, err = client.Apps.List(t.Context(), apps.ListOptions{})
		require.ErrorContains(t, err, "deis: GET /v2/: no response within 10s")
		assert.NotErrorIs(t, err, context.DeadlineExceeded, "the caller's context has not ended")
		assert.Equal(t, 10*time.Second, time.Since(start))
	})
}

func TestTheConnectionOfTheVersionProbeIsReused(t *testing.T) {
	w := newWire(t, fault{does: responds("401 Unauthorized", `{"detail":"Authentication credentials were not provided."}`)})
	client, err := deis.New(w.URL)
	require.NoError(t, err)
	t.Cleanup(client.CloseIdleConnections)
	_, err = client.Negotiate(t.Context())
	require.NoError(t, err)
	probe := w.last.Load()
	w.over.Store(true)
	_, err = client.Apps.Get(t.Context(), "a")
	require.NoError(t, err)
	assert.Equal(t, probe, w.last.Load(), "the probe's response was read to its end and closed")
}

func TestAnUpgradeMatchesErrUpgraded(t *testing.T) {
	controller := deistest.New(deistest.WithAPIVersion(version.V1_6))
	client, err := deis.New("http://deis.example.com", deis.WithToken(controller.Token()), deis.WithTransport(controller.Transport()))
	require.NoError(t, err)
	_, err = client.Apps.Create(t.Context(), apps.CreateParams{ID: "example-go"})
	require.NoError(t, err)
	controller.SetAPIVersion(version.V2_2)
	_, err = client.Apps.Get(t.Context(), "example-go")
	require.ErrorIs(t, err, deis.ErrUpgraded)
	assert.NotErrorIs(t, err, deis.ErrNotFound)
	assert.ErrorContains(t, err, "the Controller speaks API 2.2, but this call used 1.6")
	var failed *deis.Error
	require.ErrorAs(t, err, &failed)
	assert.True(t, failed.Temporary())
	_, err = client.Apps.Get(t.Context(), "example-go")
	require.NoError(t, err, "the next call negotiates again")
}

func TestABodyThatIsNotUTF8IsRefusedBeforeItIsSent(t *testing.T) {
	client, controller := between(t, func(*http.Request) *http.Response { return nil })
	sent := len(controller.Requests())
	for where, call := range map[string]func() error{
		`Values["A"]`: func() error {
			_, err := client.Config.SetValues(t.Context(), "example-go", map[string]string{"A": "caf\xe9"})
			return err
		},
		"config key": func() error {
			_, err := client.Config.SetValues(t.Context(), "example-go", map[string]string{"\xff": "1"})
			return err
		},
		`body["a"][0]["\xff"]`: func() error {
			_, err := rest.Post[struct{}](t.Context(), client.REST(), rest.Path("widgets"), map[string]any{"a": []any{map[string]int{"\xff": 1}}})
			return err
		},
		"Command": func() error { _, err := client.Apps.Run(t.Context(), "example-go", "echo \xff"); return err },
	} {
		err := call()
		require.ErrorIs(t, err, deis.ErrInvalidArgument, where)
		assert.ErrorContains(t, err, where)
	}
	assert.Len(t, controller.Requests(), sent)
}

func TestATokenFunctionIsCalledForEachCall(t *testing.T) {
	controller := deistest.New()
	tokens := []string{controller.Token(), "stale", ""}
	var tokenCalls int
	client, err := deis.New("http://deis.example.com", deis.WithTransport(controller.Transport()), deis.WithTokenFunc(func(ctx context.Context) (string, error) {
		tokenCalls++
		return tokens[min(tokenCalls-1, len(tokens)-1)], ctx.Err()
	}))
	require.NoError(t, err)
	assert.Empty(t, client.Token())
	for _, want := range []error{nil, deis.ErrUnauthorized, deis.ErrUnauthorized} {
		_, err := client.Apps.List(t.Context(), apps.ListOptions{})
		assert.ErrorIs(t, err, want)
	}
	assert.Equal(t, 3, tokenCalls, "not for the version probe")

	broken := errors.New("the vault is sealed")
	sent := len(controller.Requests())
	failing, err := client.With(deis.WithTokenFunc(func(context.Context) (string, error) { return "", broken }))
	require.NoError(t, err)
	_, err = failing.Apps.List(t.Context(), apps.ListOptions{})
	require.ErrorIs(t, err, broken)
	assert.EqualError(t, err, "deis: GET /v2/apps: no token: the vault is sealed")
	unreachable := &url.Error{Op: "Get", URL: "https://vault.example.com/token", Err: errors.New("connection refused")}
	failing, err = client.With(deis.WithTokenFunc(func(context.Context) (string, error) { return "", fmt.Errorf("the vault: %w", unreachable) }))
	require.NoError(t, err)
	_, err = failing.Apps.List(t.Context(), apps.ListOptions{})
	require.ErrorIs(t, err, unreachable)
	assert.EqualError(t, err, `deis: GET /v2/apps: no token: the vault: Get "https://vault.example.com/token": connection refused`)
	odd, err := client.With(deis.WithTokenFunc(func(context.Context) (string, error) { return "secret\ntoken", nil }))
	require.NoError(t, err)
	_, err = odd.Apps.List(t.Context(), apps.ListOptions{})
	require.ErrorIs(t, err, deis.ErrInvalidArgument)
	assert.NotContains(t, err.Error(), "secret")
	assert.Len(t, controller.Requests(), sent, "nothing is sent without a valid token")
}

func TestADumpShowsEveryExchangeAndNoSecret(t *testing.T) {
	controller := deistest.New(deistest.WithUser("alice", "opensesame"))
	var dump bytes.Buffer
	client, err := deis.New("http://deis.example.com", deis.WithToken(controller.Token()), deis.WithTransport(controller.Transport()), deis.WithDump(&dump))
	require.NoError(t, err)
	_, err = client.Apps.Create(t.Context(), apps.CreateParams{ID: "example-go"})
	require.NoError(t, err)
	token, err := client.Auth.Login(t.Context(), "alice", "opensesame")
	require.NoError(t, err)
	require.NoError(t, client.Auth.ChangePassword(t.Context(), auth.PasswordParams{Username: "alice", NewPassword: "closesesame"}))
	text := dump.String()
	for _, shown := range []string{
		"> GET http://deis.example.com/v2/\n", "< 401 Unauthorized\n",
		"> POST http://deis.example.com/v2/apps/\n", "> Authorization: [redacted]\n", "> {\"id\":\"example-go\"}\n", "< 201 Created\n", `"id":"example-go"`,
		"> POST http://deis.example.com/v2/auth/login/\n", `"password":"[redacted]"`, "< [redacted]\n", `"new_password":"[redacted]"`,
	} {
		assert.Contains(t, text, shown)
	}
	for _, secret := range []string{controller.Token(), token, "opensesame", "closesesame"} {
		assert.NotContains(t, text, secret)
	}
}

func TestTheNameOfAnOperationHasNoIdentifiers(t *testing.T) {
	var operations []string
	var log bytes.Buffer
	controller := deistest.New()
	client, err := deis.New("http://deis.example.com", deis.WithToken(controller.Token()),
		deis.WithLogger(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))),
		deis.WithTransport(exchange.RoundTrip(func(req *http.Request) (*http.Response, error) {
			operations = append(operations, rest.Operation(req.Context()))
			return controller.Transport().RoundTrip(req)
		})))
	require.NoError(t, err)
	for _, id := range []string{"one", "two"} {
		_, err = client.Apps.Create(t.Context(), apps.CreateParams{ID: id})
		require.NoError(t, err)
		_, err = client.Config.Get(t.Context(), id)
		require.NoError(t, err)
		require.ErrorIs(t, client.Perms.Revoke(t.Context(), id, "nobody"), deis.ErrNotFound)
		_, err = rest.Get[struct{}](t.Context(), client.REST(), rest.Path("widgets", id, "parts", id))
		require.Error(t, err)
	}
	once := []string{"POST /apps/", "GET /apps/{app}/config/", "DELETE /apps/{app}/perms/{username}", "GET /widgets/{id}/parts/{id}/"}
	assert.Equal(t, append(append([]string{"GET /"}, once...), once...), operations)
	assert.Empty(t, rest.Operation(t.Context()), "outside a call")
	assert.Contains(t, log.String(), `path=/v2/ operation="GET /"`, "the version probe is logged, too")
	assert.Contains(t, log.String(), `operation="GET /apps/{app}/config/"`)
}

func TestTheVersionHeaderCanBeLeftOut(t *testing.T) {
	for _, without := range []bool{false, true} {
		var opts []deis.Option
		if without {
			opts = append(opts, deis.WithoutVersionHeader())
		}
		client, _ := between(t, func(req *http.Request) *http.Response {
			if req.Header.Get(version.Header) != "" { // as some proxies do
				return httpmock.NewStringResponse(400, "")
			}
			return nil
		}, opts...)
		_, err := client.Apps.List(t.Context(), apps.ListOptions{})
		if without {
			assert.NoError(t, err)
		} else {
			assert.ErrorContains(t, err, "see WithoutVersionHeader")
		}
	}
}

func TestAnErrorKeepsTheHeaderOfItsResponse(t *testing.T) {
	client, _ := between(t, func(req *http.Request) *http.Response {
		if req.URL.Path == "/v2/" {
			return nil
		}
		resp := httpmock.NewStringResponse(403, "")
		resp.Header.Set("X-Request-Id", "42")
		resp.Header.Set("Set-Cookie", "session=secret")
		return resp
	})
	_, err := client.Apps.List(t.Context(), apps.ListOptions{})
	var failed *deis.Error
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, "42", failed.Header.Get("X-Request-Id"))
	assert.NotContains(t, fmt.Sprintf("%+v", *failed), "session=secret")
}

func TestRegisterSendsTheClientsTokenOnlyAsAdmin(t *testing.T) {
	var authorized []bool
	client, _ := between(t, func(req *http.Request) *http.Response {
		if strings.HasSuffix(req.URL.Path, "/auth/register/") {
			authorized = append(authorized, req.Header.Get("Authorization") != "")
			if !authorized[len(authorized)-1] {
				resp := httpmock.NewStringResponse(403, `{"detail":"You do not have permission to perform this action."}`)
				resp.Header.Set(version.Header, "2.2")
				return resp
			}
		}
		return nil
	})
	_, err := client.Auth.Register(t.Context(), auth.RegisterParams{Username: "bob", Password: "secretpassword"})
	require.ErrorIs(t, err, deis.ErrForbidden)
	assert.ErrorContains(t, err, "see RegisterParams.AsAdmin")
	_, err = client.Auth.Register(t.Context(), auth.RegisterParams{Username: "bob", Password: "secretpassword", AsAdmin: true})
	require.NoError(t, err)
	assert.Equal(t, []bool{false, true}, authorized)
}

func TestWaitingEndsAtOnceOnTheControllersOwn404(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, _ := between(t, func(*http.Request) *http.Response { return nil })
		start := time.Now()
		_, err := client.Pods.WaitReady(t.Context(), "missing", pods.WaitOptions{})
		require.ErrorIs(t, err, deis.ErrNotFound)
		assert.Less(t, time.Since(start), time.Second)
	})
}
