package deploy_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/apps"
	"github.com/deisgo/deis/builds"
	"github.com/deisgo/deis/config"
	"github.com/deisgo/deis/deistest"
	"github.com/deisgo/deis/deploy"
	"github.com/deisgo/deis/pods"
	"github.com/deisgo/deis/settings"
	"github.com/deisgo/deis/version"
)

// withSlowDeploys makes deploys take a minute.
var withSlowDeploys = deistest.WithDeployDelay(time.Minute)

// podsThatNeverStart makes a 2.x Controller show the pods of plan as if they never came up.
var podsThatNeverStart = deistest.Fault{Method: "GET", Path: "/apps/*/pods", Status: 200, Body: `{"count":3,"results":[
	{"name":"web-1","type":"web","state":"starting","release":"v3"},
	{"name":"web-2","type":"web","state":"up","release":"v3"},
	{"name":"worker-1","type":"worker","state":"creating","release":"v3"}]}`}

// updated is the plan of an update that goes back if it fails.
func updated() deploy.Plan {
	p := plan()
	update(&p)
	p.Rollback = true
	return p
}

func TestCrashingPodsAreRolledBackAndTheErrorSaysWhy(t *testing.T) {
	onAll(t, func(t *testing.T, s stage) {
		s.deployed(t)
		require.NoError(t, s.controller.AddLog("example-go", "panic: no database\x1b[31m"))
		p := updated()
		p.LogLines = 20
		s.crashing(t, &p)
		result, err := deploy.Run(t.Context(), s.Client, p)
		require.ErrorIs(t, err, pods.ErrCrashed)
		assert.Regexp(t, `^deploying app example-go: deis: a pod crashed: web 0 of 3 up \(\S+ is crashed, .*; rolled back to v3$`, err.Error())
		var failed *deploy.Error
		require.ErrorAs(t, err, &failed)
		assert.Equal(t, deploy.StepWait, failed.Step)
		assert.Len(t, failed.Pods, 4)
		assert.Contains(t, strings.Join(failed.Log, "\n"), "panic: no database [31m")
		assert.Empty(t, failed.Undone)
		assert.True(t, result.RolledBack)
		assert.False(t, result.Built)
		assert.Equal(t, 6, result.Release)
		s.is(t, plan())
	})
}

func TestADeployThatTheControllerFailsIsRolledBack(t *testing.T) {
	onAll(t, func(t *testing.T, s stage) {
		s.deployed(t)
		p := updated()
		p.Image = "deis/example-go:k8s-fail-worker"
		result, err := deploy.Run(t.Context(), s.Client, p)
		require.ErrorContains(t, err, "deploying app example-go: deis: POST")
		assert.True(t, result.RolledBack, "the config had changed already")
		var failed *deploy.Error
		require.ErrorAs(t, err, &failed)
		assert.Equal(t, deploy.StepBuild, failed.Step)
		if strings.HasSuffix(t.Name(), "/2.3") { // the only one that keeps failed releases
			assert.Contains(t, failed.Exception, "There was a problem deploying v5")
		} else {
			assert.Empty(t, failed.Exception)
		}
		s.is(t, plan())
	})
}

// A 2.2 Controller then withdraws the release, but the process types that were updated stay on it, hidden.
func TestPodsThatAFailedDeployTookAwayComeBack(t *testing.T) {
	onAll(t, func(t *testing.T, s stage) {
		for _, rollback := range []bool{true, false} {
			_ = s.Apps.Delete(t.Context(), "example-go")
			s.deployed(t)
			p := plan()
			p.Image, p.Rollback = "deis/example-go:k8s-fail-worker", rollback
			_, err := deploy.Run(t.Context(), s.Client, p)
			require.Error(t, err)
			_, err = deploy.Run(bounded(t), s.Client, deploy.Plan{App: "example-go", Scale: plan().Scale})
			require.NoError(t, err)
			s.is(t, plan())
		}
	})
}

