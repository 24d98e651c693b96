package pods_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/internal/exchange"
	"github.com/deisgo/deis/pods"
)

func TestAContainerIsAPodNamedByTypeAndNumber(t *testing.T) {
	client := exchange.Client(t, "1.6", exchange.On("GET /v1/apps/example-go/containers/web/?page=2&page_size=2", "", 200,
		`{"count": 3, "next": null, "results": [{"app": "example-go", "release": "v2", "type": "web", "num": 3, "state": "up"}]}`))
	page, err := client.Pods.List(t.Context(), "example-go", pods.ListOptions{Type: "web", PageSize: 2, Page: 2})
	require.NoError(t, err)
	assert.Equal(t, []pods.Pod{{Name: "web.3", App: "example-go", Release: "v2", Type: "web", Num: 3, State: "up"}}, page.Items)
	assert.Equal(t, 3, page.Count)
}

func TestAllSendsNothingUntilItIsRangedOver(t *testing.T) {
	exchange.Client(t, "2.2").Pods.All(t.Context(), "example-go", pods.ListOptions{})
}

const (
	web    = `{"name": "example-go-web-1-abcde", "type": "web", "state": "up", "release": "v2"}`
	worker = `{"name": "example-go-worker-1-fghij", "type": "worker", "state": "up", "release": "v2"}`
	listed = `{"count": 2, "results": [` + web + `, ` + worker + `]}`
)

func TestRestartSendsThePathOfWhatItRestarts(t *testing.T) {
	for situation, c := range map[string]struct {
		api       string
		options   pods.RestartOptions
		exchanges []exchange.Exchange
	}{
		"2.2, all": {"2.2", pods.RestartOptions{}, []exchange.Exchange{
			exchange.On("POST /v2/apps/example-go/pods/restart/", `{}`, 200, `[`+web+`]`),
		}},
		"2.2, a type": {"2.2", pods.RestartOptions{Type: "a.b"}, []exchange.Exchange{
			exchange.On("POST /v2/apps/example-go/pods/a.b/restart/", `{}`, 200, `[`+web+`]`),
		}},
		"2.2, a type that begins with restart": {"2.2", pods.RestartOptions{Type: "restarter"}, []exchange.Exchange{
			exchange.On("POST /v2/apps/example-go/pods/restarter/restart/", `{}`, 200, `[`+web+`]`),
		}},
		"2.2, one pod of a type": {"2.2", pods.RestartOptions{Type: "worker", Name: "example-go-worker-1-fghij"}, []exchange.Exchange{
			exchange.On("GET /v2/apps/example-go/pods/", "", 200, listed),
			exchange.On("POST /v2/apps/example-go/pods/worker/example-go-worker-1-fghij/restart/", `{}`, 200, `[`+worker+`]`),
		}},
		"2.2, one pod without its type": {"2.2", pods.RestartOptions{Name: "example-go-worker-1-fghij"}, []exchange.Exchange{
			exchange.On("GET /v2/apps/example-go/pods/", "", 200, listed),
			exchange.On("POST /v2/apps/example-go/pods/worker/example-go-worker-1-fghij/restart/", `{}`, 200, `[`+worker+`]`),
		}},
		"v1.6, all": {"1.6", pods.RestartOptions{}, []exchange.Exchange{
			exchange.On("POST /v1/apps/example-go/containers/restart/", `{}`, 200, `[`+web+`]`),
		}},
		"v1.6, a type": {"1.6", pods.RestartOptions{Type: "web"}, []exchange.Exchange{
			exchange.On("POST /v1/apps/example-go/containers/web/restart/", `{}`, 200, `[`+web+`]`),
		}},
		"v1.6, by name": {"1.6", pods.RestartOptions{Name: "web.12"}, []exchange.Exchange{
			exchange.On("POST /v1/apps/example-go/containers/web/12/restart/", `{}`, 200, `[`+web+`]`),
		}},
		"v1.6, by name and type": {"1.6", pods.RestartOptions{Type: "web", Name: "web.1"}, []exchange.Exchange{
			exchange.On("POST /v1/apps/example-go/containers/web/1/restart/", `{}`, 200, `[`+web+`]`),
		}},
		"v1.6, by number and type": {"1.6", pods.RestartOptions{Type: "web", Name: "1"}, []exchange.Exchange{
			exchange.On("POST /v1/apps/example-go/containers/web/1/restart/", `{}`, 200, `[`+web+`]`),
		}},
	} {
		t.Run(situation, func(t *testing.T) {
			restarted, err := exchange.Client(t, c.api, c.exchanges...).Pods.Restart(t.Context(), "example-go", c.options)
			require.NoError(t, err)
			assert.Len(t, restarted, 1)
		})
	}
}

