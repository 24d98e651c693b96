package deploy_test

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/config"
	"github.com/deisgo/deis/deistest"
	"github.com/deisgo/deis/deploy"
	"github.com/deisgo/deis/internal/exchange"
	"github.com/deisgo/deis/pods"
)

const startDelay = 3 * time.Second

func value(s string) *string { return &s }

// plan is a plan for a new app.
func plan() deploy.Plan {
	return deploy.Plan{
		App:      "example-go",
		Create:   true,
		Image:    "deis/example-go:v1",
		Procfile: map[string]string{"web": "example-go", "worker": "sleep 1"},
		Config:   config.Changes{Values: map[string]*string{"GREETING": value("hello"), "PORT": value("5000")}},
		Scale:    map[string]int{"web": 2, "worker": 1},
	}
}

// A stage is a Controller and a client of it, in a bubble where time is not real.
type stage struct {
	*deis.Client
	controller *deistest.Controller
}

// onAll tells a story on a new Controller of each version.
func onAll(t *testing.T, story func(t *testing.T, s stage), opts ...deistest.Option) {
	for _, name := range slices.Sorted(maps.Keys(controllers)) {
		t.Run(name, func(t *testing.T) { on(t, name, story, opts...) })
	}
}

// on tells a story on a new Controller.
func on(t *testing.T, name string, story func(t *testing.T, s stage), opts ...deistest.Option) {
	synctest.Test(t, func(t *testing.T) {
		controller := deistest.New(slices.Concat(controllers[name], []deistest.Option{deistest.WithStartDelay(startDelay)}, opts)...)
		client, err := deis.New("http://deis.example.com", deis.WithToken(controller.Token()), deis.WithTransport(controller.Transport()))
		require.NoError(t, err)
		story(t, stage{client, controller})
	})
}

// deployed makes the app of plan.
func (s stage) deployed(t *testing.T) {
	t.Helper()
	_, err := deploy.Run(t.Context(), s.Client, plan())
	require.NoError(t, err)
}

// is fails the test unless the app is what a plan says.
func (s stage) is(t *testing.T, p deploy.Plan) {
	t.Helper()
	assert.Empty(t, missing(p, s.truth(t)))
}

// writes lists the requests since then that change something, without their version.
func (s stage) writes(since int) []string {
	var all []string
	for _, request := range s.controller.Requests()[since:] {
		if request.Method != http.MethodGet {
			all = append(all, request.Method+" "+request.Path[len("/v2"):])
		}
	}
	return all
}

// before makes a client at whose first matching request something happens first.
func (s stage) before(t *testing.T, method, path string, something func()) *deis.Client {
	t.Helper()
	done := false
	return s.through(t, func(r *http.Request) (*http.Response, error) {
		if !done && r.Method == method && strings.HasSuffix(r.URL.Path, path) {
			done = true
			something()
		}
		return s.controller.Transport().RoundTrip(r)
	})
}

// through makes a client of the Controller whose requests go through something.
func (s stage) through(t *testing.T, something exchange.RoundTrip) *deis.Client {
	t.Helper()
	client, err := deis.New("http://deis.example.com", deis.WithToken(s.controller.Token()), deis.WithTransport(something))
	require.NoError(t, err)
	return client
}

// crashing makes a plan fail while it waits: one of the web pods that it started crashes.
func (s stage) crashing(t *testing.T, p *deploy.Plan) {
	crashed := false
	p.Progress = func(e deploy.Event) {
		if e.Step != deploy.StepWait || e.Up >= e.Want || crashed {
			return
		}
		_, _ = s.Apps.Get(context.Background(), "example-go")                                       // after an upgrade one call fails
		page, err := s.Pods.List(context.Background(), "example-go", pods.ListOptions{Type: "web"}) // the test's context is of outside the bubble
		require.NoError(t, err)
		if crashed = len(page.Items) > 0; !crashed { // somebody else has stopped them
			return
		}
		require.NoError(t, s.controller.CrashPod("example-go", page.Items[0].Name))
	}
}
