package pods_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/apps"
	"github.com/deisgo/deis/builds"
	"github.com/deisgo/deis/deistest"
	"github.com/deisgo/deis/internal/exchange"
	"github.com/deisgo/deis/pods"
	"github.com/deisgo/deis/version"
)

// startDelay is how long a pod takes to come up. The tests run in synctest bubbles, in fake time.
const startDelay = 10 * time.Second

// inBothVersions runs a story in API 1.6 and 2.2, with an app that has web=2 and worker=1, which are not up yet.
func inBothVersions(t *testing.T, story func(t *testing.T, controller *deistest.Controller, client *deis.Client)) {
	for _, api := range []version.API{version.V1_6, version.V2_2} {
		t.Run(api.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				controller := deistest.New(deistest.WithAPIVersion(api), deistest.WithStartDelay(startDelay))
				client, err := deis.New("http://deis.example.com", deis.WithToken(controller.Token()), deis.WithTransport(controller.Transport()))
				require.NoError(t, err)
				_, err = client.Apps.Create(t.Context(), apps.CreateParams{ID: "example-go"})
				require.NoError(t, err)
				_, err = client.Builds.Create(t.Context(), "example-go", builds.CreateParams{
					Image:    "deis/example-go",
					Procfile: map[string]string{"web": "example-go", "worker": "sleep 1"},
				})
				require.NoError(t, err)
				require.NoError(t, client.Pods.Scale(t.Context(), "example-go", map[string]int{"web": 2, "worker": 1, "cmd": 0}))
				story(t, controller, client)
			})
		})
	}
}

func TestWaitReadyReturnsWhenTheWantedPodsAreUp(t *testing.T) {
	inBothVersions(t, func(t *testing.T, _ *deistest.Controller, client *deis.Client) {
		start := time.Now()
		up, err := client.Pods.WaitReady(t.Context(), "example-go", pods.WaitOptions{Want: map[string]int{"web": 2, "cmd": 0}, Release: 2})
		require.NoError(t, err)
		assert.Len(t, up, 2)
		for _, pod := range up {
			assert.Equal(t, "web", pod.Type)
			assert.Equal(t, "up", pod.State)
		}
		assert.InDelta(t, startDelay, time.Since(start), float64(time.Second)) // it polls every second
	})
}

func TestWaitReadyWithoutNumbersWaitsForAllPods(t *testing.T) {
	inBothVersions(t, func(t *testing.T, _ *deistest.Controller, client *deis.Client) {
		up, err := client.Pods.WaitReady(t.Context(), "example-go", pods.WaitOptions{})
		require.NoError(t, err)
		assert.Len(t, up, 3)
	})
}

func TestWaitReadyReportsTheStatesWhenTheContextEnds(t *testing.T) {
	inBothVersions(t, func(t *testing.T, _ *deistest.Controller, client *deis.Client) {
		ctx, cancel := context.WithTimeout(t.Context(), startDelay/2)
		defer cancel()
		_, err := client.Pods.WaitReady(ctx, "example-go", pods.WaitOptions{Want: map[string]int{"web": 2, "worker": 1}})
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Regexp(t, `^deis: waiting for the pods of app example-go: web 0 of 2 up \(\S+ is (initializing|created), \S+ is (initializing|created)\), `+
			`worker 0 of 1 up \(\S+ is (initializing|created)\): context deadline exceeded$`, err.Error())
	})
}

func TestWaitReadyFailsAtOnceOnACrash(t *testing.T) {
	inBothVersions(t, func(t *testing.T, controller *deistest.Controller, client *deis.Client) {
		page, err := client.Pods.List(t.Context(), "example-go", pods.ListOptions{Type: "web"})
		require.NoError(t, err)
		require.NoError(t, controller.CrashPod("example-go", page.Items[0].Name))
		start := time.Now()
		_, err = client.Pods.WaitReady(t.Context(), "example-go", pods.WaitOptions{Want: map[string]int{"web": 2}})
		assert.ErrorIs(t, err, pods.ErrCrashed)
		assert.ErrorContains(t, err, "pod "+page.Items[0].Name+" of app example-go is crashed: web 0 of 2 up")
		assert.Zero(t, time.Since(start))
	})
}

func TestWaitReadyDoesNotCountPodsOfAnotherRelease(t *testing.T) {
	inBothVersions(t, func(t *testing.T, _ *deistest.Controller, client *deis.Client) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := client.Pods.WaitReady(ctx, "example-go", pods.WaitOptions{Want: map[string]int{"web": 2}, Release: 3})
		assert.ErrorContains(t, err, "web 0 of 2 up")
	})
}

func TestWaitReadyFailsIfTheAppIsGone(t *testing.T) {
	inBothVersions(t, func(t *testing.T, _ *deistest.Controller, client *deis.Client) {
		require.NoError(t, client.Apps.Delete(t.Context(), "example-go"))
		_, err := client.Pods.WaitReady(t.Context(), "example-go", pods.WaitOptions{})
		assert.ErrorIs(t, err, deis.ErrNotFound)
	})
}

// list returns a list of pods, which are given as type=state.
func list(pods ...string) string {
	items := make([]string, len(pods))
	for i, pod := range pods {
		procType, state, _ := strings.Cut(pod, "=")
		items[i] = fmt.Sprintf(`{"name":"%s-%d","type":%q,"state":%q,"release":"v2"}`, procType, i, procType, state)
	}
	return fmt.Sprintf(`{"count":%d,"results":[%s]}`, len(pods), strings.Join(items, ","))
}

