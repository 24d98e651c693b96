package deploy_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/builds"
	"github.com/deisgo/deis/deistest"
	"github.com/deisgo/deis/deploy"
	"github.com/deisgo/deis/pods"
	"github.com/deisgo/deis/version"
)

// crashing makes a plan fail while it waits: one of the web pods that it started crashes.
func (s stage) crashing(t *testing.T, p *deploy.Plan) {
	crashed := false
	p.Progress = func(e deploy.Event) {
		if e.Step != deploy.StepWait || crashed {
			return
		}
		crashed = true
		page, err := s.Pods.List(context.Background(), "example-go", pods.ListOptions{Type: "web"}) // the test's context is of outside the bubble
		require.NoError(t, err)
		require.NoError(t, s.controller.CrashPod("example-go", page.Items[0].Name))
	}
}

// later carries a request out on its own, after a while, whatever becomes of who sent it.
func later(t *testing.T, req *http.Request, transport http.RoundTripper, wait time.Duration) {
	body, err := io.ReadAll(req.Body)
	require.NoError(t, err)
	copied := req.Clone(context.WithoutCancel(req.Context()))
	copied.Body = io.NopCloser(strings.NewReader(string(body)))
	go func() {
		time.Sleep(wait)
		if resp, err := transport.RoundTrip(copied); assert.NoError(t, err) {
			resp.Body.Close()
		}
	}()
}

func (s stage) structure(t *testing.T) map[string]int {
	t.Helper()
	app, err := s.Apps.Get(t.Context(), "example-go")
	require.NoError(t, err)
	for kind, number := range app.Structure {
		if number == 0 {
			delete(app.Structure, kind)
		}
	}
	return app.Structure
}

func (s stage) newest(t *testing.T) int {
	t.Helper()
	page, err := s.Releases.List(t.Context(), "example-go", deis.ListOptions{})
	require.NoError(t, err)
	return page.Items[0].Version
}

// A 2.x build stops the types that its Procfile does not have any more.
func TestTheNumbersOfBeforeComeBackWithTheRelease(t *testing.T) {
	for situation, change := range map[string]func(stage, *deploy.Plan){
		"a pod crashes":              func(s stage, p *deploy.Plan) { s.crashing(t, p) },
		"the build is refused":       func(_ stage, p *deploy.Plan) { p.Image = "deis/example-go:k8s-fail" },
		"a type that is not stopped": func(s stage, p *deploy.Plan) { p.Scale["web"] = 4; s.crashing(t, p) },
		"scaling is not answered, and scaling back fails once": func(s stage, p *deploy.Plan) {
			p.Scale["web"] = 4
			s.controller.AddFault(deistest.Fault{Method: "POST", Path: "/apps/*/scale", Drop: true, After: true, Times: 1})
			s.controller.AddFault(deistest.Fault{Method: "POST", Path: "/apps/*/scale", Status: 502, Proxy: true, Times: 1})
		},
	} {
		t.Run(situation, func(t *testing.T) {
			inBothVersions(t, func(t *testing.T, s stage) {
				s.deployed(t)
				p := plan()
				p.Image, p.Procfile, p.Scale, p.Rollback = "deis/example-go:v2", map[string]string{"web": "x"}, map[string]int{"web": 2}, true
				change(s, &p)
				result, err := deploy.Run(t.Context(), s.Client, p)
				require.Error(t, err)
				assert.NotContains(t, err.Error(), "not rolled back")
				assert.Equal(t, map[string]int{"web": 2, "worker": 1}, s.structure(t))
				assert.Equal(t, s.newest(t), result.Release)
				assert.Empty(t, result.Scaled)
			})
		})
	}
}

func TestScalingBackThatFailsDoesNotStopTheRollback(t *testing.T) {
	inBothVersions(t, func(t *testing.T, s stage) {
		s.deployed(t)
		s.controller.AddFault(deistest.Fault{Method: "POST", Path: "/apps/*/scale", Status: 503, Skip: 1, Times: 1})
		p := plan()
		p.Image, p.Scale["web"], p.Rollback = "deis/example-go:v2", 4, true
		s.crashing(t, &p)
		result, err := deploy.Run(t.Context(), s.Client, p)
		require.ErrorIs(t, err, pods.ErrCrashed)
		assert.ErrorContains(t, err, "; rolled back to v3, but: scaling back to web=2: deis: POST")
		assert.True(t, result.RolledBack)
		assert.Equal(t, 5, s.newest(t))
	})
}

