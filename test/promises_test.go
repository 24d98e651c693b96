package test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"strings"
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

func TestTheResponseOfACallIsNotThatOfItsPreparatoryRequests(t *testing.T) {
	controller := deistest.New(deistest.WithUser("jo.hn", "secretpassword"))
	client, err := deis.New("http://deis.example.com", deis.WithToken(controller.Token()), deis.WithTransport(controller.Transport()))
	require.NoError(t, err)
	_, err = client.Apps.Create(t.Context(), apps.CreateParams{ID: "example-go"})
	require.NoError(t, err)
	require.NoError(t, client.Perms.Grant(t.Context(), "example-go", "jo.hn"))
	var resp deis.Response
	client.Perms.Revoke(t.Context(), "example-go", "jo.hn", deis.WithResponse(&resp)) //nolint:errcheck // some Controllers cannot revoke it
	assert.NotEqual(t, 200, resp.Status, "that is the status of the list of rights")
}
