package deploy_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/builds"
	"github.com/deisgo/deis/config"
	"github.com/deisgo/deis/deploy"
	"github.com/deisgo/deis/internal/exchange"
	"github.com/deisgo/deis/pods"
	"github.com/deisgo/deis/version"
)

// through makes a client of the Controller whose requests go through something.
func (s stage) through(t *testing.T, something exchange.RoundTrip) *deis.Client {
	t.Helper()
	client, err := deis.New("http://deis.example.com", deis.WithToken(s.controller.Token()), deis.WithTransport(something))
	require.NoError(t, err)
	return client
}

// meanwhile makes a client at whose first request of that kind, once it is armed, somebody else does something first.
func (s stage) meanwhile(t *testing.T, method, path string, something func()) (client *deis.Client, arm func()) {
	t.Helper()
	armed := false
	return s.through(t, func(r *http.Request) (*http.Response, error) {
		if armed && r.Method == method && strings.HasSuffix(r.URL.Path, path) {
			armed = false
			something()
		}
		return s.controller.Transport().RoundTrip(r)
	}), func() { armed = true }
}

func TestAChangeOfSomebodyElseIsNeverUndone(t *testing.T) {
	for when, before := range map[string]struct {
		method, path string
		goodIn2      bool // where a change brings nothing back
	}{
		"just before ours": {http.MethodPost, "/config/", true},
		"just after ours":  {http.MethodGet, "/releases/", false},
	} {
		t.Run(when, func(t *testing.T) {
			inBothVersions(t, func(t *testing.T, s stage) {
				s.deployed(t)
				client, arm := s.meanwhile(t, before.method, before.path, func() {
					_, err := s.Config.SetValues(t.Context(), "example-go", map[string]string{"SOMEBODY": "else"})
					require.NoError(t, err)
				})
				p := plan()
				p.Config["GREETING"], p.Rollback = value("good morning"), true
				p.Progress = func(e deploy.Event) {
					if e.Message == "changing GREETING" {
						arm()
					}
				}
				result, err := deploy.Run(bounded(t), client, p)
				if before.goodIn2 && s.controller.APIVersion() == version.V2_2 {
					require.NoError(t, err)
				} else {
					require.ErrorIs(t, err, deploy.ErrSuperseded)
					assert.Equal(t, 1, strings.Count(err.Error(), "somebody else"), err)
					assert.ErrorContains(t, err, "; not rolled back")
				}
				if s.controller.APIVersion() == version.V1_6 {
					assert.ErrorContains(t, err, "SOMEBODY")
				}
				assert.Equal(t, []string{"GREETING"}, result.ConfigChanged)
				config, err := s.Config.Get(t.Context(), "example-go")
				require.NoError(t, err)
				assert.Equal(t, map[string]string{"GREETING": "good morning", "PORT": "5000", "SOMEBODY": "else"}, config.Values)
			})
		})
	}
}

// A 2.x Controller says that there is nothing left to change.
func TestTheSameChangeOfSomebodyElseIsNotTakenForOurs(t *testing.T) {
	for name, mine := range map[string]*string{"set": value("good morning"), "unset": nil} {
		t.Run(name, func(t *testing.T) {
			inBothVersions(t, func(t *testing.T, s stage) {
				s.deployed(t)
				client, arm := s.meanwhile(t, http.MethodPost, "/config/", func() {
					_, err := s.Config.Set(t.Context(), "example-go", config.Changes{Values: map[string]*string{"GREETING": mine}})
					require.NoError(t, err)
				})
				arm()
				p := plan()
				p.Config["GREETING"], p.Scale["web"], p.Rollback = mine, 99, true
				result, err := deploy.Run(t.Context(), client, p)
				require.Error(t, err)
				v1 := s.controller.APIVersion() == version.V1_6
				assert.Equal(t, v1, errors.Is(err, deploy.ErrSuperseded), "%v", err)
				assert.False(t, result.RolledBack)
				assert.Equal(t, v1, result.Changed())
				have, err := s.Config.Get(t.Context(), "example-go")
				require.NoError(t, err)
				if mine == nil {
					assert.NotContains(t, have.Values, "GREETING")
				} else {
					assert.Equal(t, *mine, have.Values["GREETING"])
				}

				arm()
				p.Scale["web"], p.Config["GREETING"] = 2, value("good evening")
				mine = p.Config["GREETING"]
				if !v1 {
					_, err = deploy.Run(t.Context(), client, p)
					assert.NoError(t, err, "it is as planned, whoever did it")
				}
			})
		})
	}
}

// 2.2 Controllers make a health check of HEALTHCHECK_URL, and do not list it, so that it seems to differ each time.
func TestAVariableThatTheControllerPutsElsewhereDoesNotFailTheNextRun(t *testing.T) {
	inBothVersions(t, func(t *testing.T, s stage) {
		p := plan()
		p.Config["HEALTHCHECK_URL"] = value("/")
		for range 2 {
			_, err := deploy.Run(t.Context(), s.Client, p)
			require.NoError(t, err)
		}
	})
}

func TestWhatSomebodyElseDidInBetweenIsNotRolledBack(t *testing.T) {
	for request, release := range map[string]int{"POST /builds/": 5, "GET /releases/": 4, "POST /scale/": 4} {
		t.Run("before "+request, func(t *testing.T) {
			inBothVersions(t, func(t *testing.T, s stage) {
				s.deployed(t)
				method, path, _ := strings.Cut(request, " ")
				client, arm := s.meanwhile(t, method, path, func() {
					_, err := s.Config.SetValues(t.Context(), "example-go", map[string]string{"SOMEBODY": "else"})
					require.NoError(t, err)
				})
				p := plan()
				p.Image, p.Scale["web"], p.Rollback = "deis/example-go:v2", 99, true
				p.Progress = func(e deploy.Event) {
					if e.Message == "deploying deis/example-go:v2" {
						arm()
					}
				}
				result, err := deploy.Run(t.Context(), client, p)
				assert.ErrorIs(t, err, deis.ErrUnavailable)
				assert.ErrorIs(t, err, deploy.ErrSuperseded)
				assert.ErrorContains(t, err, "; not rolled back: deis: somebody else made a newer release than v3")
				assert.True(t, result.Built)
				assert.Equal(t, release, result.Release)
				config, err := s.Config.Get(t.Context(), "example-go")
				require.NoError(t, err)
				assert.Equal(t, "else", config.Values["SOMEBODY"])
			})
		})
	}
}

