package deploy_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/config"
	"github.com/deisgo/deis/deploy"
	"github.com/deisgo/deis/pods"
	"github.com/deisgo/deis/settings"
	"github.com/deisgo/deis/version"
)

func TestAFirstDeployCreatesEverything(t *testing.T) {
	onAll(t, func(t *testing.T, s stage) {
		var steps []string
		p := plan()
		p.Domains = []string{"www.example.com"}
		p.Progress = func(e deploy.Event) {
			message := strings.Replace(e.Message, "cmd=0 ", "", 1) // which late Controllers do not start
			steps = append(steps, fmt.Sprintf("%s v%d: %s", e.Step, e.Release, message))
		}
		result, err := deploy.Run(t.Context(), s.Client, p)
		require.NoError(t, err)
		assert.Equal(t, []string{
			"create v0: creating app example-go",
			"create v1: created app example-go",
			"config v1: changing GREETING, PORT",
			"config v2: changed GREETING, PORT",
			"build v2: deploying deis/example-go:v1",
			"build v3: deployed deis/example-go:v1",
			"scale v3: scaling to web=2 worker=1",
			"scale v3: scaled to web=2 worker=1",
			"domains v3: adding domain www.example.com",
			"domains v3: added domain www.example.com",
			"wait v3: 0 of 3 pods up",
			"wait v3: 3 of 3 pods up",
		}, steps)
		assert.True(t, result.Changed())
		assert.Len(t, result.Pods, 3)
		result.Pods = nil
		delete(result.Scaled, "cmd")
		assert.Equal(t, &deploy.Result{
			Created:       true,
			ConfigChanged: []string{"GREETING", "PORT"},
			Built:         true,
			Scaled:        map[string]int{"web": 2, "worker": 1},
			DomainsAdded:  []string{"www.example.com"},
			Previous:      1,
			Release:       3,
		}, result)
		s.is(t, p)
		assert.Zero(t, s.truth(t).live["cmd"], "no cmd stays")
	})
}

func TestASecondRunChangesNothingWithSixRequests(t *testing.T) {
	onAll(t, func(t *testing.T, s stage) {
		s.deployed(t)
		before := len(s.controller.Requests())
		client := s.through(t, s.controller.Transport().RoundTrip) // a new program, which asks for the version, too
		result, err := deploy.Run(t.Context(), client, plan())
		require.NoError(t, err)
		assert.Empty(t, s.writes(before))
		assert.False(t, result.Changed())
		assert.Equal(t, 3, result.Release)
		assert.Equal(t, 3, result.Previous)
		assert.Len(t, s.controller.Requests()[before:], 6)
	})
}

func TestWaitingObservesEverySecondAtFirstAndEveryFiveSecondsLater(t *testing.T) {
	on(t, "2.3", func(t *testing.T, s stage) {
		p := plan()
		p.Timeout = 10 * time.Minute
		s.controller.AddFault(podsThatNeverStart)
		var looks []time.Time
		client := s.through(t, func(r *http.Request) (*http.Response, error) {
			if strings.HasSuffix(r.URL.Path, "/pods/") {
				looks = append(looks, time.Now())
			}
			return s.controller.Transport().RoundTrip(r)
		})
		_, err := deploy.Run(t.Context(), client, p)
		require.ErrorIs(t, err, deploy.ErrTimeout)
		waiting := looks[6 : len(looks)-3] // after the changes, before the look at the end
		assert.Greater(t, len(waiting), 100)
		for i, at := range waiting[1:] {
			atLeast := time.Second
			if at.Sub(waiting[0]) > 2*time.Minute {
				atLeast = 5 * time.Second
			}
			assert.GreaterOrEqual(t, at.Sub(waiting[i]), atLeast)
		}
	})
}

