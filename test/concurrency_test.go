package test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/apps"
	"github.com/deisgo/deis/auth"
	"github.com/deisgo/deis/builds"
	"github.com/deisgo/deis/deistest"
	"github.com/deisgo/deis/internal/exchange"
	"github.com/deisgo/deis/keys"
	"github.com/deisgo/deis/pods"
	"github.com/deisgo/deis/rest"
	"github.com/deisgo/deis/version"
)

const callers = 64

// everyService calls methods of every service, for an app with the given id.
func everyService(ctx context.Context, c *deis.Client, id string) error {
	ignore := func(_ any, err error) error { return err }
	var failures []error
	for _, step := range []func() error{
		func() error { return ignore(c.Auth.Whoami(ctx)) },
		func() error { return ignore(c.Apps.Create(ctx, apps.CreateParams{ID: id})) },
		func() error { return ignore(c.Config.SetValues(ctx, id, map[string]string{"ID": id})) },
		func() error {
			return ignore(c.Builds.Create(ctx, id, builds.CreateParams{Image: "deis/" + id + ":v1"}))
		},
		func() error { return ignore(c.Pods.Restart(ctx, id, pods.RestartOptions{})) },
		func() error { return ignore(c.Releases.Get(ctx, id, 1)) },
		func() error { return ignore(c.Domains.Create(ctx, id, id+".example.com")) },
		func() error { return ignore(c.Perms.List(ctx, id)) },
		func() error {
			return ignore(c.Keys.Create(ctx, keys.CreateParams{ID: id, Public: "ssh-rsa " + base64.StdEncoding.EncodeToString([]byte(id))}))
		},
		func() error { return ignore(c.Certs.List(ctx, deis.ListOptions{})) },
		func() error { return ignore(c.Users.List(ctx, deis.ListOptions{})) },
		func() error { return ignore(c.Apps.Logs(ctx, id, apps.LogOptions{})) },
		func() error { return c.Keys.Delete(ctx, id) },
		func() error { return c.Apps.Delete(ctx, id) },
	} {
		failures = append(failures, step())
	}
	return errors.Join(failures...)
}

// Not parallel: it counts the goroutines of the whole process.
func TestConcurrentCallersShareOneVersionProbeAndFewConnections(t *testing.T) {
	before := runtime.NumGoroutine()
	controller := deistest.New()
	var open, most atomic.Int64
	server := httptest.NewUnstartedServer(controller)
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			now := open.Add(1)
			for seen := most.Load(); now > seen && !most.CompareAndSwap(seen, now); seen = most.Load() {
			}
		case http.StateClosed, http.StateHijacked:
			open.Add(-1)
		}
	}
	server.Start()
	client, err := deis.New(server.URL, deis.WithToken(controller.Token()))
	require.NoError(t, err)

	start := make(chan struct{})
	var done sync.WaitGroup
	for i := range callers {
		done.Go(func() {
			<-start
			own := client
			if i%2 == 1 { // copies are made while calls are in flight
				var err error
				own, err = client.With(deis.WithApplication(fmt.Sprint("worker-", i), ""))
				assert.NoError(t, err)
			}
			assert.NoError(t, everyService(t.Context(), own, fmt.Sprint("app-", i)))
		})
	}
	close(start)
	done.Wait()
	assert.Equal(t, 1, versionProbes(controller))
	// A caller that finds no free connection opens one, but uses another if that becomes free first: one too many for each.
	// The server may notice late that a third was closed.
	assert.LessOrEqual(t, most.Load(), int64(3*callers))

	client.CloseIdleConnections()
	server.Close()
	assertNoGoroutineLeft(t, before)
}

// versionProbes counts the version probes that a Controller received.
func versionProbes(c *deistest.Controller) int {
	return len(slices.DeleteFunc(c.Requests(), func(r deistest.Request) bool { return r.Path != "/v2/" }))
}

// assertNoGoroutineLeft waits until there are no more goroutines than before, and prints them if there are.
func assertNoGoroutineLeft(t *testing.T, before int) {
	t.Helper()
	patience := time.Now().Add(20 * time.Second)
	for runtime.NumGoroutine() > before && time.Now().Before(patience) {
		time.Sleep(time.Millisecond)
	}
	if after := runtime.NumGoroutine(); after > before {
		stacks := make([]byte, 1<<20)
		t.Errorf("%d goroutines before, %d after:\n%s", before, after, stacks[:runtime.Stack(stacks, true)])
	}
}