// A v1.6 Controller destroys the containers of a type that a build lacks, and keeps its number.
func TestATypeThatTheBuildDroppedIsNotWaitedFor(t *testing.T) {
	onAll(t, func(t *testing.T, s stage) {
		s.deployed(t)
		p := updated()
		dropType(&p)
		for range 2 {
			start := time.Now()
			_, err := deploy.Run(bounded(t), s.Client, p)
			require.NoError(t, err)
			assert.Less(t, time.Since(start), 10*time.Second)
		}
	})
}

func TestTheFormerNumbersComeBackWithTheRelease(t *testing.T) {
	for _, name := range []string{"new type and crash", "dropped type and crash"} {
		t.Run(name, func(t *testing.T) {
			onAll(t, func(t *testing.T, s stage) {
				s.deployed(t)
				before := s.truth(t)
				p := plan()
				p.Rollback = true
				scenarios[name].change(&p)
				s.crashing(t, &p)
				result, err := deploy.Run(bounded(t), s.Client, p)
				require.ErrorIs(t, err, pods.ErrCrashed)
				assert.Empty(t, s.truth(t).differs(before))
				assert.Empty(t, result.Scaled)
				assert.True(t, result.RolledBack)
			})
		})
	}
}

func TestSettingsComeBack(t *testing.T) {
	on(t, "2.3", func(t *testing.T, s stage) {
		s.deployed(t)
		p := updated()
		yes := true
		p.Maintenance, p.Autoscale = &yes, map[string]*settings.Autoscale{"web": {Min: 3, Max: 5, CPUPercent: 50}}
		p.Domains = []string{"www.example.com"}
		s.crashing(t, &p)
		result, err := deploy.Run(t.Context(), s.Client, p)
		require.ErrorIs(t, err, pods.ErrCrashed)
		require.ErrorContains(t, err, "; rolled back to v3, domains stay: www.example.com")
		assert.Empty(t, result.SettingsChanged)
		have, err := s.Settings.Get(t.Context(), "example-go")
		require.NoError(t, err)
		assert.False(t, have.Maintenance)
		assert.Empty(t, have.Autoscale)
	})
}

// Controllers go on with a deploy whose client has left, and it overwrites a rollback that was faster.
func TestGoingBackWaitsForADeployThatIsUnderWay(t *testing.T) {
	onAll(t, func(t *testing.T, s stage) {
		s.deployed(t)
		before := s.truth(t)
		ctx, cancel := context.WithCancel(t.Context())
		p, told := updated(), ""
		p.Progress = func(e deploy.Event) {
			if told += e.Message + "\n"; e.Message == "deploying deis/example-go:v2" {
				time.AfterFunc(10*time.Second, cancel)
			}
		}
		_, err := deploy.Run(ctx, s.Client, p)
		require.ErrorIs(t, err, context.Canceled)
		assert.NotErrorIs(t, err, deploy.ErrUndone)
		assert.Contains(t, told, "stopping: waiting up to 2m0s for the response to what was sent")
		assert.Empty(t, s.truth(t).differs(before))
		time.Sleep(time.Hour)
		assert.Empty(t, s.truth(t).differs(before))
	}, withSlowDeploys)
}

func TestGoingBackWaitsForADeployWhoseResponseWasLost(t *testing.T) {
	onAll(t, func(t *testing.T, s stage) {
		s.deployed(t)
		before := s.truth(t)
		s.controller.AddFault(deistest.Fault{Method: http.MethodPost, Path: "/apps/*/builds", Status: 504, Proxy: true, Late: time.Second, Times: 1})
		ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second) // the config takes a minute
		defer cancel()
		result, err := deploy.Run(ctx, s.Client, updated())
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.NotErrorIs(t, err, deploy.ErrUndone)
		assert.True(t, result.RolledBack)
		assert.Empty(t, s.truth(t).differs(before))
		time.Sleep(time.Hour)
		assert.Empty(t, s.truth(t).differs(before))
	}, withSlowDeploys)
}