func TestOnlyDifferencesAreSent(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*deploy.Plan)
		want   []string
	}{
		"one variable":          {func(p *deploy.Plan) { p.Config.Values["GREETING"] = value("good morning") }, []string{"POST /apps/example-go/config/"}},
		"unset":                 {func(p *deploy.Plan) { p.Config.Values["GREETING"] = nil }, []string{"POST /apps/example-go/config/"}},
		"unset what is not set": {func(p *deploy.Plan) { p.Config.Values["NOSUCH"] = nil }, nil},
		"a limit": {func(p *deploy.Plan) { p.Config.Memory = map[string]*string{"web": value("128M")} },
			[]string{"POST /apps/example-go/config/"}},
		"a number":             {func(p *deploy.Plan) { p.Scale["web"] = 1 }, []string{"POST /apps/example-go/scale/"}},
		"an image":             {func(p *deploy.Plan) { p.Image = "deis/example-go:v2" }, []string{"POST /apps/example-go/builds/"}},
		"the image once more":  {func(p *deploy.Plan) { p.Force = true }, []string{"POST /apps/example-go/builds/"}},
		"a command":            {func(p *deploy.Plan) { p.Procfile["worker"] = "sleep 2" }, []string{"POST /apps/example-go/builds/"}},
		"no image":             {func(p *deploy.Plan) { p.Image, p.Procfile = "", nil }, nil},
		"no Procfile":          {func(p *deploy.Plan) { p.Procfile = nil }, nil},
		"none of what is gone": {func(p *deploy.Plan) { p.Scale["clock"] = 0 }, nil},
		"a domain":             {func(p *deploy.Plan) { p.Domains = []string{"www.example.com"} }, []string{"POST /apps/example-go/domains/"}},
	} {
		t.Run(name, func(t *testing.T) {
			onAll(t, func(t *testing.T, s stage) {
				s.deployed(t)
				p := plan()
				test.change(&p)
				client := s.through(t, s.controller.Transport().RoundTrip)
				changes, err := deploy.Diff(t.Context(), client, p)
				require.NoError(t, err)
				assert.Len(t, changes, len(test.want))
				before := len(s.controller.Requests())
				_, err = deploy.Run(t.Context(), client, p)
				require.NoError(t, err)
				assert.Equal(t, test.want, s.writes(before))
				if p.Force = false; name != "no image" && name != "no Procfile" {
					before = len(s.controller.Requests())
					_, err = deploy.Run(t.Context(), client, p)
					require.NoError(t, err)
					assert.Empty(t, s.writes(before), "the second time")
				}
			})
		})
	}
}

func TestSettingsNeedAPI23(t *testing.T) {
	on := true
	onAll(t, func(t *testing.T, s stage) {
		s.deployed(t)
		p := plan()
		p.Maintenance, p.Autoscale = &on, map[string]*settings.Autoscale{"web": {Min: 3, Max: 5, CPUPercent: 50}, "worker": nil}
		before := len(s.controller.Requests())
		result, err := deploy.Run(t.Context(), s.Client, p)
		if s.controller.APIVersion() != version.V2_3 {
			var unsupported *version.UnsupportedError
			require.ErrorAs(t, err, &unsupported)
			assert.Empty(t, s.writes(before))
			return
		}
		require.NoError(t, err)
		assert.Equal(t, []string{"autoscale.web", "maintenance"}, result.SettingsChanged)
		assert.Equal(t, []string{"POST /apps/example-go/settings/"}, s.writes(before))
		assert.Len(t, result.Pods, 4, "an autoscaler wants more than the structure says")
		before = len(s.controller.Requests())
		result, err = deploy.Run(t.Context(), s.Client, p)
		require.NoError(t, err)
		assert.Empty(t, s.writes(before))
		assert.False(t, result.Changed())
	})
}

func TestAnAutoscaledTypeIsJudgedByItsMinimum(t *testing.T) {
	on(t, "2.3", func(t *testing.T, s stage) {
		s.deployed(t)
		_, err := s.Settings.Set(t.Context(), "example-go", settings.Changes{Autoscale: map[string]*settings.Autoscale{"web": {Min: 1, Max: 5, CPUPercent: 50}}})
		require.NoError(t, err)
		require.NoError(t, s.controller.Autoscale("example-go", "web", 1))
		before := len(s.controller.Requests())
		_, err = deploy.Run(t.Context(), s.Client, plan())
		require.NoError(t, err)
		assert.Empty(t, s.writes(before))
	})
}