func TestRestartingNothingIsAnError(t *testing.T) {
	client := exchange.Client(t, "2.2", exchange.On("POST /v2/apps/example-go/pods/nosuch/restart/", `{}`, 200, `[]`))
	restarted, err := client.Pods.Restart(t.Context(), "example-go", pods.RestartOptions{Type: "nosuch"})
	assert.ErrorIs(t, err, pods.ErrNothingRestarted)
	assert.EqualError(t, err, "deis: nothing was restarted: app example-go: the Controller lists no such pods; they may run nevertheless, "+
		"if it cannot reach Kubernetes or a deploy has failed")
	assert.Empty(t, restarted)
}

// Real 2.x Controllers respond to an unknown name with 200 and some other pod.
func TestAnUnknownPodIsNotFoundAndNothingIsRestarted(t *testing.T) {
	for message, o := range map[string]pods.RestartOptions{
		"deis: app example-go has no pod example-go-web-1-nosuc: deis: not found":        {Name: "example-go-web-1-nosuc"},
		"deis: app example-go has no pod web example-go-web-1-nosuc: deis: not found":    {Type: "web", Name: "example-go-web-1-nosuc"},
		"deis: app example-go has no pod web example-go-worker-1-fghij: deis: not found": {Type: "web", Name: "example-go-worker-1-fghij"},
	} {
		client := exchange.Client(t, "2.2", exchange.On("GET /v2/apps/example-go/pods/", "", 200, listed))
		_, err := client.Pods.Restart(t.Context(), "example-go", o)
		assert.ErrorIs(t, err, deis.ErrNotFound)
		assert.EqualError(t, err, message)
	}
}

func TestRestartingAPodWhileNoneIsListedSaysThatItMayRun(t *testing.T) {
	client := exchange.Client(t, "2.2", exchange.On("GET /v2/apps/example-go/pods/", "", 200, `{"count": 0, "results": []}`))
	_, err := client.Pods.Restart(t.Context(), "example-go", pods.RestartOptions{Name: "example-go-web-1-abcde"})
	assert.ErrorIs(t, err, pods.ErrNothingRestarted)
	assert.EqualError(t, err, "deis: nothing was restarted: app example-go: the Controller lists no pods; they may run nevertheless, "+
		"if it cannot reach Kubernetes or a deploy has failed")
}

func TestALookupThatFailsRestartsNothing(t *testing.T) {
	client := exchange.Client(t, "2.2", exchange.On("GET /v2/apps/example-go/pods/", "", 403, `{"detail": "no"}`))
	_, err := client.Pods.Restart(t.Context(), "example-go", pods.RestartOptions{Name: "example-go-web-1-abcde"})
	assert.ErrorIs(t, err, deis.ErrForbidden)
}

func TestRestartRefusesWhatAVersionWouldMisread(t *testing.T) {
	for situation, c := range map[string]struct {
		api     string
		options pods.RestartOptions
	}{
		"v1.6, a type called restart":                 {"1.6", pods.RestartOptions{Type: "restart"}},
		"v1.6, a type that begins with restart":       {"1.6", pods.RestartOptions{Type: "restarter"}},
		"v1.6, a name whose type begins with restart": {"1.6", pods.RestartOptions{Name: "restarter.1"}},
		"v1.6, a name without a number":               {"1.6", pods.RestartOptions{Name: "web"}},
		"v1.6, a number without a type":               {"1.6", pods.RestartOptions{Name: "1"}},
		"v1.6, a number that is not numeric":          {"1.6", pods.RestartOptions{Name: "web.x"}},
		"v1.6, a number with a sign":                  {"1.6", pods.RestartOptions{Name: "web.-1"}},
		"v1.6, the number 0":                          {"1.6", pods.RestartOptions{Name: "web.0"}},
		"v1.6, a name of 2.2":                         {"1.6", pods.RestartOptions{Type: "web", Name: "example-go-web-1-abcde"}},
		"v1.6, a name that contradicts the type":      {"1.6", pods.RestartOptions{Type: "worker", Name: "web.1"}},
		"2.2, a name of v1.6":                         {"2.2", pods.RestartOptions{Name: "web.1"}},
		"2.2, a name of v1.6 and its type":            {"2.2", pods.RestartOptions{Type: "web", Name: "web.1"}},
		"2.2, a type with a dot and a name":           {"2.2", pods.RestartOptions{Type: "a.b", Name: "example-go-web-1-abcde"}},
	} {
		t.Run(situation, func(t *testing.T) {
			_, err := exchange.Client(t, c.api).Pods.Restart(t.Context(), "example-go", c.options)
			assert.ErrorIs(t, err, deis.ErrInvalidArgument)
		})
	}
}

