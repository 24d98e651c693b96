package deploy_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/config"
	"github.com/deisgo/deis/deistest"
	"github.com/deisgo/deis/deploy"
	"github.com/deisgo/deis/settings"
)

// A 2.2 Controller loses the pods of the types that were updated before the one that failed.
func TestLostPodsComeBackAlsoIfThePlanScalesTheirType(t *testing.T) {
	onAll(t, func(t *testing.T, s stage) {
		s.deployed(t)
		before := s.truth(t)
		p := plan()
		p.Image, p.Rollback, p.Scale["web"] = "deis/example-go:k8s-fail-worker", true, 3
		start := time.Now()
		_, err := deploy.Run(t.Context(), s.Client, p)
		require.Error(t, err)
		assert.NotErrorIs(t, err, deploy.ErrUndone)
		assert.Empty(t, s.truth(t).differs(before))
		assert.Less(t, time.Since(start), time.Minute)
	})
}

func TestNumbersThatOthersSetDuringOurRequestStay(t *testing.T) {
	for _, path := range []string{"/config/", "/builds/", "/rollback/"} {
		for _, number := range []int{1, 5} {
			t.Run(fmt.Sprint(path, number), func(t *testing.T) {
				onAll(t, func(t *testing.T, s stage) {
					s.deployed(t)
					p := updated()
					p.Scale = nil
					if path == "/rollback/" {
						p.Image = "deis/example-go:k8s-fail"
					} else {
						s.crashing(t, &p)
					}
					client := s.before(t, http.MethodPost, path, func() {
						time.AfterFunc(30*time.Second, func() {
							assert.NoError(t, s.Pods.Scale(context.Background(), "example-go", map[string]int{"web": number}))
						})
					})
					_, err := deploy.Run(bounded(t), client, p)
					require.Error(t, err)
					assert.Equal(t, number, s.truth(t).structure["web"])
				}, withSlowDeploys)
			})
		}
	}
}

func TestNothingIsSentAfterTheContextHasEnded(t *testing.T) {
	for _, step := range []deploy.Step{deploy.StepCreate, deploy.StepConfig, deploy.StepBuild, deploy.StepScale} {
		onAll(t, func(t *testing.T, s stage) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			p, since := plan(), 0
			p.Rollback = true
			p.Progress = func(e deploy.Event) {
				if e.Step == step && ctx.Err() == nil {
					since = len(s.controller.Requests())
					cancel()
				}
			}
			_, err := deploy.Run(ctx, s.Client, p)
			require.ErrorIs(t, err, context.Canceled)
			assert.Empty(t, s.writes(since))
			var failed *deploy.Error
			require.ErrorAs(t, err, &failed)
			assert.Equal(t, step, failed.Step)
		})
	}
}

func TestKubernetesThatIsAwayForAWhileIsNoReasonToFail(t *testing.T) {
	for name, change := range map[string]func(*deploy.Plan){"nothing to change": func(*deploy.Plan) {}, "update": update} {
		for _, api := range []string{"2.2", "2.3", "2.3-early"} {
			t.Run(name+" "+api, func(t *testing.T) {
				on(t, api, func(t *testing.T, s stage) {
					s.deployed(t)
					p, away := plan(), name == "nothing to change"
					change(&p)
					p.Rollback, p.Timeout = true, 10*time.Minute
					leave := func() {
						s.controller.SetKubernetes(false)
						time.AfterFunc(3*time.Minute, func() { s.controller.SetKubernetes(true) })
					}
					if away {
						leave()
					}
					p.Progress = func(e deploy.Event) {
						if e.Want > 0 && e.Up < e.Want && !away {
							away = true
							leave()
						}
					}
					since := len(s.controller.Requests())
					_, err := deploy.Run(bounded(t), s.Client, p)
					require.NoError(t, err)
					assert.NotContains(t, s.writes(since), "POST /apps/example-go/releases/rollback/")
					s.is(t, p)
				})
			})
		}
	}
}

func TestAnAppThatIsDeletedRightAfterItsCreationIsNotCreatedAgain(t *testing.T) {
	onAll(t, func(t *testing.T, s stage) {
		created := false
		client := s.through(t, func(r *http.Request) (*http.Response, error) {
			if created && r.Method == http.MethodGet && r.URL.Path != "/v2/" {
				created = false
				require.NoError(t, s.Apps.Delete(context.Background(), "example-go"))
			}
			created = created || r.Method == http.MethodPost
			return s.controller.Transport().RoundTrip(r)
		})
		_, err := deploy.Run(t.Context(), client, plan())
		require.ErrorIs(t, err, deploy.ErrSuperseded)
		assert.Empty(t, s.truth(t).app)
	})
}