func TestDiffListsTheChangesInOrderAndMakesNone(t *testing.T) {
	onAll(t, func(t *testing.T, s stage) {
		p := plan()
		p.Domains = []string{"www.example.com"}
		changes, err := deploy.Diff(t.Context(), s.Client, p)
		require.NoError(t, err)
		data, err := json.Marshal(changes)
		require.NoError(t, err)
		assert.JSONEq(t, `[
			{"step": "create", "what": "create app example-go"},
			{"step": "config", "what": "change GREETING, PORT"},
			{"step": "build", "what": "deploy deis/example-go:v1"},
			{"step": "scale", "what": "scale to web=2 worker=1"},
			{"step": "domains", "what": "add domain www.example.com"}
		]`, string(data))
		assert.Empty(t, s.writes(0))
		p.Create = false
		_, err = deploy.Diff(t.Context(), s.Client, p)
		assert.ErrorIs(t, err, deis.ErrNotFound)
		s.deployed(t)
		changes, err = deploy.Diff(t.Context(), s.Client, plan())
		require.NoError(t, err)
		assert.Equal(t, []deploy.Change{}, changes, "which is [] in JSON")
	})
}

func TestAnAppIsCreatedOnlyIfThePlanSaysSo(t *testing.T) {
	onAll(t, func(t *testing.T, s stage) {
		p := plan()
		p.Create = false
		result, err := deploy.Run(t.Context(), s.Client, p)
		assert.ErrorIs(t, err, deis.ErrNotFound)
		assert.False(t, result.Changed())
		assert.Empty(t, s.writes(0))
	})
}

func TestABadPlanSendsNothing(t *testing.T) {
	on(t, "2.3", func(t *testing.T, s stage) {
		for name, change := range map[string]func(*deploy.Plan){
			"no app":                      func(p *deploy.Plan) { p.App = "" },
			"another app's prefix":        func(p *deploy.Plan) { p.App = "hz_other" },
			"negative number":             func(p *deploy.Plan) { p.Scale["web"] = -1 },
			"process type with slash":     func(p *deploy.Plan) { p.Scale["a/b"] = 1 },
			"type of that name in a file": func(p *deploy.Plan) { p.Procfile["a/b"] = "x" },
			"Procfile without image":      func(p *deploy.Plan) { p.Image = "" },
			"SHA without image":           func(p *deploy.Plan) { p.Image, p.Procfile, p.Scale, p.SHA = "", nil, nil, "abc" },
			"Dockerfile without image":    func(p *deploy.Plan) { p.Image, p.Procfile, p.Scale, p.Dockerfile = "", nil, nil, "FROM x" },
			"autoscaler of no type": func(p *deploy.Plan) {
				p.Autoscale = map[string]*settings.Autoscale{"wbe": {Min: 1, Max: 2, CPUPercent: 50}}
			},
			"Force without image":      func(p *deploy.Plan) { p.Image, p.Procfile, p.Scale, p.Force = "", nil, nil, true },
			"config key of two words":  func(p *deploy.Plan) { p.Config.Values["A KEY"] = value("x") },
			"image of two words":       func(p *deploy.Plan) { p.Image = "a b" },
			"negative interval":        func(p *deploy.Plan) { p.Interval = -1 },
			"negative timeout":         func(p *deploy.Plan) { p.Timeout = -1 },
			"type not in the Procfile": func(p *deploy.Plan) { p.Scale["wbe"] = 1 },
			"domain of two words":      func(p *deploy.Plan) { p.Domains = []string{"a b"} },
			"the same domain twice":    func(p *deploy.Plan) { p.Domains = []string{"www.example.com", "WWW.example.com."} },
			"a domain not in ASCII":    func(p *deploy.Plan) { p.Domains = []string{"bücher.example.com"} },
			"max below min": func(p *deploy.Plan) {
				p.Autoscale = map[string]*settings.Autoscale{"web": {Min: 2, Max: 1, CPUPercent: 50}}
			},
			"nothing, and an empty id": func(p *deploy.Plan) { *p = deploy.Plan{} },
		} {
			p := plan()
			change(&p)
			_, err := deploy.Run(t.Context(), s.Client, p)
			assert.ErrorIs(t, err, deis.ErrInvalidArgument, name)
			_, err = deploy.Diff(t.Context(), s.Client, p)
			assert.ErrorIs(t, err, deis.ErrInvalidArgument, name)
		}
		assert.Empty(t, s.controller.Requests())
	})
}