func TestWithoutRollbackTheContextEndsARunAtOnce(t *testing.T) {
	onAll(t, func(t *testing.T, s stage) {
		s.deployed(t)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		p := plan()
		p.Image = "deis/example-go:v2"
		start := time.Now()
		_, err := deploy.Run(ctx, s.Client, p)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Less(t, time.Since(start), time.Minute)
		if s.controller.APIVersion() != version.V1_6 { // there the new containers are up already
			assert.ErrorIs(t, err, deploy.ErrUndone)
			assert.ErrorContains(t, err, "what was sent without a response may still be carried out")
		}
		time.Sleep(time.Hour)
	}, withSlowDeploys)
}

func TestTheErrorNamesTheTimeout(t *testing.T) {
	on(t, "2.2", func(t *testing.T, s stage) {
		s.deployed(t)
		p := plan()
		p.Timeout = 20 * time.Second
		s.controller.AddFault(podsThatNeverStart)
		_, err := deploy.Run(t.Context(), s.Client, p)
		require.ErrorIs(t, err, deploy.ErrTimeout)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.ErrorContains(t, err, "deis: the deploy took longer than its timeout of 20s")
		assert.ErrorContains(t, err, "waiting for the pods: web 1 of 2 up (web-1 is starting), worker 0 of 1 up (worker-1 is creating): context deadline exceeded")
		assert.NotContains(t, err.Error(), "\n")
	})
}

func TestAFirstDeployHasNothingToGoBackTo(t *testing.T) {
	onAll(t, func(t *testing.T, s stage) {
		p := plan()
		p.Image, p.Rollback = "deis/nonexistent:1", true
		result, err := deploy.Run(t.Context(), s.Client, p)
		require.ErrorIs(t, err, deploy.ErrUndone)
		assert.ErrorContains(t, err, "not rolled back: the changes of this run stay, because the app ran nothing before")
		assert.False(t, result.RolledBack)
		assert.True(t, result.Created)
	})
}

func TestAScaleThatFailsCanBeRunAgain(t *testing.T) {
	onAll(t, func(t *testing.T, s stage) {
		s.deployed(t)
		p := plan()
		p.Scale["web"] = 99 // more than there is room for
		_, err := deploy.Run(t.Context(), s.Client, p)
		require.ErrorIs(t, err, deis.ErrUnavailable)
		p.Scale["web"] = 3
		_, err = deploy.Run(t.Context(), s.Client, p)
		require.NoError(t, err)
		s.is(t, p)
	})
}

func TestSomebodyElsesReleaseIsNeverUndone(t *testing.T) {
	for when, at := range map[string]struct{ method, path string }{
		"between our config and our build": {http.MethodPost, "/builds/"},
		"just before our config":           {http.MethodPost, "/config/"},
		"while we wait":                    {http.MethodGet, "/pods/"},
	} {
		t.Run(when, func(t *testing.T) {
			onAll(t, func(t *testing.T, s stage) {
				s.deployed(t)
				p := updated()
				armed := when != "while we wait"
				p.Progress = func(e deploy.Event) { armed = armed || e.Want > 0 && e.Up < e.Want }
				path := at.path
				if s.controller.APIVersion() == version.V1_6 {
					path = strings.Replace(path, "pods", "containers", 1)
				}
				client := s.through(t, func(r *http.Request) (*http.Response, error) {
					if armed && r.Method == at.method && strings.HasSuffix(r.URL.Path, path) {
						armed = false
						p.Progress = nil
						require.NoError(t, others["changes the config"](s))
						path = "never again"
					}
					return s.controller.Transport().RoundTrip(r)
				})
				result, err := deploy.Run(bounded(t), client, p)
				require.ErrorIs(t, err, deploy.ErrSuperseded)
				require.ErrorIs(t, err, deploy.ErrUndone)
				assert.ErrorContains(t, err, "not rolled back: the changes of this run stay")
				assert.False(t, result.RolledBack)
				assert.Equal(t, "else", s.truth(t).config["SOMEBODY"])
			})
		})
	}
}