// A v1.6 Controller merges a change into the config that was made last, even if that was rolled back.
func TestADeployDoesNotBringBackWhatWasRolledBack(t *testing.T) {
	inBothVersions(t, func(t *testing.T, s stage) {
		s.deployed(t)
		set := func(changes config.Changes) {
			t.Helper()
			_, err := s.Config.Set(t.Context(), "example-go", changes)
			require.NoError(t, err)
		}
		limits := func(web, worker string) map[string]*string {
			return map[string]*string{"web": value(web), "worker": value(worker)}
		}
		set(config.Changes{Memory: map[string]*string{"web": value("64M")}, CPU: map[string]*string{"web": value("256")}})
		set(config.Changes{
			Values: map[string]*string{"GREETING": value("bye"), "PORT": nil, "EXTRA": value("1"), "EMPTY": value("")},
			Memory: limits("128M", "32M"), CPU: limits("512", "128"), Tags: map[string]*string{"ssd": value("true")},
		})
		_, err := s.Releases.Rollback(t.Context(), "example-go", 0)
		require.NoError(t, err)
		before, err := s.Config.Get(t.Context(), "example-go")
		require.NoError(t, err)

		p := plan()
		p.Config = map[string]*string{"OTHER": value("2")}
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

func TestSomebodyElsesDeployIsNeitherTakenForOursNorRolledBack(t *testing.T) {
	for at, event := range map[string]string{"before waiting": "deployed deis/example-go:v2", "while waiting": "0 of 3 pods up"} {
		t.Run(at, func(t *testing.T) {
			inBothVersions(t, func(t *testing.T, s stage) {
				s.deployed(t)
				p := plan()
				p.Image, p.Rollback = "deis/example-go:v2", true
				p.Progress = func(e deploy.Event) {
					if e.Message == event {
						_, err := s.Builds.Create(t.Context(), "example-go", builds.CreateParams{Image: "deis/other:v9", Procfile: p.Procfile})
						require.NoError(t, err)
					}
				}
				start := time.Now()
				result, err := deploy.Run(bounded(t), s.Client, p)
				assert.ErrorIs(t, err, deploy.ErrSuperseded)
				assert.ErrorContains(t, err, "; not rolled back")
				assert.NotContains(t, err.Error(), "canceled")
				assert.Equal(t, 1, strings.Count(err.Error(), "somebody else"), err)
				assert.Less(t, time.Since(start), startDelay)
				assert.True(t, result.Built)
				assert.False(t, result.RolledBack)
				page, err := s.Releases.List(t.Context(), "example-go", deis.ListOptions{})
				require.NoError(t, err)
				assert.Equal(t, 5, page.Items[0].Version)
				assert.Contains(t, page.Items[0].Summary, "deis/other:v9")
			})
		})
	}
}

func TestAReleaseThatTheControllerTakesBackIsNotWaitedFor(t *testing.T) {
	inBothVersions(t, func(t *testing.T, s stage) {
		s.deployed(t)
		taken := false
		client := s.through(t, func(r *http.Request) (*http.Response, error) {
			resp, err := s.controller.Transport().RoundTrip(r)
			if err != nil || !taken || r.Method != http.MethodGet || !strings.HasSuffix(r.URL.Path, "/releases/") {
				return resp, err
			}
			var list map[string]any // without the newest release
			require.NoError(t, json.NewDecoder(resp.Body).Decode(&list))
			all, err := s.Releases.List(r.Context(), "example-go", deis.ListOptions{})
			require.NoError(t, err)
			list["results"] = all.Items[1:]
			data, err := json.Marshal(list)
			resp.Body, resp.ContentLength = io.NopCloser(strings.NewReader(string(data))), -1
			return resp, err
		})
		p := plan()
		p.Image, p.Rollback = "deis/example-go:v2", true
		p.Progress = func(e deploy.Event) { taken = taken || e.Message == "0 of 3 pods up" }
		start := time.Now()
		result, err := deploy.Run(bounded(t), client, p)
		assert.ErrorContains(t, err, "the Controller took release v4 back")
		assert.Less(t, time.Since(start), startDelay)
		assert.False(t, result.RolledBack)
		assert.Equal(t, 3, result.Release)
	})
}

func TestOfTwoDeploysAtTheSameTimeTheLaterRuns(t *testing.T) {
	inBothVersions(t, func(t *testing.T, s stage) {
		s.deployed(t)
		client, arm := s.meanwhile(t, http.MethodPost, "/builds/", func() {
			_, err := s.Builds.Create(t.Context(), "example-go", builds.CreateParams{Image: "deis/other:v9", Procfile: plan().Procfile})
			require.NoError(t, err)
		})
		arm()
		p := plan()
		p.Image = "deis/example-go:v2"
		result, err := deploy.Run(t.Context(), client, p)
		require.NoError(t, err)
		assert.Equal(t, 5, result.Release)
		for pod, err := range s.Pods.All(t.Context(), "example-go", pods.ListOptions{}) {
			require.NoError(t, err)
			assert.Equal(t, "v5", pod.Release)
		}
	})
}
