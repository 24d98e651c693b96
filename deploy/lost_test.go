package deploy_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/deistest"
	"github.com/deisgo/deis/deploy"
	"github.com/deisgo/deis/version"
)

// count tells how many of the requests are of that kind.
func count(requests []string, kind string) (n int) {
	for _, request := range requests {
		if strings.HasSuffix(request, kind) {
			n++
		}
	}
	return n
}

// What becomes of an answer on its way, with a request that is carried out.
func lostAnswers() map[string]deistest.Fault {
	return map[string]deistest.Fault{
		"504":                {Status: http.StatusGatewayTimeout, Body: "<h1>504</h1>", ContentType: "text/html", Proxy: true, After: true},
		"502":                {Status: http.StatusBadGateway, Proxy: true, After: true},
		"dropped connection": {Drop: true, After: true},
		"truncated answer":   {Truncate: true},
	}
}

func TestAChangeWhoseAnswerIsLostIsFound(t *testing.T) {
	for name, fault := range lostAnswers() {
		for _, path := range []string{"/config/", "/builds/"} {
			t.Run(name+path, func(t *testing.T) {
				inBothVersions(t, func(t *testing.T, s stage) {
					fault.Method, fault.Path = http.MethodPost, "/apps/*"+path
					s.controller.AddFault(fault)
					result, err := deploy.Run(t.Context(), s.Client, plan())
					require.NoError(t, err)
					assert.Equal(t, []string{"GREETING", "PORT"}, result.ConfigChanged)
					assert.True(t, result.Built)
					assert.Equal(t, 3, result.Release)
					assert.Equal(t, 1, count(s.writes(0), path), "it is not sent twice")
				})
			})
		}
	}
}

func TestAChangeThatWasLostWithItsRequestFails(t *testing.T) {
	for _, path := range []string{"/config/", "/builds/"} {
		t.Run(path, func(t *testing.T) {
			inBothVersions(t, func(t *testing.T, s stage) {
				s.deployed(t)
				s.controller.AddFault(deistest.Fault{Method: http.MethodPost, Path: "/apps/*" + path, Status: http.StatusGatewayTimeout, Times: 1})
				result, err := deploy.Run(t.Context(), s.Client, newPlan())
				assert.ErrorIs(t, err, deis.ErrUnavailable)
				assert.False(t, result.Built)
				assert.Equal(t, path == "/builds/", result.ConfigChanged != nil)
				assert.Equal(t, path == "/builds/", result.RolledBack)
			})
		})
	}
}

// newPlan changes the app of plan, in all that makes a release.
func newPlan() deploy.Plan {
	p := plan()
	p.Image, p.Config["GREETING"], p.Rollback = "deis/example-go:v2", value("good morning"), true
	return p
}

// asBefore tells that the app is as plan has it.
func (s stage) asBefore(t *testing.T) {
	t.Helper()
	config, err := s.Config.Get(t.Context(), "example-go")
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"GREETING": "hello", "PORT": "5000"}, config.Values)
	assert.Equal(t, map[string]int{"web": 2, "worker": 1}, s.running(t))
	p := plan()
	p.Scale = nil
	result, err := deploy.Run(t.Context(), s.Client, p)
	require.NoError(t, err)
	assert.False(t, result.Changed())
}

func TestALostChangeIsRolledBackWhenItShowsUp(t *testing.T) {
	for _, path := range []string{"/config/", "/builds/"} {
		t.Run(path, func(t *testing.T) {
			inBothVersions(t, func(t *testing.T, s stage) {
				s.deployed(t)
				s.controller.AddFault(deistest.Fault{Method: http.MethodPost, Path: "/apps/*" + path, Drop: true, After: true})
				ctx, cancel := context.WithCancel(t.Context())
				p := newPlan()
				p.Progress = func(e deploy.Event) {
					if strings.HasPrefix(e.Message, "no answer") {
						cancel()
					}
				}
				result, err := deploy.Run(ctx, s.Client, p)
				assert.Error(t, err)
				assert.NotErrorIs(t, err, deploy.ErrSuperseded)
				assert.True(t, result.RolledBack)
				assert.Equal(t, []string{"GREETING"}, result.ConfigChanged)
				assert.Equal(t, path == "/builds/", result.Built)
				s.controller.ClearFaults()
				s.asBefore(t)
			})
		})
	}
}