func TestListingATypeThatV16ReadsAsRestartIsRefused(t *testing.T) {
	_, err := exchange.Client(t, "1.6").Pods.List(t.Context(), "example-go", pods.ListOptions{Type: "restarter"})
	assert.ErrorIs(t, err, deis.ErrInvalidArgument)
}

const (
	getApp      = "GET /v2/apps/example-go/"
	getPods     = "GET /v2/apps/example-go/pods/"
	getSettings = "GET /v2/apps/example-go/settings/"
	postScale   = "POST /v2/apps/example-go/scale/"
)

func TestAScaleThatFailedIsNotRetried(t *testing.T) { // 2.x would respond to a repeated request with 204, and do nothing
	for _, idempotent := range [][]deis.CallOption{nil, {deis.WithIdempotent()}} {
		client := exchange.Client(t, "2.2",
			exchange.On(getApp, "", 200, `{"id": "example-go", "structure": {"web": 1}}`),
			exchange.On(postScale, `{"web": 3, "worker": 0}`, 503, `{"detail": "no"}`))
		client, err := client.With(deis.WithRetry(deis.RetryPolicy{Max: 3, MinWait: 1, MaxWait: 1}))
		require.NoError(t, err)
		err = client.Pods.Scale(t.Context(), "example-go", map[string]int{"web": 3, "worker": 0}, idempotent...)
		assert.ErrorIs(t, err, deis.ErrUnavailable)
		assert.ErrorIs(t, err, pods.ErrNotScaled)
		assert.ErrorContains(t, err, "scale to another number first")
	}
}

func TestErrNotScaledIsOnlyFor503In2x(t *testing.T) {
	v1 := exchange.Client(t, "1.6", exchange.On("POST /v1/apps/example-go/scale/", `{"web": 3}`, 503, `{"detail": "no"}`))
	err := v1.Pods.Scale(t.Context(), "example-go", map[string]int{"web": 3})
	assert.ErrorIs(t, err, deis.ErrUnavailable)
	assert.NotErrorIs(t, err, pods.ErrNotScaled, "v1.6 carries out stored numbers when the request is repeated")
	v2 := exchange.Client(t, "2.2",
		exchange.On(getApp, "", 200, `{"id": "example-go", "structure": {"web": 1}}`),
		exchange.On(postScale, `{"web": 3}`, 400, `{"detail": "no build"}`))
	assert.NotErrorIs(t, v2.Pods.Scale(t.Context(), "example-go", map[string]int{"web": 3}), pods.ErrNotScaled)
}

// running returns a list with the given number of pods of each type, in one state.
func running(state string, numbers map[string]int) string {
	list := []string{}
	for procType, number := range numbers {
		for i := range number {
			list = append(list, fmt.Sprintf(`{"name": "%s-%d", "type": "%s", "state": "%s"}`, procType, i, procType, state))
		}
	}
	return `{"results": [` + strings.Join(list, ", ") + `]}`
}

func TestScaleSendsNumbersThatTheControllerCarriesOut(t *testing.T) {
	const app = `{"id": "example-go", "structure": {"web": 3, "worker": 1}}`
	for situation, c := range map[string]struct {
		api    string
		wanted string
		reads  []exchange.Exchange
	}{
		"v1.6 carries out stored numbers": {"1.6", `{"web": 3}`, nil},
		"a different number":              {"2.2", `{"web": 2}`, []exchange.Exchange{exchange.On(getApp, "", 200, app)}},
		"one of two numbers is different": {"2.2", `{"web": 3, "worker": 2}`, []exchange.Exchange{exchange.On(getApp, "", 200, app)}},
		"a new type":                      {"2.2", `{"cron": 1}`, []exchange.Exchange{exchange.On(getApp, "", 200, app)}},
		"an odd structure":                {"2.2", `{"web": 3}`, []exchange.Exchange{exchange.On(getApp, "", 200, `{"id": "example-go", "structure": {"web": "3"}}`)}},
		"stored and carried out": {"2.2", `{"web": 3, "worker": 1}`, []exchange.Exchange{
			exchange.On(getApp, "", 200, app), exchange.On(getPods, "", 200, running("up", map[string]int{"web": 3, "worker": 1})),
		}},
		"stored, and the pods are starting": {"2.2", `{"web": 3}`, []exchange.Exchange{
			exchange.On(getApp, "", 200, app), exchange.On(getPods, "", 200, running("starting", map[string]int{"web": 3})),
		}},
		"an autoscaler has made more": {"2.3", `{"web": 3}`, []exchange.Exchange{
			exchange.On(getApp, "", 200, app), exchange.On(getPods, "", 200, running("up", map[string]int{"web": 5})),
			exchange.On(getSettings, "", 200, `{"autoscale": {"web": {"min": 1, "max": 9, "cpu_percent": 40}}}`),
		}},
	} {
		t.Run(situation, func(t *testing.T) {
			path := "POST /v" + c.api[:1] + "/apps/example-go/scale/"
			client := exchange.Client(t, c.api, append(c.reads, exchange.On(path, c.wanted, 204, ""))...)
			var wanted map[string]int
			require.NoError(t, json.Unmarshal([]byte(c.wanted), &wanted))
			require.NoError(t, client.Pods.Scale(t.Context(), "example-go", wanted))
		})
	}
}

