package test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/apps"
	"github.com/deisgo/deis/builds"
	"github.com/deisgo/deis/config"
	"github.com/deisgo/deis/deistest"
	"github.com/deisgo/deis/version"
)

// setInPairs sets pairs of config values, both of a pair at the same time, one through each client. It returns the app's
// values afterwards, and the errors.
func setInPairs(ctx context.Context, t *testing.T, pairs int, one, other *deis.Client) (values map[string]string, failures []error) {
	t.Helper()
	for pair := range pairs {
		results := make(chan error)
		for half, client := range []*deis.Client{one, other} {
			go func() {
				_, err := client.Config.SetValues(ctx, "example-go", map[string]string{fmt.Sprintf("V%d_%d", pair, half): "x"})
				results <- err
			}()
		}
		for range 2 {
			if err := <-results; err != nil {
				failures = append(failures, err)
			}
		}
	}
	config, err := one.Config.Get(ctx, "example-go")
	require.NoError(t, err)
	return config.Values, failures
}

// newCareless makes a Controller that loses updates, as real ones do, and a client for it, and creates an app.
func newCareless(t *testing.T, api version.API) (*deis.Client, *deistest.Controller) {
	t.Helper()
	controller := deistest.New(deistest.WithAPIVersion(api), deistest.WithLostUpdates())
	client, err := deis.New("https://deis.example.com", deis.WithToken(controller.Token()), deis.WithTransport(controller.Transport()))
	require.NoError(t, err)
	_, err = client.Apps.Create(t.Context(), apps.CreateParams{ID: "example-go"})
	require.NoError(t, err)
	return client, controller
}

func TestOneClientLosesNoUpdates(t *testing.T) {
	t.Parallel()
	for _, api := range []version.API{version.V1_6, version.V2_2} {
		t.Run(api.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, _ := newCareless(t, api)
				copied, err := client.With(deis.WithApplication("another", ""))
				require.NoError(t, err)
				values, failures := setInPairs(t.Context(), t, 50, client, copied)
				assert.Empty(t, failures)
				assert.Len(t, values, 2*50)
			})
		})
	}
}

// Without turns, the test above would fail.
func TestTwoIndependentClientsLoseUpdates(t *testing.T) {
	t.Parallel()
	for _, api := range []version.API{version.V1_6, version.V2_2} {
		t.Run(api.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, controller := newCareless(t, api)
				independent, err := deis.New("https://deis.example.com", deis.WithToken(controller.Token()), deis.WithTransport(controller.Transport()))
				require.NoError(t, err)
				values, failures := setInPairs(t.Context(), t, 10, client, independent)
				assert.Less(t, len(values), 2*10)
				for _, err := range failures {
					assert.ErrorIs(t, err, deis.ErrServer)
				}
			})
		})
	}
}

func TestWritesOfDifferentTypesTakeTurns(t *testing.T) {
	t.Parallel()
	for _, api := range []version.API{version.V1_6, version.V2_2} {
		t.Run(api.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, _ := newCareless(t, api)
				_, err := client.Builds.Create(t.Context(), "example-go", builds.CreateParams{Image: "deis/example-go:v0", Procfile: map[string]string{"web": "run"}})
				require.NoError(t, err)
				var done sync.WaitGroup
				for i := range 10 {
					done.Go(func() {
						_, err := client.Config.SetValues(t.Context(), "example-go", map[string]string{fmt.Sprint("V", i): "x"})
						assert.NoError(t, err)
					})
					done.Go(func() {
						_, err := client.Builds.Create(t.Context(), "example-go", builds.CreateParams{
							Image: fmt.Sprint("deis/example-go:v", i+1), Procfile: map[string]string{"web": "run"},
						})
						assert.NoError(t, err)
					})
					done.Go(func() { assert.NoError(t, client.Pods.Scale(t.Context(), "example-go", map[string]int{"web": i + 1})) })
				}
				done.Wait()
				config, err := client.Config.Get(t.Context(), "example-go")
				require.NoError(t, err)
				assert.Len(t, config.Values, 10)
				all, err := deis.Collect(client.Releases.All(t.Context(), "example-go", deis.ListOptions{}))
				require.NoError(t, err)
				assert.Len(t, all, 1+1+10+10, "the initial release, the first build, and one for each change and build")
			})
		})
	}
}

// A deploy that fails has changed something: real Controllers stop the processes that a build lacks before they deploy it.
func TestADeployThatFailedMayHaveActed(t *testing.T) {
	for _, api := range []version.API{version.V1_6, version.V2_2, version.V2_3} {
		controller := deistest.New(deistest.WithAPIVersion(api), deistest.WithApp("example-go", ""))
		client, err := deis.New("https://deis.example.com", deis.WithToken(controller.Token()), deis.WithTransport(controller.Transport()))
		require.NoError(t, err)
		_, err = client.Builds.Create(t.Context(), "example-go", builds.CreateParams{Image: "deis/example-go:v1"})
		require.NoError(t, err)
		fail := "1"
		for name, deploy := range map[string]func() error{
			"build": func() error {
				_, err := client.Builds.Create(t.Context(), "example-go", builds.CreateParams{Image: "deis/example-go:k8s-fail"})
				return err
			},
			"config": func() error {
				_, err := client.Config.Set(t.Context(), "example-go", config.Changes{Values: map[string]*string{"K8S_FAIL": &fail}})
				return err
			},
		} {
			err := deploy()
			var failed *deis.Error
			require.ErrorAs(t, err, &failed, name)
			assert.True(t, failed.MayHaveActed(), "%s on %s: %v", name, api, err)
			assert.ErrorContains(t, err, "it may have been carried out")
		}
		_, err = client.Builds.Create(t.Context(), "nosuch", builds.CreateParams{Image: "deis/example-go:v1"})
		var failed *deis.Error
		require.ErrorAs(t, err, &failed)
		assert.False(t, failed.MayHaveActed(), "%v", err)
	}
}