func TestARollbackWhoseAnswerIsLostIsFound(t *testing.T) {
	for name, fault := range lostAnswers() {
		t.Run(name, func(t *testing.T) {
			inBothVersions(t, func(t *testing.T, s stage) {
				s.deployed(t)
				fault.Method, fault.Path = http.MethodPost, "/apps/*/releases/rollback"
				s.controller.AddFault(fault)
				p := newPlan()
				p.Image = "deis/example-go:k8s-fail"
				result, err := deploy.Run(t.Context(), s.Client, p)
				assert.Error(t, err)
				assert.NotContains(t, err.Error(), "rollback")
				assert.True(t, result.RolledBack)
				assert.Equal(t, 5, result.Release)
				s.asBefore(t)
			})
		})
	}
}

func TestALookThatFailsForAWhileLosesNothing(t *testing.T) {
	for name, fault := range map[string]deistest.Fault{
		"500":                {Status: http.StatusInternalServerError, Times: 3},
		"Controller is down": {Drop: true, Times: 20},
		"truncated answer":   {Truncate: true, Times: 2},
	} {
		for _, path := range []string{"/apps/*", "/apps/*/releases", "/apps/*/config"} {
			t.Run(name+path, func(t *testing.T) {
				inBothVersions(t, func(t *testing.T, s stage) {
					s.deployed(t)
					p := newPlan()
					p.Scale["web"] = 3
					p.Progress = func(e deploy.Event) {
						if e.Message == "changing GREETING" {
							fault.Method, fault.Path = http.MethodGet, path
							s.controller.AddFault(fault)
						}
					}
					result, err := deploy.Run(t.Context(), s.Client, p)
					require.NoError(t, err)
					assert.Equal(t, 5, result.Release)
					assert.Equal(t, map[string]int{"web": 3, "worker": 1}, s.running(t))
				})
			})
		}
	}
}

func TestTheResultSaysWhatWasDoneAlsoIfNobodyCouldLook(t *testing.T) {
	for at, want := range map[string]deploy.Result{
		"changing GREETING":            {ConfigChanged: []string{"GREETING"}, Previous: 3, Release: 3},
		"deploying deis/example-go:v2": {ConfigChanged: []string{"GREETING"}, Built: true, Previous: 3, Release: 4},
	} {
		t.Run(at, func(t *testing.T) {
			inBothVersions(t, func(t *testing.T, s stage) {
				s.deployed(t)
				p := newPlan()
				p.Rollback = false
				p.Progress = func(e deploy.Event) {
					if e.Message == at {
						s.controller.AddFault(deistest.Fault{Method: http.MethodGet, Status: http.StatusInternalServerError})
					}
				}
				result, err := deploy.Run(t.Context(), s.Client, p)
				assert.ErrorIs(t, err, deis.ErrServer)
				assert.Equal(t, &want, result)
			})
		})
	}
}

func TestAnUpgradeOfTheControllerIsNoReasonToFail(t *testing.T) {
	for _, at := range []string{"", "created app example-go", "deployed deis/example-go:v1", "0 of 3 pods up"} {
		t.Run("at "+at, func(t *testing.T) {
			inBothVersions(t, func(t *testing.T, s stage) {
				_, err := s.Negotiate(t.Context())
				require.NoError(t, err)
				upgrade := func(message string) {
					switch {
					case message != at:
					case s.controller.APIVersion() == version.V1_6:
						s.controller.SetAPIVersion(version.V2_2)
					default:
						s.controller.SetAPIVersion(version.V1_6)
					}
				}
				upgrade("")
				p := plan()
				p.Rollback, p.Progress = true, func(e deploy.Event) { upgrade(e.Message) }
				result, err := deploy.Run(t.Context(), s.Client, p)
				require.NoError(t, err)
				assert.Equal(t, 3, result.Release)
				assert.Equal(t, map[string]int{"web": 2, "worker": 1}, s.running(t))
			})
		})
	}
}