func TestWhatTheControllersVersionLacksIsFoundBeforeAnythingIsSent(t *testing.T) {
	for name, test := range map[string]struct {
		api    string
		change func(*deploy.Plan)
	}{
		"a registry": {"1.6", func(p *deploy.Plan) {
			p.Config.Registry = map[string]*string{"username": value("u"), "password": value("secret")}
		}},
		"a health check": {"1.6", func(p *deploy.Plan) {
			p.Config.Healthcheck = map[string]config.Healthcheck{"web": {config.LivenessProbe: {HTTPGet: &config.HTTPGet{Path: "/", Port: 80}}}}
		}},
		"a grace period": {"2.2", func(p *deploy.Plan) { p.Config.TerminationGracePeriod = map[string]*string{"web": value("30")} }},
		"autoscaling": {"2.2", func(p *deploy.Plan) {
			p.Autoscale = map[string]*settings.Autoscale{"web": {Min: 1, Max: 2, CPUPercent: 50}}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			on(t, test.api, func(t *testing.T, s stage) {
				p := plan()
				test.change(&p)
				_, err := deploy.Run(t.Context(), s.Client, p)
				require.ErrorIs(t, err, errors.ErrUnsupported)
				assert.NotErrorIs(t, err, deploy.ErrUndone)
				_, err = deploy.Diff(t.Context(), s.Client, p)
				require.ErrorIs(t, err, errors.ErrUnsupported)
				assert.Empty(t, s.writes(0))
			})
		})
	}
}

func TestTheStepOfAnErrorIsTheOneThatFailed(t *testing.T) {
	on(t, "2.2", func(t *testing.T, s stage) {
		s.deployed(t)
		p := updated()
		s.crashing(t, &p)
		s.controller.AddFault(deistest.Fault{Method: http.MethodPost, Path: "/apps/*/scale", Drop: true, After: true, Times: 1})
		_, err := deploy.Run(bounded(t), s.Client, p) // the scale is found to be done
		var failed *deploy.Error
		require.ErrorAs(t, err, &failed)
		assert.Equal(t, deploy.StepWait, failed.Step)

		s.controller.AddFault(deistest.Fault{Method: http.MethodPost, Path: "/apps/*/builds", Status: 429, Proxy: true})
		p = updated()
		_, err = deploy.Run(bounded(t), s.Client, p)
		require.ErrorIs(t, err, deis.ErrRateLimited)
		require.ErrorAs(t, err, &failed)
		assert.Equal(t, deploy.StepBuild, failed.Step)
	})
}

func TestAResultHasOnlyThePodsOfItsRelease(t *testing.T) {
	on(t, "2.2", func(t *testing.T, s stage) {
		s.deployed(t)
		s.controller.AddFault(deistest.Fault{Method: http.MethodGet, Path: "/apps/*/pods", Status: 200, Body: `{"count":5,"results":[
			{"name":"web-1","type":"web","state":"up","release":"v3"},
			{"name":"web-2","type":"web","state":"up","release":"v3"},
			{"name":"worker-1","type":"worker","state":"up","release":"v3"},
			{"name":"old-1","type":"web","state":"terminating","release":"v2"},
			{"name":"old-2","type":"web","state":"up","release":"v2"}]}`})
		result, err := deploy.Run(t.Context(), s.Client, plan())
		require.NoError(t, err)
		assert.False(t, result.Changed())
		assert.Len(t, result.Pods, 3)
	})
}

func TestAReleaseThatOnlyRepairsTheAppIsAChange(t *testing.T) {
	on(t, "2.2", func(t *testing.T, s stage) {
		s.deployed(t)
		p := plan()
		p.Image = "deis/example-go:k8s-fail-worker" // which takes the pods of web away
		_, err := deploy.Run(t.Context(), s.Client, p)
		require.Error(t, err)
		result, err := deploy.Run(bounded(t), s.Client, plan())
		require.NoError(t, err)
		assert.Greater(t, result.Release, result.Previous)
		assert.True(t, result.Changed())
		s.is(t, plan())
	})
}

func TestARollbackThatHangsIsReported(t *testing.T) {
	onAll(t, func(t *testing.T, s stage) {
		s.deployed(t)
		p := updated()
		s.crashing(t, &p)
		s.controller.AddFault(deistest.Fault{Method: http.MethodPost, Path: "/apps/*/releases/rollback", Hang: true})
		start := time.Now()
		_, err := deploy.Run(bounded(t), s.Client, p)
		require.ErrorIs(t, err, deploy.ErrUndone)
		assert.NotErrorIs(t, err, context.DeadlineExceeded, "the deadline is not the caller's")
		assert.Less(t, time.Since(start), 9*time.Minute)
	})
}

