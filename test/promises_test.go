package test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/apps"
	"github.com/deisgo/deis/auth"
	"github.com/deisgo/deis/builds"
	"github.com/deisgo/deis/certs"
	"github.com/deisgo/deis/config"
	"github.com/deisgo/deis/deistest"
	"github.com/deisgo/deis/internal/exchange"
	"github.com/deisgo/deis/pods"
	"github.com/deisgo/deis/rest"
	"github.com/deisgo/deis/version"
)

// alwaysGetting makes a client, pinned to 2.2, that gets the same response to every request, with the version header or
// without.
func alwaysGetting(t *testing.T, status int, body string, withVersion bool) *deis.Client {
	t.Helper()
	client, err := deis.New("http://deis.example.com", deis.WithToken(canaryToken), deis.WithAPIVersion(version.V2_2), deis.WithRetry(deis.RetryPolicy{}),
		deis.WithTransport(exchange.RoundTrip(func(*http.Request) (*http.Response, error) {
			resp, err := fromController(status, body)
			if !withVersion {
				resp.Header.Del(version.Header)
			}
			return resp, err
		})))
	require.NoError(t, err)
	return client
}

func TestACommandHasRunOnlyIfTheResponseHasItsExitCode(t *testing.T) {
	for _, withVersion := range []bool{true, false} {
		for _, body := range []string{`{}`, `{"message":"please log in"}`, `{"exit_code":0}`, `{"output":""}`} {
			_, err := alwaysGetting(t, 200, body, withVersion).Apps.Run(t.Context(), "example-go", "migrate")
			assert.ErrorContains(t, err, "want an exit code and an output", body)
		}
		result, err := alwaysGetting(t, 200, `{"exit_code":0,"output":""}`, withVersion).Apps.Run(t.Context(), "example-go", "migrate")
		require.NoError(t, err)
		assert.Zero(t, result.ExitCode)
	}
}

func TestNoErrorShowsAConfigValue(t *testing.T) {
	for _, body := range []string{
		`{"app":"other","uuid":"u","values":{"DB_PASSWORD":"` + canaryPassword + `"},"registry":{"password":"` + canaryKey + `"}}`,
		`{"app":"example-go","values":{"DB_PASSWORD":"` + canaryPassword + `"},"memory":"` + canaryKey + `"}`,
		`["` + canaryPassword + `"]`, `"` + canaryPassword + canaryKey + `"`,
	} {
		_, err := alwaysGetting(t, 200, body, true).Config.Get(t.Context(), "example-go")
		require.Error(t, err, body)
		assert.NotContains(t, fmt.Sprintf("%v %+v", err, err), canaryPassword)
		assert.NotContains(t, err.Error(), canaryKey)
	}
}

func TestADumpShowsNeitherConfigValuesNorAnEchoedKey(t *testing.T) {
	var dump bytes.Buffer
	body := `{"app":"example-go","uuid":"u","values":{"DB_PASSWORD":"` + canaryPassword + `"}}`
	client, err := alwaysGetting(t, 200, body, true).With(deis.WithDump(&dump))
	require.NoError(t, err)
	_, err = client.Config.Get(t.Context(), "example-go")
	require.NoError(t, err)
	client, err = alwaysGetting(t, 400, "cannot work with\n"+canaryPEM, true).With(deis.WithDump(&dump))
	require.NoError(t, err)
	_, err = client.Certs.Create(t.Context(), certs.CreateParams{Name: "a", Certificate: "public", Key: canaryPEM})
	require.ErrorIs(t, err, deis.ErrBadRequest)
	assert.Contains(t, dump.String(), "cannot work with")
	for _, secret := range []string{canaryPassword, canaryKey, canaryToken} {
		assert.NotContains(t, dump.String(), secret)
	}
}