func TestScalingATypeThatTheProcfileLacksIsRefusedBeforeAnythingIsSent(t *testing.T) {
	onAll(t, func(t *testing.T, s stage) {
		p := plan()
		p.Procfile = nil
		_, err := deploy.Run(t.Context(), s.Client, p)
		require.ErrorIs(t, err, deis.ErrInvalidArgument)
		assert.ErrorContains(t, err, `process type "web" is not in the Procfile: there is none`)
		p.Image = ""
		_, err = deploy.Run(t.Context(), s.Client, p)
		require.ErrorIs(t, err, deis.ErrInvalidArgument)
		assert.Empty(t, s.writes(0))

		s.deployed(t)
		p.Image, p.Scale["wbe"] = "deis/example-go:v2", 1
		before := len(s.controller.Requests())
		_, err = deploy.Run(t.Context(), s.Client, p)
		require.ErrorIs(t, err, deis.ErrInvalidArgument)
		assert.ErrorContains(t, err, `process type "wbe" is not in the Procfile: web, worker`)
		assert.Empty(t, s.writes(before))
	})
}

func TestPrintingAPlanShowsNoValues(t *testing.T) {
	p := plan()
	p.Config.Values["SECRET"] = value("canary")
	p.Config.Registry = map[string]*string{"password": value("canary")}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		assert.NotContains(t, fmt.Sprintf(verb, p), "canary")
		assert.Contains(t, fmt.Sprintf(verb, p), "SECRET")
	}
}

func TestAPlanWithoutAProcfileKeepsTheCurrentOne(t *testing.T) {
	onAll(t, func(t *testing.T, s stage) {
		s.deployed(t)
		p := plan()
		p.Image, p.Procfile = "deis/example-go:v2", nil
		_, err := deploy.Run(t.Context(), s.Client, p)
		require.NoError(t, err)
		p.Procfile = plan().Procfile
		s.is(t, p)
	})
}

func TestCmdCanBeScaledEvenIfTheProcfileLacksIt(t *testing.T) {
	onAll(t, func(t *testing.T, s stage) {
		p := plan()
		p.Scale = map[string]int{"cmd": 2, "web": 1}
		_, err := deploy.Run(t.Context(), s.Client, p)
		require.NoError(t, err)
		assert.Equal(t, map[string]int{"cmd": 2, "web": 1}, s.truth(t).up)
		require.NoError(t, s.Pods.Scale(t.Context(), "example-go", map[string]int{"cmd": 3}))
		p.Scale = map[string]int{"web": 1}
		result, err := deploy.Run(t.Context(), s.Client, p)
		require.NoError(t, err)
		assert.False(t, result.Changed(), "what was scaled by hand stays")
	})
}

// 2.x Controllers make a health check of HEALTHCHECK_URL, and do not list it, so that it seems to differ each time.
func TestAVariableThatTheControllerStoresElsewhereDoesNotFailTheNextRun(t *testing.T) {
	onAll(t, func(t *testing.T, s stage) {
		p := plan()
		p.Config.Values["HEALTHCHECK_URL"] = value("/")
		_, err := deploy.Run(t.Context(), s.Client, p)
		require.NoError(t, err)
		said := ""
		p.Progress = func(e deploy.Event) { said += e.Message + "\n" }
		result, err := deploy.Run(t.Context(), s.Client, p)
		require.NoError(t, err)
		assert.False(t, result.Changed())
		assert.Equal(t, s.controller.APIVersion().Major >= 2, strings.Contains(said, "no need to change HEALTHCHECK_URL\n"), said)
	})
}

