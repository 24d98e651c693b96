package pods_test

import (
	"context"
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

// startDelay is how long a pod takes to come up. The tests run in bubbles, where time is not real.
const startDelay = 10 * time.Second

// inBothVersions runs a story with an app that has web=2 and worker=1, which are not up yet.
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
		assert.InDelta(t, startDelay, time.Since(start), float64(time.Second)) // it looks every second
	})
}

func TestWaitReadyWithoutNumbersWaitsForAllThereAre(t *testing.T) {
	inBothVersions(t, func(t *testing.T, _ *deistest.Controller, client *deis.Client) {
		up, err := client.Pods.WaitReady(t.Context(), "example-go", pods.WaitOptions{})
		require.NoError(t, err)
		assert.Len(t, up, 3)
	})
}

func TestWaitReadySaysHowFarItCameWhenTheContextEnds(t *testing.T) {
	inBothVersions(t, func(t *testing.T, _ *deistest.Controller, client *deis.Client) {
		ctx, cancel := context.WithTimeout(t.Context(), startDelay/2)
		defer cancel()
		_, err := client.Pods.WaitReady(ctx, "example-go", pods.WaitOptions{Want: map[string]int{"web": 2, "worker": 1}})
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.EqualError(t, err, "deis: waiting for the pods of app example-go: web 0 of 2 up, worker 0 of 1 up: context deadline exceeded")
	})
}

func TestWaitReadyTellsOfACrashAtOnce(t *testing.T) {
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

func TestWaitReadyFailsWhereTheAppIsGone(t *testing.T) {
	inBothVersions(t, func(t *testing.T, _ *deistest.Controller, client *deis.Client) {
		require.NoError(t, client.Apps.Delete(t.Context(), "example-go"))
		_, err := client.Pods.WaitReady(t.Context(), "example-go", pods.WaitOptions{})
		assert.ErrorIs(t, err, deis.ErrNotFound)
	})
}

func TestWaitReadyWaitsUntilWhatIsTooManyIsGone(t *testing.T) {
	pod := func(name string) string { return `{"name":"` + name + `","type":"web","state":"up","release":"v2"}` }
	client := exchange.Client(t, "2.2",
		exchange.On("GET /v2/apps/example-go/pods/", "", 200, `{"count":2,"results":[`+pod("a")+`,`+pod("b")+`]}`),
		exchange.On("GET /v2/apps/example-go/pods/", "", 200, `{"count":1,"results":[`+pod("a")+`]}`),
	)
	up, err := client.Pods.WaitReady(t.Context(), "example-go", pods.WaitOptions{Want: map[string]int{"web": 1}, Interval: time.Millisecond})
	require.NoError(t, err)
	assert.Len(t, up, 1)
}

func TestWaitReadyGoesOnWhenTheControllerIsUpgraded(t *testing.T) {
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