func TestASecretIsRedactedAlsoAsDjangoAndPHPEscapeIt(t *testing.T) {
	const password = `pa"ss'wo/rd<1`
	for _, echo := range []string{`pa&quot;ss&#x27;wo/rd&lt;1`, `pa&#34;ss&#39;wo/rd&lt;1`, `pa\"ss'wo\/rd<1`} {
		_, err := alwaysGetting(t, 400, "<title>not "+echo+"</title>", true).Auth.Register(t.Context(), auth.RegisterParams{Username: "alice", Password: password})
		require.ErrorIs(t, err, deis.ErrBadRequest)
		var failed *deis.Error
		require.ErrorAs(t, err, &failed)
		assert.NotContains(t, string(failed.Body), echo)
		assert.Contains(t, err.Error(), "not [redacted]")
	}
	_, err := alwaysGetting(t, 400, strings.Repeat("x", 64<<10-10)+canaryPassword, true).Auth.Register(t.Context(), auth.RegisterParams{Username: "alice", Password: canaryPassword})
	var failed *deis.Error
	require.ErrorAs(t, err, &failed)
	assert.NotContains(t, string(failed.Body), canaryPassword[:8], "a secret that is partly beyond the limit of the body")
	assert.LessOrEqual(t, len(failed.Body), 64<<10)
}

// The caller's transport makes two attempts. That the second sent nothing proves nothing about the first.
func TestARequestThatWentOutOnceCountsAsSent(t *testing.T) {
	sent := 0
	client, err := deis.New("http://deis.example.com", deis.WithAPIVersion(version.V2_2), deis.WithRetry(impatient), deis.WithTransport(exchange.RoundTrip(func(req *http.Request) (*http.Response, error) {
		trace := httptrace.ContextClientTrace(req.Context())
		trace.GetConn("")
		trace.GotConn(httptrace.GotConnInfo{})
		trace.WroteHeaders()
		sent++
		trace.GetConn("") // and again, without a connection
		return nil, errors.New("connection refused")
	})))
	require.NoError(t, err)
	_, err = client.Config.SetValues(t.Context(), "a", map[string]string{"A": "1"})
	var failed *deis.Error
	require.ErrorAs(t, err, &failed)
	assert.True(t, failed.MayHaveActed())
	assert.Equal(t, 1, sent, "a POST that went out is not retried")
}

func TestAnErrorThatNoRetryCanFixIsNotTemporary(t *testing.T) {
	untrusted := &tls.CertificateVerificationError{Err: errors.New("unknown authority")}
	for situation, client := range map[string]func() (*deis.Client, error){
		"no token": func() (*deis.Client, error) {
			return deis.New("http://deis.example.com", deis.WithAPIVersion(version.V2_2), deis.WithTokenFunc(func(context.Context) (string, error) { return "", errors.New("sealed") }))
		},
		"an untrusted certificate": func() (*deis.Client, error) {
			return deis.New("http://deis.example.com", deis.WithTransport(exchange.RoundTrip(func(*http.Request) (*http.Response, error) { return nil, untrusted })))
		},
		"pinned to a version that the Controller does not speak": func() (*deis.Client, error) {
			return alwaysGetting(t, 404, "", true).With(deis.WithAPIVersion(version.V1_6))
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			c, err := client()
			require.NoError(t, err)
			start := time.Now()
			_, err = c.Pods.WaitReady(context.Background(), "example-go", pods.WaitOptions{})
			var failed *deis.Error
			require.ErrorAs(t, err, &failed, situation)
			assert.False(t, failed.Temporary(), situation)
			assert.Less(t, time.Since(start), time.Second, situation)
		})
	}
}

func TestWaitingDoesNotObeyARetryAfterOfADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, _ := between(t, func(req *http.Request) *http.Response {
			if !strings.HasSuffix(req.URL.Path, "/pods/") {
				return nil
			}
			resp, _ := fromController(429, "")
			resp.Header.Set("Retry-After", "86400")
			return resp
		})
		start := time.Now()
		_, err := client.Pods.WaitReady(context.Background(), "example-go", pods.WaitOptions{})
		require.ErrorIs(t, err, deis.ErrRateLimited)
		assert.Less(t, time.Since(start), 5*time.Minute)
	})
}

func TestASecondEqualScaleWaitsForTheFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		controller := deistest.New(deistest.WithStartDelay(10 * time.Second))
		client, err := deis.New("http://deis.example.com", deis.WithToken(controller.Token()), deis.WithTransport(controller.Transport()))
		require.NoError(t, err)
		_, err = client.Apps.Create(t.Context(), apps.CreateParams{ID: "example-go"})
		require.NoError(t, err)
		_, err = client.Builds.Create(t.Context(), "example-go", builds.CreateParams{Image: "a/b", Procfile: map[string]string{"web": "run"}})
		require.NoError(t, err)
		results := make(chan error)
		for range 2 {
			go func() { results <- client.Pods.Scale(t.Context(), "example-go", map[string]int{"web": 3}) }()
		}
		for range 2 {
			assert.NoError(t, <-results)
		}
	})
}