func TestARunStartsFromWhatOthersDidBeforeItsFirstChange(t *testing.T) {
	on(t, "1.6", func(t *testing.T, s stage) {
		s.deployed(t)
		_, err := s.Builds.Create(t.Context(), "example-go", builds.CreateParams{Image: "deis/nonexistent:1", Procfile: plan().Procfile})
		require.Error(t, err) // so that the run waits until that is certain
		time.AfterFunc(time.Minute, func() { assert.NoError(t, others["deploys"](s)) })
		result, err := deploy.Run(bounded(t), s.Client, updated())
		require.NoError(t, err)
		assert.Equal(t, 5, result.Previous)
		s.is(t, updated())
	})
}

func TestTheErrorNamesAReleaseThatARollbackUndoes(t *testing.T) {
	onAll(t, func(t *testing.T, s stage) {
		s.deployed(t)
		client := s.before(t, http.MethodPost, "/rollback/", func() { require.NoError(t, others["changes the config"](s)) })
		p := updated()
		s.crashing(t, &p)
		result, err := deploy.Run(t.Context(), client, p)
		require.ErrorIs(t, err, pods.ErrCrashed)
		require.ErrorIs(t, err, deploy.ErrSuperseded)
		assert.ErrorContains(t, err, "; rolled back to v3, but: deis: somebody else changed the app in the meantime: release v6 is not of this run")
		assert.True(t, result.RolledBack)
	})
}

func TestNumbersThatOthersChangeWhileWeWaitStay(t *testing.T) {
	for _, crashes := range []bool{false, true} {
		onAll(t, func(t *testing.T, s stage) {
			s.deployed(t)
			p := updated()
			if crashes {
				s.crashing(t, &p)
			}
			scaled, crash := false, p.Progress
			p.Progress = func(e deploy.Event) {
				if e.Want > 0 && e.Up < e.Want && !scaled {
					scaled = true
					require.NoError(t, s.Pods.Scale(context.Background(), "example-go", map[string]int{"web": 5, "worker": 0}))
				}
				if crash != nil {
					crash(e)
				}
			}
			_, err := deploy.Run(bounded(t), s.Client, p)
			assert.Equal(t, crashes, err != nil, "%v", err)
			assert.Equal(t, map[string]int{"web": 5}, s.truth(t).structure)
		})
	}
}

func TestAnAppThatIsRecreatedIsNotTouched(t *testing.T) {
	onAll(t, func(t *testing.T, s stage) {
		s.deployed(t)
		client := s.before(t, http.MethodPost, "/config/", func() { require.NoError(t, others["deletes and recreates"](s)) })
		p := updated()
		_, err := deploy.Run(bounded(t), client, p)
		require.ErrorIs(t, err, deploy.ErrSuperseded)
		assert.ErrorContains(t, err, "the app was deleted and created again")
		assert.Empty(t, s.truth(t).image)
	})
}

func TestAnAppThatSomebodyElseCreatesIsNotReportedAsCreated(t *testing.T) {
	onAll(t, func(t *testing.T, s stage) {
		client := s.before(t, http.MethodPost, "/apps/", func() {
			_, err := s.Apps.Create(t.Context(), apps.CreateParams{ID: "example-go"})
			require.NoError(t, err)
		})
		result, err := deploy.Run(t.Context(), client, plan())
		require.NoError(t, err)
		assert.False(t, result.Created)
		s.is(t, plan())
	})
}

