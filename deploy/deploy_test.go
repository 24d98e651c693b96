package deploy_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/builds"
	"github.com/deisgo/deis/deistest"
	"github.com/deisgo/deis/deploy"
	"github.com/deisgo/deis/internal/exchange"
	"github.com/deisgo/deis/pods"
	"github.com/deisgo/deis/version"
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
		Config:   map[string]*string{"GREETING": value("hello"), "PORT": value("5000")},
		Scale:    map[string]int{"web": 2, "worker": 1},
	}
}

// A stage is a Controller and a client of it, in a bubble where time is not real.
type stage struct {
	*deis.Client
	controller *deistest.Controller
}

// inBothVersions tells a story on a new Controller of each version.
func inBothVersions(t *testing.T, story func(t *testing.T, s stage)) {
	for _, api := range []version.API{version.V1_6, version.V2_2} {
		t.Run(api.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				controller := deistest.New(deistest.WithAPIVersion(api), deistest.WithStartDelay(startDelay))
				client, err := deis.New("http://deis.example.com", deis.WithToken(controller.Token()), deis.WithTransport(controller.Transport()))
				require.NoError(t, err)
				story(t, stage{client, controller})
			})
		})
	}
}

// deployed makes the app of plan, and fails the test if that fails.
func (s stage) deployed(t *testing.T) {
	t.Helper()
	_, err := deploy.Run(t.Context(), s.Client, plan())
	require.NoError(t, err)
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

func (s stage) running(t *testing.T) map[string]int {
	t.Helper()
	up := make(map[string]int)
	for pod, err := range s.Pods.All(t.Context(), "example-go", pods.ListOptions{}) {
		require.NoError(t, err)
		if pod.State == "up" {
			up[pod.Type]++
		}
	}
	return up
}

func TestAFirstDeployMakesEverything(t *testing.T) {
	inBothVersions(t, func(t *testing.T, s stage) {
		var steps []string
		p := plan()
		p.Progress = func(e deploy.Event) { steps = append(steps, fmt.Sprintf("%s v%d: %s", e.Step, e.Release, e.Message)) }
		result, err := deploy.Run(t.Context(), s.Client, p)
		require.NoError(t, err)
		assert.Equal(t, []string{
			"create v0: created app example-go",
			"config v1: changing GREETING, PORT",
			"config v2: changed GREETING, PORT",
			"build v2: deploying deis/example-go:v1",
			"build v3: deployed deis/example-go:v1",
			"scale v3: scaling to cmd=0 web=2 worker=1",
			"scale v3: scaled to cmd=0 web=2 worker=1",
			"wait v3: 0 of 3 pods up",
			"wait v3: 3 of 3 pods up",
		}, steps)
		assert.True(t, result.Changed())
		assert.Len(t, result.Pods, 3)
		result.Pods = nil
		assert.Equal(t, &deploy.Result{
			Created:       true,
			ConfigChanged: []string{"GREETING", "PORT"},
			Built:         true,
			Scaled:        map[string]int{"web": 2, "worker": 1, "cmd": 0},
			Previous:      1,
			Release:       3,
		}, result)
		assert.Equal(t, map[string]int{"web": 2, "worker": 1}, s.running(t), "no cmd stays")
	})
}

func TestTheSecondRunChangesNothing(t *testing.T) {
	inBothVersions(t, func(t *testing.T, s stage) {
		s.deployed(t)
		before := len(s.controller.Requests())
		result, err := deploy.Run(t.Context(), s.Client, plan())
		require.NoError(t, err)
		assert.Empty(t, s.writes(before))
		assert.False(t, result.Changed())
		assert.Equal(t, 3, result.Release)
		assert.Equal(t, 3, result.Previous)
	})
}

func TestOnlyWhatDiffersIsSent(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*deploy.Plan)
		want   []string
	}{
		"one variable":          {func(p *deploy.Plan) { p.Config["GREETING"] = value("good morning") }, []string{"POST /apps/example-go/config/"}},
		"unset":                 {func(p *deploy.Plan) { p.Config["GREETING"] = nil }, []string{"POST /apps/example-go/config/"}},
		"unset what is not set": {func(p *deploy.Plan) { p.Config["NOSUCH"] = nil }, nil},
		"a number":              {func(p *deploy.Plan) { p.Scale["web"] = 1 }, []string{"POST /apps/example-go/scale/"}},
		"an image":              {func(p *deploy.Plan) { p.Image = "deis/example-go:v2" }, []string{"POST /apps/example-go/builds/"}},
		"a command":             {func(p *deploy.Plan) { p.Procfile["worker"] = "sleep 2" }, []string{"POST /apps/example-go/builds/"}},
		"no image":              {func(p *deploy.Plan) { p.Image, p.Procfile = "", nil }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			inBothVersions(t, func(t *testing.T, s stage) {
				s.deployed(t)
				before := len(s.controller.Requests())
				p := plan()
				test.change(&p)
				_, err := deploy.Run(t.Context(), s.Client, p)
				require.NoError(t, err)
				assert.Equal(t, test.want, s.writes(before))
			})
		})
	}
}