func TestStatusesThatNoControllerSendsMatchErrNotController(t *testing.T) {
	for _, status := range []int{302, 408, 499, 520, 524} {
		_, err := alwaysGetting(t, status, "", false).Config.SetValues(t.Context(), "a", map[string]string{"A": "1"})
		require.ErrorIs(t, err, deis.ErrNotController, status)
		var failed *deis.Error
		require.ErrorAs(t, err, &failed)
		assert.True(t, failed.MayHaveActed(), status)
	}
}

func TestAPodWithoutANameIsAnError(t *testing.T) {
	_, err := alwaysGetting(t, 200, `{"count":1,"results":[{"type":"web","state":"up"}]}`, true).Pods.List(t.Context(), "example-go", pods.ListOptions{})
	assert.ErrorContains(t, err, "item 1 of the response is not what was asked for: it has no name")
}

// Controllers also list no pods while Kubernetes is down.
func TestRestartingFailsIfNoPodIsListed(t *testing.T) {
	_, err := alwaysGetting(t, 200, `{"count":0,"results":[]}`, true).Pods.Restart(t.Context(), "example-go", pods.RestartOptions{Name: "example-go-web-1"})
	require.ErrorIs(t, err, pods.ErrNothingRestarted)
	assert.NotErrorIs(t, err, deis.ErrNotFound)
}

func TestTheUTF8CheckFollowsOnlyFieldsThatAreSent(t *testing.T) {
	type node struct {
		Name   string
		Parent *node `json:"-"`
		Kids   []*node
	}
	root := &node{Name: "caf\uFFFD"} // a real replacement character
	root.Kids = []*node{{Name: "kid", Parent: root}}
	client := alwaysGetting(t, 200, `{}`, true)
	_, err := rest.Post[struct{}](t.Context(), client.REST(), rest.Path("widgets"), root)
	require.NoError(t, err)
	root.Kids[0].Name = "caf\xe9"
	_, err = rest.Post[struct{}](t.Context(), client.REST(), rest.Path("widgets"), root)
	assert.ErrorContains(t, err, "Kids[0].Name must be valid UTF-8")
}

func TestTheResponseOfACallIsNotThatOfItsOtherRequests(t *testing.T) {
	const listPerms, getConfig = "GET /v2/apps/example-go/perms/", "GET /v2/apps/example-go/config/"
	for situation, c := range map[string]struct {
		exchanges []exchange.Exchange
		call      func(*deis.Client, ...deis.CallOption) error
		status    int
	}{
		"revoking the right of a user with a dot in the name": {
			[]exchange.Exchange{
				exchange.On(listPerms, "", 200, `{"users": ["jo.hn"]}`),
				exchange.On("DELETE /v2/apps/example-go/perms/jo.hn", "", 204, ""),
				exchange.On(listPerms, "", 200, `{"users": []}`),
			},
			func(c *deis.Client, opts ...deis.CallOption) error {
				return c.Perms.Revoke(t.Context(), "example-go", "jo.hn", opts...)
			}, 204,
		},
		"setting a hook that the server does not store": {
			[]exchange.Exchange{
				exchange.On("POST /v2/apps/example-go/config/", `{"lifecycle_pre_stop": {"web": "stop"}}`, 409, `{"detail": "example-go changed nothing - release stopped"}`),
				exchange.On(getConfig, "", 200, `{"values": {}}`),
			},
			func(c *deis.Client, opts ...deis.CallOption) error {
				stop := "stop"
				_, err := c.Config.Set(t.Context(), "example-go", config.Changes{LifecyclePreStop: map[string]*string{"web": &stop}}, opts...)
				if errors.Is(err, errors.ErrUnsupported) {
					return nil
				}
				return fmt.Errorf("not errors.ErrUnsupported, but %w", err)
			}, 409,
		},
	} {
		var resp deis.Response
		require.NoError(t, c.call(exchange.Client(t, "2.3", c.exchanges...), deis.WithResponse(&resp)), situation)
		assert.Equal(t, c.status, resp.Status, situation)
	}
}