// A 2.x Controller then leaves an incomplete app, to which no build can be deployed.
func TestAnIncompleteAppIsCompleted(t *testing.T) {
	for _, name := range []string{"2.2", "2.3", "2.3-early"} {
		for _, again := range []bool{false, true} {
			on(t, name, func(t *testing.T, s stage) {
				s.controller.SetKubernetes(false)
				client := s.Client
				if !again {
					client = s.before(t, http.MethodGet, "/pods/", func() { s.controller.SetKubernetes(true) })
				}
				result, err := deploy.Run(t.Context(), client, plan())
				if again {
					require.Error(t, err)
					s.controller.SetKubernetes(true)
					result, err = deploy.Run(t.Context(), s.Client, plan())
				}
				require.NoError(t, err)
				assert.Equal(t, !again, result.Created)
				s.is(t, plan())
			})
		}
	}
}

// A v1.6 Controller merges a change into the config that was made last, even if its deploy failed.
func TestAFailedVariableDoesNotFailLaterChanges(t *testing.T) {
	for _, rollback := range []bool{true, false} {
		onAll(t, func(t *testing.T, s stage) {
			s.deployed(t)
			p := plan()
			p.Config.Values["K8S_FAIL"], p.Rollback = value("1"), rollback
			_, err := deploy.Run(t.Context(), s.Client, p)
			require.Error(t, err)
			p = plan()
			p.Config.Values["GREETING"] = value("good morning")
			_, err = deploy.Run(bounded(t), s.Client, p)
			require.NoError(t, err)
			s.is(t, p)
		})
	}
}

// A v1.6 Controller merges a change into the config that was made last, even if it was rolled back.
func TestADeployDoesNotBringBackConfigThatWasRolledBack(t *testing.T) {
	onAll(t, func(t *testing.T, s stage) {
		s.deployed(t)
		set := func(changes config.Changes) {
			t.Helper()
			_, err := s.Config.Set(t.Context(), "example-go", changes)
			require.NoError(t, err)
		}
		set(config.Changes{Memory: map[string]*string{"web": value("64M")}, CPU: map[string]*string{"web": value("256")}})
		set(config.Changes{
			Values: map[string]*string{"GREETING": value("bye"), "PORT": nil, "EXTRA": value("1"), "EMPTY": value("")},
			Memory: map[string]*string{"web": value("128M"), "worker": value("32M")},
			CPU:    map[string]*string{"web": value("512"), "worker": value("128")}, Tags: map[string]*string{"ssd": value("true")},
		})
		_, err := s.Releases.Rollback(t.Context(), "example-go", 4)
		require.NoError(t, err)
		before, err := s.Config.Get(t.Context(), "example-go")
		require.NoError(t, err)

		p := plan()
		p.Config = config.Changes{Values: map[string]*string{"OTHER": value("2")}}
		result, err := deploy.Run(t.Context(), s.Client, p)
		require.NoError(t, err)
		assert.Equal(t, []string{"OTHER"}, result.ConfigChanged)
		after, err := s.Config.Get(t.Context(), "example-go")
		require.NoError(t, err)
		assert.Equal(t, map[string]string{"GREETING": "hello", "PORT": "5000", "OTHER": "2"}, after.Values)
		assert.Equal(t, before.Memory, after.Memory)
		assert.Equal(t, before.CPU, after.CPU)
		assert.Equal(t, before.Tags, after.Tags)
	})
}

// A v1.6 Controller keeps the release of an image that it cannot find, while the pods of the one before run on.
func TestAFailedReleaseIsNotTakenForTheOneThatRuns(t *testing.T) {
	on(t, "1.6", func(t *testing.T, s stage) {
		s.deployed(t)
		bad := plan()
		bad.Image = "deis/nonexistent:1"
		_, err := deploy.Run(bounded(t), s.Client, bad)
		require.ErrorContains(t, err, "/builds/")
		p, told := deploy.Plan{App: "example-go", Config: config.Changes{Values: map[string]*string{"A": value("1")}}}, ""
		p.Progress = func(e deploy.Event) { told += e.Message + "\n" }
		changes, err := deploy.Diff(t.Context(), s.Client, p)
		require.NoError(t, err)
		assert.Equal(t, []deploy.Change{{Step: deploy.StepHeal, What: "roll back to v3, because v4 failed"}, {Step: deploy.StepConfig, What: "change A"}}, changes)
		result, err := deploy.Run(bounded(t), s.Client, p)
		require.NoError(t, err)
		assert.Equal(t, 3, result.Previous)
		assert.Contains(t, told, "rolled back to v3\n")
		s.is(t, plan())
	})
}