// v1.6 Controllers keep the release of an image that they cannot find, while the pods of the one before run on.
func TestAReleaseThatFailedIsNotWhatRuns(t *testing.T) {
	inBothVersions(t, func(t *testing.T, s stage) {
		s.deployed(t)
		bad := plan()
		bad.Image = "deis/nonexistent:1"
		for range 2 { // it is tried again, and not waited for
			result, err := deploy.Run(bounded(t), s.Client, bad)
			require.ErrorContains(t, err, "/builds/")
			assert.Equal(t, 3, result.Previous)
		}
		good := plan()
		good.Image, good.Rollback = "deis/example-go:v2", true
		s.crashing(t, &good)
		result, err := deploy.Run(bounded(t), s.Client, good)
		require.ErrorIs(t, err, pods.ErrCrashed)
		assert.True(t, result.RolledBack)
		assert.Equal(t, 3, result.Previous)
		assert.Equal(t, map[string]int{"web": 2, "worker": 1}, s.running(t))

		if s.controller.APIVersion() == version.V1_6 {
			_, err = s.Builds.Create(t.Context(), "example-go", builds.CreateParams{Image: "deis/nonexistent:1", Procfile: plan().Procfile})
			require.Error(t, err)
			_, err = deploy.Run(bounded(t), s.Client, deploy.Plan{App: "example-go", Scale: map[string]int{"web": 3}})
			assert.ErrorContains(t, err, "failed, and v7 runs on: deploy an image, or roll back")
		}
	})
}

func TestARouters404WhileWaitingIsNoReasonToRollBack(t *testing.T) {
	inBothVersions(t, func(t *testing.T, s stage) {
		s.deployed(t)
		p := plan()
		p.Image, p.Rollback = "deis/example-go:v2", true
		p.Progress = func(e deploy.Event) {
			if e.Step == deploy.StepWait && e.Up == 0 {
				for _, what := range []string{"pods", "containers", "releases"} {
					s.controller.AddFault(deistest.Fault{Method: "GET", Path: "/apps/*/" + what, Status: 404, Proxy: true,
						Body: "default backend - 404", ContentType: "text/plain", Times: 1})
				}
			}
		}
		result, err := deploy.Run(t.Context(), s.Client, p)
		require.NoError(t, err)
		assert.Len(t, result.Pods, 3)
	})
}

// unanswered deploys for two seconds an image whose build is not answered, but may be passed on.
func (s stage) unanswered(t *testing.T, build func(*http.Request)) (*deploy.Result, error) {
	s.deployed(t)
	client := s.through(t, func(req *http.Request) (*http.Response, error) {
		if req.Method != http.MethodPost || !strings.HasSuffix(req.URL.Path, "/builds/") {
			return s.controller.Transport().RoundTrip(req)
		}
		build(req)
		<-req.Context().Done()
		return nil, req.Context().Err()
	})
	p := plan()
	p.Image, p.Rollback = "deis/example-go:v2", true
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	return deploy.Run(ctx, client, p)
}

func TestAChangeThatComesAfterTheContextEndedIsRolledBackToo(t *testing.T) {
	inBothVersions(t, func(t *testing.T, s stage) {
		result, err := s.unanswered(t, func(req *http.Request) { later(t, req, s.controller.Transport(), 3*time.Second) })
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.True(t, result.RolledBack)
		assert.True(t, result.Built)
		assert.Equal(t, 5, s.newest(t))
	})
}

func TestAChangeThatMayStillComeIsSaid(t *testing.T) {
	inBothVersions(t, func(t *testing.T, s stage) {
		_, err := s.unanswered(t, func(*http.Request) {})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.ErrorContains(t, err, "not rolled back: the change without an answer may still be carried out")
	})
}

func TestAReleaseThatARollbackUndoesIsTold(t *testing.T) {
	inBothVersions(t, func(t *testing.T, s stage) {
		s.deployed(t)
		client, arm := s.meanwhile(t, http.MethodPost, "/rollback/", func() {
			_, err := s.Config.SetValues(t.Context(), "example-go", map[string]string{"SOMEBODY": "else"})
			require.NoError(t, err)
		})
		arm()
		p := plan()
		p.Image, p.Rollback = "deis/example-go:v2", true
		s.crashing(t, &p)
		result, err := deploy.Run(t.Context(), client, p)
		require.ErrorIs(t, err, pods.ErrCrashed)
		require.ErrorIs(t, err, deploy.ErrSuperseded)
		assert.ErrorContains(t, err, "somebody else made a newer release just before, which that undid: v5")
		assert.True(t, result.RolledBack)
	})
}