func TestAnAppIsOnlyMadeWhereThePlanSaysSo(t *testing.T) {
	inBothVersions(t, func(t *testing.T, s stage) {
		p := plan()
		p.Create = false
		result, err := deploy.Run(t.Context(), s.Client, p)
		assert.ErrorIs(t, err, deis.ErrNotFound)
		assert.False(t, result.Changed())
		assert.Empty(t, s.writes(0))
	})
}

func TestAnImageThatDoesNotStartLeavesTheAppAsItWas(t *testing.T) {
	inBothVersions(t, func(t *testing.T, s stage) {
		s.deployed(t)
		p := plan()
		p.Image, p.Config["GREETING"], p.Rollback = "deis/example-go:k8s-fail", value("good morning"), true
		result, err := deploy.Run(t.Context(), s.Client, p)
		require.ErrorContains(t, err, "deploying app example-go: deis: POST")
		assert.True(t, result.RolledBack, "the config had changed already")
		config, err := s.Config.Get(t.Context(), "example-go")
		require.NoError(t, err)
		assert.Equal(t, "hello", config.Values["GREETING"])
		assert.Equal(t, map[string]int{"web": 2, "worker": 1}, s.running(t))
	})
}

func TestCrashingPodsAreRolledBack(t *testing.T) {
	inBothVersions(t, func(t *testing.T, s stage) {
		s.deployed(t)
		p := plan()
		p.Image, p.Rollback = "deis/example-go:v2", true
		crashed := false
		p.Progress = func(e deploy.Event) {
			if e.Step == deploy.StepWait && !crashed {
				crashed = true
				page, err := s.Pods.List(t.Context(), "example-go", pods.ListOptions{Type: "web"})
				require.NoError(t, err)
				require.NoError(t, s.controller.CrashPod("example-go", page.Items[0].Name))
			}
		}
		result, err := deploy.Run(t.Context(), s.Client, p)
		assert.ErrorIs(t, err, pods.ErrCrashed)
		assert.True(t, result.RolledBack)
		assert.Equal(t, 5, result.Release)
		build, err := s.Builds.List(t.Context(), "example-go", deis.ListOptions{})
		require.NoError(t, err)
		release, err := s.Releases.Get(t.Context(), "example-go", 5)
		require.NoError(t, err)
		first := slices.IndexFunc(build.Items, func(b builds.Build) bool { return b.UUID == release.Build })
		assert.Equal(t, "deis/example-go:v1", build.Items[first].Image)
		assert.Equal(t, map[string]int{"web": 2, "worker": 1}, s.running(t))
	})
}

func TestARollbackOutlivesTheContext(t *testing.T) {
	inBothVersions(t, func(t *testing.T, s stage) {
		s.deployed(t)
		p := plan()
		p.Image, p.Scale["web"], p.Rollback = "deis/example-go:v2", 3, true
		ctx, cancel := context.WithTimeout(t.Context(), startDelay/2)
		defer cancel()
		result, err := deploy.Run(ctx, s.Client, p)
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.ErrorContains(t, err, "web 0 of 3 up")
		assert.True(t, result.RolledBack)
		assert.Equal(t, map[string]int{"web": 2, "worker": 1}, s.running(t), "the numbers are as before, too")
	})
}