// Two builds at once multiply the containers of a v1.6 Controller, and scaling leaves some of them destroyed.
func TestDestroyedContainersAreNotWaitedFor(t *testing.T) {
	on(t, "1.6", func(t *testing.T, s stage) {
		s.deployed(t)
		client := s.through(t, func(r *http.Request) (*http.Response, error) {
			resp, err := s.controller.Transport().RoundTrip(r)
			if err != nil || !strings.HasSuffix(r.URL.Path, "/containers/") {
				return resp, err
			}
			body, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			changed := strings.Replace(string(body), `"up"`, `"destroyed"`, 1)
			resp.Body, resp.ContentLength = io.NopCloser(strings.NewReader(changed)), int64(len(changed))
			return resp, nil
		})
		_, err := deploy.Run(bounded(t), client, plan())
		require.ErrorIs(t, err, pods.ErrDestroyed)
		assert.ErrorContains(t, err, "scale to 0 and up again: web 1 of 2 up (web.1 is destroyed)")
	})
}

func TestAChangeWhoseResponseIsLostIsFound(t *testing.T) {
	for name, fault := range map[string]deistest.Fault{
		"504":                {Status: 504, Body: "<h1>504</h1>", ContentType: "text/html", Proxy: true, Late: 30 * time.Second},
		"dropped connection": {Drop: true, After: true},
		"cut off response":   {Truncate: true},
		"another page":       {Status: 200, Body: `{"message":"please log in"}`, Proxy: true, After: true},
	} {
		for _, path := range []string{"/apps", "/apps/*/config", "/apps/*/builds", "/apps/*/scale"} {
			t.Run(name+path, func(t *testing.T) {
				onAll(t, func(t *testing.T, s stage) {
					fault.Method, fault.Path, fault.Times = http.MethodPost, path, 1
					s.controller.AddFault(fault)
					result, err := deploy.Run(bounded(t), s.Client, plan())
					require.NoError(t, err)
					assert.Empty(t, s.controller.Unmet())
					assert.True(t, result.Created)
					assert.Equal(t, []string{"GREETING", "PORT"}, result.ConfigChanged)
					assert.True(t, result.Built)
					assert.Equal(t, 3, result.Release)
					s.is(t, plan())
				})
			})
		}
	}
}

func TestTheErrorSaysThatAChangeMayStillCome(t *testing.T) {
	onAll(t, func(t *testing.T, s stage) {
		s.deployed(t)
		s.controller.AddFault(deistest.Fault{Method: http.MethodPost, Path: "/apps/*/builds", Status: 504, Proxy: true, Late: time.Hour, Times: 1})
		result, err := deploy.Run(t.Context(), s.Client, updated())
		require.ErrorIs(t, err, deis.ErrUnavailable)
		require.ErrorIs(t, err, deploy.ErrUndone)
		assert.ErrorContains(t, err, "; rolled back to v3, but: what was sent without a response may still be carried out")
		assert.True(t, result.RolledBack)
		s.is(t, plan())
		time.Sleep(2 * time.Hour)
	})
}

func TestSomebodyElsesChangeIsNotTakenForOurs(t *testing.T) {
	onAll(t, func(t *testing.T, s stage) {
		s.deployed(t)
		armed := true
		client := s.through(t, func(req *http.Request) (*http.Response, error) {
			if !armed || req.Method != http.MethodPost {
				return s.controller.Transport().RoundTrip(req)
			}
			armed = false
			_, err := s.Config.SetValues(context.Background(), "example-go", map[string]string{"GREETING": "good morning", "SOMEBODY": "else"})
			require.NoError(t, err)
			return nil, io.ErrUnexpectedEOF
		})
		_, err := deploy.Run(t.Context(), client, updated())
		require.ErrorIs(t, err, deploy.ErrSuperseded)
		assert.Equal(t, "else", s.truth(t).config["SOMEBODY"])
	})
}