func TestHealthChecksAndLoginsAreComparedByContent(t *testing.T) {
	for _, name := range []string{"2.2", "2.3"} {
		on(t, name, func(t *testing.T, s stage) {
			p := plan()
			p.Config.Healthcheck = map[string]config.Healthcheck{"web": {config.LivenessProbe: {HTTPGet: &config.HTTPGet{Path: "/", Port: 5000}}}}
			p.Config.Registry = map[string]*string{"Username": value("bob"), "Password": value("secret")}
			result, err := deploy.Run(t.Context(), s.Client, p)
			require.NoError(t, err)
			assert.Equal(t, []string{"GREETING", "PORT", "healthcheck.web", "registry.password", "registry.username"}, result.ConfigChanged)
			result, err = deploy.Run(t.Context(), s.Client, p)
			require.NoError(t, err)
			assert.False(t, result.Changed())
			p.Config.Healthcheck["web"] = nil
			result, err = deploy.Run(t.Context(), s.Client, p)
			require.NoError(t, err)
			assert.Equal(t, []string{"healthcheck.web"}, result.ConfigChanged)
		})
	}
}

func TestProgressSaysWhenNoTypeOfTheProcfileRuns(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*deploy.Plan)
		want   string
	}{
		"a first deploy":     {func(p *deploy.Plan) { p.Scale = nil }, "only cmd=1 runs: scale web or worker up"},
		"scaled to none":     {func(p *deploy.Plan) { p.Scale = map[string]int{"web": 0} }, "nothing runs: scale web or worker up"},
		"one type is enough": {func(p *deploy.Plan) { p.Scale = map[string]int{"worker": 1} }, ""},
		"cmd is a type":      {func(p *deploy.Plan) { p.Procfile, p.Scale = map[string]string{"cmd": "run"}, nil }, ""},
		"no Procfile":        {func(p *deploy.Plan) { p.Procfile, p.Scale = nil, nil }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			on(t, "2.2", func(t *testing.T, s stage) {
				var told []string
				p := plan()
				test.change(&p)
				p.Progress = func(e deploy.Event) {
					if strings.Contains(e.Message, " runs: scale ") {
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

func TestAMovingTagIsNotDeployedAgainSilently(t *testing.T) {
	onAll(t, func(t *testing.T, s stage) {
		s.deployed(t)
		p, told := plan(), ""
		p.Progress = func(e deploy.Event) { told += e.Message + "\n" }
		_, err := deploy.Run(t.Context(), s.Client, p)
		require.NoError(t, err)
		assert.Contains(t, told, "the app already runs deis/example-go:v1: use force to deploy it again\n")
	})
}

func TestProgressIsCalledAtLeastEveryTenSeconds(t *testing.T) {
	onAll(t, func(t *testing.T, s stage) {
		s.deployed(t)
		p := plan()
		update(&p)
		last, longest, beats := time.Duration(0), time.Duration(0), 0
		p.Progress = func(e deploy.Event) {
			longest, last = max(longest, e.Elapsed-last), e.Elapsed
			if e.Message == "still deploying deis/example-go:v2" {
				beats++
			}
		}
		_, err := deploy.Run(t.Context(), s.Client, p)
		require.NoError(t, err)
		assert.Greater(t, last, time.Minute)
		assert.LessOrEqual(t, longest, 10*time.Second)
		assert.Greater(t, beats, 3)
	}, withSlowDeploys)
}

func TestPodsThatCameUpAreCounted(t *testing.T) {
	onAll(t, func(t *testing.T, s stage) {
		result, err := deploy.Run(t.Context(), s.Client, plan())
		require.NoError(t, err)
		for _, pod := range result.Pods {
			assert.Equal(t, pods.StateUp, pod.State)
		}
	})
}