func TestNumbersThatAreStoredButNotCarriedOutAreAnError(t *testing.T) { // the Controller would respond with 204, and do nothing
	app := exchange.On(getApp, "", 200, `{"id": "example-go", "structure": {"web": 3, "worker": 0}}`)
	for message, reads := range map[string][]exchange.Exchange{
		"app example-go: web: 3 stored, 1 listed: ": {exchange.On(getPods, "", 200, running("up", map[string]int{"web": 1}))},
		"app example-go: web: 3 stored, 0 listed: ": {exchange.On(getPods, "", 200, running("terminating", map[string]int{"web": 3}))},
		"app example-go: web: 3 stored, 4 listed: ": {
			exchange.On(getPods, "", 200, running("up", map[string]int{"web": 4})), exchange.On(getSettings, "", 200, `{"autoscale": {}}`),
		},
		"app example-go: worker: 0 stored, 2 listed: ": {exchange.On(getPods, "", 200, running("up", map[string]int{"web": 3, "worker": 2}))},
	} {
		client := exchange.Client(t, "2.3", append([]exchange.Exchange{app}, reads...)...)
		err := client.Pods.Scale(t.Context(), "example-go", map[string]int{"web": 3, "worker": 0})
		require.ErrorIs(t, err, pods.ErrNotScaled)
		assert.ErrorContains(t, err, message)
		assert.ErrorContains(t, err, "scale to another number first")
	}
}

func TestNothingIsScaledAfterARequestThatFailed(t *testing.T) {
	app := exchange.On(getApp, "", 200, `{"id": "example-go", "structure": {"web": 3}}`)
	for situation, reads := range map[string][]exchange.Exchange{
		"of the app":      {exchange.On(getApp, "", 403, `{"detail": "no"}`)},
		"of the pods":     {app, exchange.On(getPods, "", 403, `{"detail": "no"}`)},
		"of the settings": {app, exchange.On(getPods, "", 200, running("up", map[string]int{"web": 4})), exchange.On(getSettings, "", 403, `{"detail": "no"}`)},
	} {
		err := exchange.Client(t, "2.3", reads...).Pods.Scale(t.Context(), "example-go", map[string]int{"web": 3})
		assert.ErrorIs(t, err, deis.ErrForbidden, situation)
	}
}

// Real 2.2 Controllers do not page pods: they respond with the whole list to every page, and a program that requests
// pages until one is empty would never end.
func TestPagesOfPodsEndEvenIfTheControllerDoesNotPage(t *testing.T) {
	all := `{"results":[{"name":"go-v2-web-e7dej","state":"up","release":"v2","type":"web","started":"2014-01-01T00:00:00Z"}],"count":1}`
	client := exchange.Client(t, "2.2",
		exchange.On("GET /v2/apps/example-go/pods/?limit=1&page_size=1", "", 200, all),
		exchange.On("GET /v2/apps/example-go/pods/?limit=1&offset=1&page_size=1", "", 200, all),
	)
	page, err := client.Pods.List(t.Context(), "example-go", pods.ListOptions{PageSize: 1})
	require.NoError(t, err)
	assert.Len(t, page.Items, 1)
	assert.False(t, page.HasNext())
	page, err = client.Pods.List(t.Context(), "example-go", pods.ListOptions{PageSize: 1, Page: 2})
	require.NoError(t, err)
	assert.Empty(t, page.Items)
	assert.Equal(t, 1, page.Count)
}