func TestAControllerThatIsDownForAWhileIsNoReasonToFail(t *testing.T) {
	for name, fault := range map[string]deistest.Fault{
		"500":               {Status: 500, Times: 20},
		"no connection":     {Drop: true, Times: 60},
		"a router's 404":    {Status: 404, Proxy: true, Body: "default backend - 404", ContentType: "text/plain", Times: 9},
		"cut off responses": {Truncate: true, Times: 9},
		"a rate limit":      {Status: 429, Proxy: true, Header: map[string]string{"Retry-After": "60"}, Times: 3},
		"looks that hang":   {Hang: true, Times: 3},
		"half an object":    {Status: 200, Body: "{}", Times: 3},
	} {
		t.Run(name, func(t *testing.T) {
			onAll(t, func(t *testing.T, s stage) {
				s.deployed(t)
				p := updated()
				p.Progress = func(e deploy.Event) {
					if e.Message == "deploying deis/example-go:v2" {
						fault.Method = http.MethodGet
						s.controller.AddFault(fault)
					}
				}
				result, err := deploy.Run(t.Context(), s.Client, p)
				if name == "half an object" { // which the Controller itself gave
					require.Error(t, err)
					return
				}
				require.NoError(t, err)
				assert.Equal(t, 5, result.Release)
				s.is(t, p)
			})
		})
	}
}

func TestAWriteThatDoesNotGetThroughIsSentLater(t *testing.T) {
	onAll(t, func(t *testing.T, s stage) {
		s.deployed(t)
		since := time.Now()
		s.controller.AddFault(deistest.Fault{Method: http.MethodPost, Path: "/apps/*/builds", Status: 429, Proxy: true,
			Header: map[string]string{"Retry-After": "50"}, Times: 2})
		p, said := updated(), ""
		p.Progress = func(e deploy.Event) { said += e.Message + "\n" }
		_, err := deploy.Run(t.Context(), s.Client, p)
		require.NoError(t, err)
		assert.Greater(t, time.Since(since), 90*time.Second)
		assert.Contains(t, said, "waiting up to 5m0s until the Controller can be reached: deis: POST ")
		s.is(t, updated())
	})
}

func TestAFailureBeforeAnythingWasSentEndsTheRunAtOnce(t *testing.T) {
	onAll(t, func(t *testing.T, s stage) {
		s.deployed(t)
		s.controller.AddFault(deistest.Fault{Method: http.MethodGet, Path: "/apps/*", Status: http.StatusInternalServerError})
		before := len(s.controller.Requests())
		_, err := deploy.Run(t.Context(), s.Client, updated())
		assert.ErrorIs(t, err, deis.ErrServer)
		assert.NotErrorIs(t, err, deploy.ErrUndone)
		assert.Len(t, s.controller.Requests()[before:], 1)
	})
}

func TestTheErrorSaysThatTheAppCouldNotBeObserved(t *testing.T) {
	onAll(t, func(t *testing.T, s stage) {
		s.deployed(t)
		p := updated()
		p.Rollback = false
		p.Progress = func(e deploy.Event) {
			if e.Message == "changing GREETING" || e.Message == "changing GREETING, PORT" {
				s.controller.AddFault(deistest.Fault{Method: http.MethodGet, Status: http.StatusInternalServerError})
			}
		}
		_, err := deploy.Run(t.Context(), s.Client, p)
		assert.ErrorIs(t, err, deis.ErrServer)
		assert.ErrorIs(t, err, deploy.ErrUndone)
	})
}