func TestASomebodyElsesChangeIsNotTakenForALostOne(t *testing.T) {
	inBothVersions(t, func(t *testing.T, s stage) {
		s.deployed(t)
		armed := true
		client := s.through(t, func(req *http.Request) (*http.Response, error) {
			if !armed || req.Method != http.MethodPost {
				return s.controller.Transport().RoundTrip(req)
			}
			armed = false
			_, err := s.Config.SetValues(t.Context(), "example-go", map[string]string{"GREETING": "bye", "SOMEBODY": "else"})
			require.NoError(t, err)
			return nil, io.ErrUnexpectedEOF
		})
		p := plan()
		p.Config["GREETING"], p.Rollback = value("bye"), true
		_, err := deploy.Run(t.Context(), client, p)
		require.Error(t, err)
		have, err := s.Config.Get(t.Context(), "example-go")
		require.NoError(t, err)
		assert.Equal(t, "else", have.Values["SOMEBODY"])
		assert.Equal(t, 4, s.newest(t))
	})
}

func TestAnAppThatWasMadeWithoutAnAnswerIsGoneOnWith(t *testing.T) {
	for _, fault := range []deistest.Fault{
		{Drop: true, After: true}, {Status: 504, After: true, Proxy: true}, {Truncate: true},
	} {
		inBothVersions(t, func(t *testing.T, s stage) {
			fault.Method, fault.Path, fault.Times = http.MethodPost, "/apps", 1
			s.controller.AddFault(fault)
			s.controller.AddFault(deistest.Fault{Method: http.MethodGet, Path: "/apps/*/releases", Status: 500, Times: 1})
			result, err := deploy.Run(t.Context(), s.Client, plan())
			require.NoError(t, err)
			assert.True(t, result.Created)
		})
	}
}

func TestThePatienceDoesNotFollowFromTheInterval(t *testing.T) {
	for _, interval := range []time.Duration{50 * time.Millisecond, 0, 2 * time.Minute} {
		t.Run(interval.String(), func(t *testing.T) {
			inBothVersions(t, func(t *testing.T, s stage) {
				s.deployed(t)
				var down time.Time
				client := s.through(t, func(req *http.Request) (*http.Response, error) {
					if req.Method == http.MethodPost && strings.HasSuffix(req.URL.Path, "/builds/") {
						down = time.Now()
						later(t, req, s.controller.Transport(), 3*time.Second)
						return nil, io.ErrUnexpectedEOF
					}
					if !down.IsZero() && time.Since(down) < 20*time.Second {
						return &http.Response{StatusCode: 500, Header: http.Header{}, Body: http.NoBody, Request: req}, nil
					}
					return s.controller.Transport().RoundTrip(req)
				})
				p := plan()
				p.Image, p.Rollback, p.Interval = "deis/example-go:v2", true, interval
				result, err := deploy.Run(t.Context(), client, p)
				require.NoError(t, err)
				assert.True(t, result.Built)
			})
		})
	}
}

func TestAnUpgradeBeforeAWriteIsSurvived(t *testing.T) {
	for _, at := range []string{"changing GREETING, PORT", "deploying deis/example-go:v1", "scaling to cmd=0 web=2 worker=1"} {
		inBothVersions(t, func(t *testing.T, s stage) {
			to := version.V2_2
			if s.controller.APIVersion() == to {
				to = version.V1_6
			}
			p := plan()
			p.Progress = func(e deploy.Event) {
				if e.Message == at {
					s.controller.SetAPIVersion(to)
				}
			}
			_, err := deploy.Run(t.Context(), s.Client, p)
			assert.NoError(t, err, at)
		})
	}
}

func TestOneOffProcessesThatAreScaledByHandStay(t *testing.T) {
	inBothVersions(t, func(t *testing.T, s stage) {
		s.deployed(t)
		require.NoError(t, s.Pods.Scale(t.Context(), "example-go", map[string]int{"cmd": 3}))
		result, err := deploy.Run(t.Context(), s.Client, plan())
		require.NoError(t, err)
		assert.False(t, result.Changed())
	})
}