func TestAPollThatFailsIsNoReasonToRollBack(t *testing.T) {
	for name, fault := range map[string]deistest.Fault{
		"500":                {Status: http.StatusInternalServerError, Times: 3},
		"Controller is down": {Drop: true, Times: 20},
	} {
		t.Run(name, func(t *testing.T) {
			inBothVersions(t, func(t *testing.T, s stage) {
				s.deployed(t)
				p := plan()
				p.Image, p.Rollback = "deis/example-go:v2", true
				for _, collection := range []string{"pods", "containers"} {
					fault.Method, fault.Path = http.MethodGet, "/apps/*/"+collection
					s.controller.AddFault(fault)
				}
				result, err := deploy.Run(t.Context(), s.Client, p)
				require.NoError(t, err)
				assert.False(t, result.RolledBack)
				assert.Equal(t, map[string]int{"web": 2, "worker": 1}, s.running(t))
			})
		})
	}
}

func TestAPlanWithoutAProcfileKeepsTheOneThereIs(t *testing.T) {
	inBothVersions(t, func(t *testing.T, s stage) {
		s.deployed(t)
		p := plan()
		p.Image, p.Procfile = "deis/example-go:v2", nil
		_, err := deploy.Run(t.Context(), s.Client, p)
		require.NoError(t, err)
		page, err := s.Builds.List(t.Context(), "example-go", deis.ListOptions{})
		require.NoError(t, err)
		assert.Equal(t, plan().Procfile, page.Items[0].Procfile)
		before := len(s.controller.Requests())
		_, err = deploy.Run(t.Context(), s.Client, p)
		require.NoError(t, err)
		assert.Empty(t, s.writes(before))
	})
}

func TestAFailureBeforeAnythingWasSentIsNotRolledBack(t *testing.T) {
	inBothVersions(t, func(t *testing.T, s stage) {
		s.deployed(t)
		s.controller.AddFault(deistest.Fault{Method: http.MethodGet, Path: "/apps/*", Status: http.StatusInternalServerError})
		before := len(s.controller.Requests())
		p := plan()
		p.Rollback = true
		_, err := deploy.Run(t.Context(), s.Client, p)
		assert.ErrorIs(t, err, deis.ErrServer)
		assert.NotContains(t, err.Error(), "rolled back")
		assert.Len(t, s.controller.Requests()[before:], 1, "there is nothing to be patient for yet")
	})
}

func TestABuildThatWasNeverSentIsNotLookedFor(t *testing.T) {
	server := deistest.NewServer()
	client, err := deis.New(server.URL, deis.WithToken(server.Token), deis.WithRetry(deis.RetryPolicy{}))
	require.NoError(t, err)
	p := plan()
	p.Progress = func(e deploy.Event) {
		if e.Message == "deploying deis/example-go:v1" {
			server.Close()
			client.CloseIdleConnections()
		}
		assert.NotContains(t, e.Message, "looking at the releases")
	}
	_, err = deploy.Run(t.Context(), client, p)
	assert.ErrorIs(t, err, exchange.ConnRefused)
}

func TestAFirstDeployHasNothingToRollBackTo(t *testing.T) {
	inBothVersions(t, func(t *testing.T, s stage) {
		p := plan()
		p.Image, p.Rollback = "deis/nonexistent:1", true
		result, err := deploy.Run(t.Context(), s.Client, p)
		assert.ErrorContains(t, err, "not rolled back: the app ran nothing before")
		assert.False(t, result.RolledBack)
	})
}

func TestAScaleThatFailsCanBeRunAgain(t *testing.T) {
	inBothVersions(t, func(t *testing.T, s stage) {
		s.deployed(t)
		p := plan()
		p.Scale["web"] = 99 // more than there is room for
		_, err := deploy.Run(t.Context(), s.Client, p)
		require.ErrorIs(t, err, deis.ErrUnavailable)
		app, err := s.Apps.Get(t.Context(), "example-go")
		require.NoError(t, err)
		assert.Equal(t, 2, app.Structure["web"])

		p.Scale["web"] = 3
		_, err = deploy.Run(t.Context(), s.Client, p)
		require.NoError(t, err)
		assert.Equal(t, map[string]int{"web": 3, "worker": 1}, s.running(t))
	})
}