func TestAnUpgradeOfTheControllerIsNoReasonToFail(t *testing.T) {
	for _, at := range []string{"creating app example-go", "created app example-go", "changing GREETING, PORT", "deploying deis/example-go:v1",
		"deployed deis/example-go:v1", "scaling to cmd=0 web=2 worker=1", "0 of 3 pods up"} {
		t.Run(at, func(t *testing.T) {
			on(t, "1.6", func(t *testing.T, s stage) {
				p := plan()
				p.Rollback, p.Progress = true, func(e deploy.Event) {
					if e.Message == at {
						s.controller.SetAPIVersion(version.V2_2)
					}
				}
				result, err := deploy.Run(bounded(t), s.Client, p)
				require.NoError(t, err)
				assert.Equal(t, 3, result.Release)
				assert.Equal(t, map[string]int{"web": 2, "worker": 1}, s.truth(t).up)
			})
		})
	}
}

func TestAReleaseThatTheControllerWithdrawsIsNotWaitedFor(t *testing.T) {
	on(t, "2.2", func(t *testing.T, s stage) {
		s.deployed(t)
		var taken atomic.Bool
		client := s.through(t, func(r *http.Request) (*http.Response, error) {
			resp, err := s.controller.Transport().RoundTrip(r)
			if err != nil || !taken.Load() || r.Method != http.MethodGet || !strings.HasSuffix(r.URL.Path, "/releases/") {
				return resp, err
			}
			var list map[string]any // without the newest release
			require.NoError(t, json.NewDecoder(resp.Body).Decode(&list))
			all, err := s.Releases.List(context.Background(), "example-go", deis.ListOptions{})
			require.NoError(t, err)
			list["results"] = all.Items[1:]
			data, err := json.Marshal(list)
			resp.Body, resp.ContentLength = io.NopCloser(strings.NewReader(string(data))), -1
			return resp, err
		})
		p := plan()
		p.Image, p.Rollback = "deis/example-go:v2", true
		p.Progress = func(e deploy.Event) {
			if e.Message == "0 of 3 pods up" {
				taken.Store(true)
			}
		}
		start := time.Now()
		_, err := deploy.Run(bounded(t), client, p)
		assert.ErrorContains(t, err, "the Controller has withdrawn the release")
		assert.Less(t, time.Since(start), time.Minute)
	})
}

func TestAnErrorOfTwoFailuresIsOneLineAndMatchesBoth(t *testing.T) {
	onAll(t, func(t *testing.T, s stage) {
		s.deployed(t)
		s.controller.AddFault(deistest.Fault{Method: http.MethodPost, Path: "/apps/*/releases/rollback", Status: http.StatusForbidden})
		p := updated()
		p.Scale["web"] = 99
		_, err := deploy.Run(t.Context(), s.Client, p)
		assert.ErrorIs(t, err, deis.ErrUnavailable)
		assert.ErrorIs(t, err, deis.ErrForbidden)
		assert.ErrorContains(t, err, "deploying app example-go: deis: POST ")
		assert.ErrorContains(t, err, "; not rolled back: rolling back to v3: deis: POST ")
		assert.NotContains(t, err.Error(), "\n")
		var failed *deis.Error
		require.True(t, errors.As(err, &failed))
		assert.Equal(t, http.StatusServiceUnavailable, failed.StatusCode)
	})
}

func TestOneOfTwoConcurrentDeploysFails(t *testing.T) {
	onAll(t, func(t *testing.T, s stage) {
		s.deployed(t)
		client := s.before(t, http.MethodPost, "/builds/", func() {
			_, err := s.Builds.Create(t.Context(), "example-go", builds.CreateParams{Image: "deis/other:v9", Procfile: plan().Procfile})
			require.NoError(t, err)
		})
		p := plan()
		p.Image = "deis/example-go:v2"
		_, err := deploy.Run(t.Context(), client, p)
		require.ErrorIs(t, err, deploy.ErrSuperseded)
	})
}

// bounded limits a test, in case that what it tests waits forever.
func bounded(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	t.Cleanup(cancel)
	return ctx
}