// Every request takes a second, so another write of the client begins while the call looks.
func TestNoOtherWriteComesBetweenALookAndItsWrite(t *testing.T) {
	for situation, c := range map[string]struct {
		call, other func(context.Context, *deis.Client) error
		requests    []string
	}{
		"Perms.Revoke, and a grant to the user for whom the name can be mistaken": {
			func(ctx context.Context, c *deis.Client) error { return c.Perms.Revoke(ctx, "example-go", "jo.hn") },
			func(ctx context.Context, c *deis.Client) error { return c.Perms.Grant(ctx, "example-go", "jo") },
			[]string{"GET /v2/apps/example-go/perms/", "DELETE /v2/apps/example-go/perms/jo.hn"},
		},
		"Services.Delete": {
			func(ctx context.Context, c *deis.Client) error { return c.Services.Delete(ctx, "example-go", "web") },
			func(ctx context.Context, c *deis.Client) error { return c.Perms.Grant(ctx, "example-go", "jo") },
			[]string{"GET /v2/apps/example-go/services/", "DELETE /v2/apps/example-go/services/"},
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			var mu sync.Mutex
			var requests []string
			client, err := deis.New("http://deis.example.com", deis.WithAPIVersion(version.V2_3), deis.WithTransport(exchange.RoundTrip(func(req *http.Request) (*http.Response, error) {
				mu.Lock()
				requests = append(requests, req.Method+" "+req.URL.Path)
				mu.Unlock()
				time.Sleep(time.Second)
				resp, err := fromController(200, `{"users": [], "services": []}`)
				if req.Method != http.MethodGet {
					resp, err = fromController(204, "")
				}
				return resp, err
			})))
			require.NoError(t, err)
			result := make(chan error)
			go func() { result <- c.call(t.Context(), client) }()
			time.Sleep(time.Second / 2)
			require.NoError(t, c.other(t.Context(), client), situation)
			require.NoError(t, <-result, situation)
			assert.Equal(t, c.requests, requests[:2], situation)
			assert.Contains(t, requests[2:], "POST /v2/apps/example-go/perms/", situation)
		})
	}
}

func TestWaitingForAControllerThatNeverRespondsDoesNotLookLikeTheCallersDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		controller := deistest.New()
		client, err := deis.New("http://deis.example.com", deis.WithToken(controller.Token()), deis.WithTransport(exchange.RoundTrip(func(req *http.Request) (*http.Response, error) {
			if strings.HasSuffix(req.URL.Path, "/pods/") {
				<-req.Context().Done()
				return nil, req.Context().Err()
			}
			return controller.Transport().RoundTrip(req)
		})))
		require.NoError(t, err)
		start := time.Now()
		_, err = client.Pods.WaitReady(context.Background(), "example-go", pods.WaitOptions{})
		require.ErrorContains(t, err, "GET /v2/apps/example-go/pods/: no response within 30s")
		assert.NotErrorIs(t, err, context.DeadlineExceeded, "the caller's context has no deadline")
		var failed *deis.Error
		require.ErrorAs(t, err, &failed)
		assert.True(t, failed.Temporary())
		assert.InDelta(t, 5*time.Minute, time.Since(start), float64(time.Minute))
	})
}

// Environment variables are where programs get their secrets from.
func TestNothingShowsTheValueOfAVariableThatAnErrorEchoes(t *testing.T) {
	for _, body := range []string{
		`{"detail": "not ` + canaryPassword + ` please"}`, `{"values": ["not ` + canaryPassword + `"]}`, "<h1>not " + canaryPassword + "</h1>",
	} {
		var dump, log bytes.Buffer
		client, err := alwaysGetting(t, 400, body, true).With(deis.WithDump(&dump),
			deis.WithLogger(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))))
		require.NoError(t, err)
		_, err = client.Config.SetValues(t.Context(), "example-go", map[string]string{"DB_PASSWORD": canaryPassword, "A": "1"})
		require.ErrorIs(t, err, deis.ErrBadRequest)
		assert.ErrorContains(t, err, "not [redacted]")
		printAll(&log, err)
		assert.NotContains(t, log.String(), canaryPassword)
		assert.NotContains(t, dump.String(), canaryPassword)
		assert.Contains(t, dump.String(), `"DB_PASSWORD":"[redacted]"`)
	}
}