func TestBadPlansSendNothing(t *testing.T) {
	inBothVersions(t, func(t *testing.T, s stage) {
		for name, change := range map[string]func(*deploy.Plan){
			"no app":                   func(p *deploy.Plan) { p.App = "" },
			"another app's prefix":     func(p *deploy.Plan) { p.App = "hz_other" },
			"negative number":          func(p *deploy.Plan) { p.Scale["web"] = -1 },
			"process type with slash":  func(p *deploy.Plan) { p.Scale["a/b"] = 1 },
			"Procfile without image":   func(p *deploy.Plan) { p.Image = "" },
			"config key of two words":  func(p *deploy.Plan) { p.Config["A KEY"] = value("x") },
			"image of two words":       func(p *deploy.Plan) { p.Image = "a b" },
			"negative interval":        func(p *deploy.Plan) { p.Interval = -1 },
			"type not in the Procfile": func(p *deploy.Plan) { p.Scale["wbe"] = 1 },
			"nothing, and an empty id": func(p *deploy.Plan) { *p = deploy.Plan{} },
		} {
			p := plan()
			change(&p)
			_, err := deploy.Run(t.Context(), s.Client, p)
			assert.ErrorIs(t, err, deis.ErrInvalidArgument, name)
		}
		assert.Empty(t, s.controller.Requests())
	})
}

func TestPrintingAPlanShowsNoValues(t *testing.T) {
	p := plan()
	p.Config["SECRET"] = value("canary")
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		assert.NotContains(t, fmt.Sprintf(verb, p), "canary")
		assert.NotContains(t, fmt.Sprintf(verb, p), "hello")
		assert.Contains(t, fmt.Sprintf(verb, p), "SECRET")
	}
}

func TestATypeThatTheProcfileDoesNotHaveIsNamed(t *testing.T) {
	inBothVersions(t, func(t *testing.T, s stage) {
		p := plan()
		p.Scale["wbe"] = 1
		_, err := deploy.Run(t.Context(), s.Client, p)
		assert.ErrorContains(t, err, `process type "wbe"`)
		assert.ErrorContains(t, err, "web, worker")
	})
}

func TestCmdCanBeScaledWhateverTheProcfileNames(t *testing.T) {
	inBothVersions(t, func(t *testing.T, s stage) {
		p := plan()
		p.Scale = map[string]int{"cmd": 2, "web": 1}
		_, err := deploy.Run(t.Context(), s.Client, p)
		require.NoError(t, err)
		assert.Equal(t, map[string]int{"cmd": 2, "web": 1}, s.running(t))
	})
}

func TestItIsToldWhenNothingOfTheProcfileRuns(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*deploy.Plan)
		want   string
	}{
		"a first deploy":     {func(p *deploy.Plan) { p.Scale = nil }, "no process of web or worker is asked for: only cmd=1 runs; scale them"},
		"scaled to none":     {func(p *deploy.Plan) { p.Scale = map[string]int{"web": 0} }, "no process of web or worker is asked for: nothing runs; scale them"},
		"one type is enough": {func(p *deploy.Plan) { p.Scale = map[string]int{"worker": 1} }, ""},
		"cmd is a type":      {func(p *deploy.Plan) { p.Procfile, p.Scale = map[string]string{"cmd": "run"}, nil }, ""},
		"no Procfile":        {func(p *deploy.Plan) { p.Procfile, p.Scale = nil, nil }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			inBothVersions(t, func(t *testing.T, s stage) {
				var told []string
				p := plan()
				test.change(&p)
				p.Progress = func(e deploy.Event) {
					if strings.Contains(e.Message, "asked for") {
						assert.Equal(t, deploy.StepScale, e.Step)
						told = append(told, e.Message)
					}
				}
				_, err := deploy.Run(t.Context(), s.Client, p)
				require.NoError(t, err)
				assert.Equal(t, test.want, strings.Join(told, "\n"))
			})
		})
	}
}