func TestAScaleThatFailsIsTakenBackOnlyWhereItMayBeStored(t *testing.T) {
	for name, test := range map[string]struct {
		fault     deistest.Fault
		takenBack bool
	}{
		"400":                {deistest.Fault{Status: http.StatusBadRequest}, false},
		"403":                {deistest.Fault{Status: http.StatusForbidden, Body: `{"detail": "no"}`}, false},
		"404":                {deistest.Fault{Status: http.StatusNotFound}, false},
		"500":                {deistest.Fault{Status: http.StatusInternalServerError}, true},
		"503":                {deistest.Fault{Status: http.StatusServiceUnavailable}, true},
		"504, in time":       {deistest.Fault{Status: http.StatusGatewayTimeout, After: true}, true},
		"dropped connection": {deistest.Fault{Drop: true, After: true}, true},
	} {
		t.Run(name, func(t *testing.T) {
			inBothVersions(t, func(t *testing.T, s stage) {
				s.deployed(t)
				test.fault.Method, test.fault.Path, test.fault.Times = http.MethodPost, "/apps/*/scale", 1
				s.controller.AddFault(test.fault)
				p := plan()
				p.Scale["web"] = 3
				before := len(s.controller.Requests())
				result, err := deploy.Run(t.Context(), s.Client, p)
				require.Error(t, err)
				assert.Equal(t, 1, strings.Count(err.Error(), "/scale/"), err)
				assert.False(t, result.Changed())
				want := 1
				if test.takenBack {
					want = 2
				}
				assert.Equal(t, want, count(s.writes(before), "/scale/"))
				assert.Equal(t, map[string]int{"web": 2, "worker": 1}, s.running(t))
			})
		})
	}
}

func TestTwoFailuresAreOneLineAndMatchBoth(t *testing.T) {
	for name, test := range map[string]struct {
		fault  deistest.Fault
		change func(*deploy.Plan)
		want   string
	}{
		"rollback fails": {
			deistest.Fault{Method: http.MethodPost, Path: "/apps/*/releases/rollback", Status: http.StatusForbidden},
			func(p *deploy.Plan) { p.Scale["web"] = 99 },
			"; not rolled back: deis: POST ",
		},
		"scaling back fails": {
			deistest.Fault{Method: http.MethodPost, Path: "/apps/*/scale", Status: http.StatusForbidden, Skip: 1},
			func(p *deploy.Plan) { p.Scale["web"], p.Rollback = 99, false },
			"; scaling back to web=2: deis: POST ",
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBothVersions(t, func(t *testing.T, s stage) {
				s.deployed(t)
				s.controller.AddFault(test.fault)
				p := newPlan()
				test.change(&p)
				_, err := deploy.Run(t.Context(), s.Client, p)
				assert.ErrorIs(t, err, deis.ErrUnavailable)
				assert.ErrorIs(t, err, deis.ErrForbidden)
				assert.ErrorContains(t, err, "deploying app example-go: deis: POST ")
				assert.ErrorContains(t, err, test.want)
				assert.NotContains(t, err.Error(), "\n")
				var failed *deis.Error
				require.True(t, errors.As(err, &failed))
				assert.Equal(t, http.StatusServiceUnavailable, failed.StatusCode)
			})
		})
	}
}

// bounded keeps a test of what must not wait from waiting forever.
func bounded(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	t.Cleanup(cancel)
	return ctx
}