func TestWaitReadyJudgesTheStatesOfThePods(t *testing.T) {
	for situation, c := range map[string]struct {
		want      map[string]int
		responses []string
		match     error
		message   string
	}{
		"more than wanted are enough":       {map[string]int{"web": 1}, []string{list("web=up", "web=up", "web=starting")}, nil, ""},
		"none are left of a type":           {map[string]int{"web": 1, "worker": 0}, []string{list("web=up", "worker=terminating"), list("web=up")}, nil, ""},
		"destroyed containers are not left": {map[string]int{"web": 1, "worker": 0}, []string{list("web=up", "worker=destroyed")}, nil, ""},
		"one empty list proves nothing":     {map[string]int{"web": 0}, []string{list(), list("web=up"), list(), list()}, nil, ""},
		"all pods, first none":              {nil, []string{list(), list("web=up")}, nil, ""},
		"a destroyed one never comes up": {map[string]int{"web": 2}, []string{list("web=up", "web=destroyed"), list("web=up", "web=destroyed")},
			pods.ErrDestroyed, "web 1 of 2 up (web-1 is destroyed)"},
		"a new one replaces it": {map[string]int{"web": 1}, []string{list("web=destroyed"), list("web=destroyed", "web=starting"), list("web=up")}, nil, ""},
		"a name with several lines": {map[string]int{"web": 1}, []string{`{"count":1,"results":[{"name":"a\n::error::b\u001b[2J","type":"web","state":"crashed"}]}`},
			pods.ErrCrashed, "pod a ::error::b [2J of app example-go is crashed"},
	} {
		var exchanges []exchange.Exchange
		for _, response := range c.responses {
			exchanges = append(exchanges, exchange.On("GET /v2/apps/example-go/pods/", "", 200, response))
		}
		t.Run(situation, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client := exchange.Client(t, "2.2", exchanges...)
				_, err := client.Pods.WaitReady(t.Context(), "example-go", pods.WaitOptions{Want: c.want})
				if c.match == nil {
					require.NoError(t, err)
					return
				}
				require.ErrorIs(t, err, c.match)
				assert.ErrorContains(t, err, c.message)
				assert.NotContains(t, err.Error(), "\n")
			})
		})
	}
}

func TestWaitReadyContinuesAfterTemporaryFailures(t *testing.T) {
	foreign := func(status int, body, retryAfter string) func(*http.Request) (*http.Response, error) {
		return func(*http.Request) (*http.Response, error) {
			resp := &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body))}
			if retryAfter != "" {
				resp.Header.Set("Retry-After", retryAfter)
			}
			return resp, nil
		}
	}
	for situation, c := range map[string]struct {
		respond func(*http.Request) (*http.Response, error)
		takes   time.Duration // at least, and not much more
	}{
		"a gateway's 404 as JSON": {foreign(404, `{"message":"no Route matched"}`, ""), time.Second},
		"a gateway's 404 as text": {foreign(404, "404 page not found", ""), time.Second},
		"a sign-in page":          {foreign(200, `{"message":"please log in"}`, ""), time.Second},
		"a rate limit":            {foreign(429, "", "6"), 6 * time.Second},
		"a request that hangs": {func(req *http.Request) (*http.Response, error) {
			<-req.Context().Done()
			return nil, req.Context().Err()
		}, 30 * time.Second},
		"no connection": {func(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF }, time.Second},
	} {
		t.Run(situation, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				requests := 0
				client, err := deis.New("http://deis.example.com", deis.WithRetry(deis.RetryPolicy{}), deis.WithTransport(exchange.RoundTrip(func(req *http.Request) (*http.Response, error) {
					resp, _ := foreign(200, list("web=up"), "")(req)
					if strings.HasSuffix(req.URL.Path, "/pods/") {
						if requests++; requests == 1 {
							return c.respond(req)
						}
					}
					resp.Header.Set(version.Header, "2.2")
					return resp, nil
				})))
				require.NoError(t, err)
				start := time.Now()
				up, err := client.Pods.WaitReady(t.Context(), "example-go", pods.WaitOptions{Want: map[string]int{"web": 1}})
				require.NoError(t, err)
				assert.Len(t, up, 1)
				assert.Equal(t, 2, requests)
				assert.InDelta(t, c.takes.Seconds(), time.Since(start).Seconds(), 3.1)
				assert.GreaterOrEqual(t, time.Since(start), c.takes)
			})
		})
	}
}

func TestWaitReadyContinuesWhenTheControllerIsUpgraded(t *testing.T) {
	inBothVersions(t, func(t *testing.T, controller *deistest.Controller, client *deis.Client) {
		upgrade := time.AfterFunc(startDelay/2, func() { controller.SetAPIVersion(version.V2_2) })
		defer upgrade.Stop()
		up, err := client.Pods.WaitReady(t.Context(), "example-go", pods.WaitOptions{Want: map[string]int{"web": 2}})
		require.NoError(t, err)
		assert.Len(t, up, 2)
	})
}

func TestWaitReadyGivesUpOnAControllerThatStaysDown(t *testing.T) {
	inBothVersions(t, func(t *testing.T, controller *deistest.Controller, client *deis.Client) {
		controller.AddFault(deistest.Fault{Method: "GET", Status: 500})
		_, err := client.Pods.WaitReady(t.Context(), "example-go", pods.WaitOptions{})
		assert.ErrorIs(t, err, deis.ErrServer)
	})
}

func TestWaitReadyRefusesNegativeOptions(t *testing.T) {
	client := exchange.Client(t, "2.2") // which expects no request
	for _, o := range []pods.WaitOptions{{Release: -1}, {Interval: -1}, {Want: map[string]int{"web": -1}}, {Want: map[string]int{"a/b": 1}}} {
		_, err := client.Pods.WaitReady(t.Context(), "example-go", o)
		assert.ErrorIs(t, err, deis.ErrInvalidArgument)
	}
}