func TestConcurrentCallersSurviveAnUpgradeOfTheController(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		controller := deistest.New(deistest.WithAPIVersion(version.V1_6), deistest.WithLatency(10*time.Millisecond))
		client, err := deis.New("https://deis.example.com", deis.WithToken(controller.Token()), deis.WithTransport(controller.Transport()))
		require.NoError(t, err)
		_, err = client.Apps.Create(t.Context(), apps.CreateParams{ID: "example-go"})
		require.NoError(t, err)
		_, err = client.Auth.Whoami(t.Context())
		require.ErrorIs(t, err, errors.ErrUnsupported, "1.6 does not have it")

		upgrade := time.Now().Add(200 * time.Millisecond)
		var failed atomic.Int64
		var done sync.WaitGroup
		for i := range callers {
			done.Go(func() {
				time.Sleep(time.Duration(i) * time.Millisecond / 8) // so that they are in all phases of a call
				for time.Since(upgrade) < 200*time.Millisecond {
					app, err := client.Apps.Get(t.Context(), "example-go")
					if err == nil {
						assert.Equal(t, "example-go", app.ID)
						continue
					}
					failed.Add(1)
					assert.NotErrorIs(t, err, deis.ErrNotFound, "the app is there; only its path has changed")
					assert.ErrorContains(t, err, "the Controller speaks API 2.2, but this call used 1.6")
					assert.Less(t, time.Since(upgrade), 100*time.Millisecond, "only calls in flight fail")
				}
			})
		}
		time.Sleep(time.Until(upgrade))
		controller.SetAPIVersion(version.V2_2)
		done.Wait()
		assert.Positive(t, failed.Load())
		assert.LessOrEqual(t, failed.Load(), int64(callers), "each caller fails at most once")
		assert.Equal(t, 2, versionProbes(controller), "one for each version")
		user, err := client.Auth.Whoami(t.Context())
		require.NoError(t, err)
		assert.Equal(t, "admin", user.Username)
	})
}

func TestAPanicReachesTheCallersGoroutine(t *testing.T) {
	page := `{"count":4,"next":"?offset=2","results":[{"id":"a"},{"id":"b"}]}`
	for situation, c := range map[string]struct {
		panics func(*http.Request) bool
		call   func(context.Context, *deis.Client) error
	}{
		"a transport, during the version probe": {
			func(req *http.Request) bool { return req.URL.Path == "/v2/" },
			func(ctx context.Context, c *deis.Client) error { _, err := c.Negotiate(ctx); return err },
		},
		"a transport, reading ahead": {
			func(req *http.Request) bool { return req.URL.RawQuery == "offset=2" },
			func(ctx context.Context, c *deis.Client) error {
				_, err := deis.Collect(c.Apps.All(ctx, apps.ListOptions{}))
				return err
			},
		},
		"a logger": {
			func(*http.Request) bool { return false },
			func(ctx context.Context, c *deis.Client) error {
				loud, err := c.With(deis.WithLogger(slog.New(panicking{})))
				if err != nil {
					return err
				}
				_, err = loud.Apps.List(ctx, apps.ListOptions{})
				return err
			},
		},
		"a decoder": {
			func(*http.Request) bool { return false },
			func(ctx context.Context, c *deis.Client) error {
				_, err := rest.Get[explosive](ctx, c.REST(), rest.Path("apps"))
				return err
			},
		},
	} {
		client, err := deis.New("https://deis.example.com", deis.WithTransport(exchange.RoundTrip(func(req *http.Request) (*http.Response, error) {
			if c.panics(req) {
				panic("boom")
			}
			return fromController(200, page)
		})))
		require.NoError(t, err)
		assert.PanicsWithValue(t, "boom", func() { c.call(t.Context(), client) }, situation)
		c.panics = func(*http.Request) bool { return false }
		_, err = client.Apps.List(t.Context(), apps.ListOptions{})
		assert.NoError(t, err, "%s: the next call succeeds", situation)
	}
}

type panicking struct{ slog.Handler }

func (panicking) Enabled(context.Context, slog.Level) bool  { return true }
func (panicking) Handle(context.Context, slog.Record) error { panic("boom") }

type explosive struct{}

func (*explosive) UnmarshalJSON([]byte) error { panic("boom") }

func TestALoginDoesNotAffectConcurrentCalls(t *testing.T) {
	t.Parallel()
	server := deistest.NewServer(deistest.WithUser("alice", "secretpassword"))
	defer server.Close()
	client, err := deis.New(server.URL, deis.WithToken(server.Token))
	require.NoError(t, err)
	defer client.CloseIdleConnections()
	var done sync.WaitGroup
	for range 8 {
		done.Go(func() {
			user, err := client.Auth.Whoami(t.Context())
			if assert.NoError(t, err) {
				assert.Equal(t, "admin", user.Username)
			}
		})
		done.Go(func() {
			token, err := client.Auth.Login(t.Context(), "alice", "secretpassword")
			if !assert.NoError(t, err) {
				return
			}
			alice, err := client.With(deis.WithToken(token))
			if !assert.NoError(t, err) {
				return
			}
			user, err := alice.Auth.Whoami(t.Context())
			if assert.NoError(t, err) {
				assert.Equal(t, "alice", user.Username)
			}
		})
	}
	done.Wait()
	assert.ErrorIs(t, client.Auth.Cancel(t.Context(), auth.CancelParams{Username: "nobody"}), deis.ErrNotFound)
}