func TestWithoutRollbackARunEndsSoonAfterItsContextEvenIfTheControllerHangs(t *testing.T) {
	onAll(t, func(t *testing.T, s stage) {
		s.deployed(t)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var ended time.Time
		client := s.through(t, func(r *http.Request) (*http.Response, error) {
			if r.Method == http.MethodPost && ended.IsZero() {
				s.controller.AddFault(deistest.Fault{Hang: true})
				ended = time.Now()
				cancel()
			}
			return s.controller.Transport().RoundTrip(r)
		})
		p := updated()
		p.Rollback, p.LogLines = false, 10
		_, err := deploy.Run(ctx, client, p)
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, err, deploy.ErrUndone)
		assert.NotErrorIs(t, err, context.DeadlineExceeded)
		assert.NotContains(t, err.Error(), "not rolled back")
		assert.Less(t, time.Since(ended), 40*time.Second)
	})
}

func TestAnErrorWithNothingLeftUndoneEndsWithItsReason(t *testing.T) {
	on(t, "2.2", func(t *testing.T, s stage) {
		s.controller.AddFault(deistest.Fault{Method: http.MethodPost, Path: "/apps", Status: http.StatusForbidden, Body: `{"detail":"no"}`})
		_, err := deploy.Run(t.Context(), s.Client, plan())
		assert.EqualError(t, err, "deploying app example-go: deis: POST /v2/apps/: 403 Forbidden: no")
	})
}

// A v1.6 Controller destroys the containers of a type that a build lacks, and keeps its number.
func TestAProcessTypeThatComesBackIsStartedWithItsFormerNumber(t *testing.T) {
	on(t, "1.6", func(t *testing.T, s stage) {
		s.deployed(t)
		p := plan()
		dropType(&p)
		p.Scale = nil
		_, err := deploy.Run(t.Context(), s.Client, p)
		require.NoError(t, err)
		require.Zero(t, s.truth(t).up["worker"])
		p = plan()
		p.Image, p.Scale = "deis/example-go:v3", nil
		_, err = deploy.Run(t.Context(), s.Client, p)
		require.NoError(t, err)
		assert.Equal(t, map[string]int{"web": 2, "worker": 1}, s.truth(t).up)
	})
}

// Each request of a slow Controller takes its time; together they may take longer than any of them may.
func TestASlowControllerIsObservedPatiently(t *testing.T) {
	onAll(t, func(t *testing.T, s stage) {
		s.deployed(t)
		client := s.through(t, func(r *http.Request) (*http.Response, error) {
			if r.URL.Path != "/v2/" {
				time.Sleep(8 * time.Second)
			}
			return s.controller.Transport().RoundTrip(r)
		})
		_, err := deploy.Run(t.Context(), client, updated())
		require.NoError(t, err)
		s.is(t, updated())
	})
}

func TestAScaleThatFailsIsNotAnsweredWithARollback(t *testing.T) {
	onAll(t, func(t *testing.T, s stage) {
		s.deployed(t)
		since := len(s.controller.Requests())
		p := plan()
		p.Rollback, p.Scale["web"] = true, 99
		result, err := deploy.Run(bounded(t), s.Client, p)
		require.ErrorIs(t, err, deis.ErrUnavailable)
		assert.False(t, result.RolledBack)
		assert.NotContains(t, s.writes(since), "POST /apps/example-go/releases/rollback/")
		s.is(t, plan())
	})
}

// A 2.x Controller does not keep a config whose deploy failed.
func TestOnAPI2AFailedConfigIsNotReverted(t *testing.T) {
	for _, name := range []string{"2.2", "2.3", "2.3-early"} {
		on(t, name, func(t *testing.T, s stage) {
			s.deployed(t)
			since := len(s.controller.Requests())
			p := plan()
			p.Config.Values["K8S_FAIL"] = value("1")
			_, err := deploy.Run(bounded(t), s.Client, p)
			require.ErrorIs(t, err, deis.ErrBadRequest)
			assert.Equal(t, []string{"POST /apps/example-go/config/"}, s.writes(since))
		})
	}
}

// Early 2.3 servers ignore lifecycle hooks, and store what else a change has.
func TestAConfigThatWasStoredInPartIsRolledBack(t *testing.T) {
	on(t, "2.3-early", func(t *testing.T, s stage) {
		s.deployed(t)
		before := s.truth(t)
		p := plan()
		p.Rollback = true
		p.Config.Values["GREETING"] = value("good morning")
		p.Config.LifecyclePostStart = map[string]*string{"web": value("echo started")}
		_, err := deploy.Run(bounded(t), s.Client, p)
		require.ErrorIs(t, err, errors.ErrUnsupported)
		assert.NotErrorIs(t, err, deploy.ErrUndone)
		assert.Empty(t, s.truth(t).differs(before))
	})
}

func TestDiffReportsNoProgress(t *testing.T) {
	on(t, "2.2", func(t *testing.T, s stage) {
		s.deployed(t)
		p := plan()
		p.Progress = func(e deploy.Event) { t.Errorf("reported %q", e.Message) }
		changes, err := deploy.Diff(t.Context(), s.Client, p)
		require.NoError(t, err)
		assert.Empty(t, changes)
	})
}
