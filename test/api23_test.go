package test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/apps"
	"github.com/deisgo/deis/auth"
	"github.com/deisgo/deis/builds"
	"github.com/deisgo/deis/config"
	"github.com/deisgo/deis/deistest"
	"github.com/deisgo/deis/keys"
	"github.com/deisgo/deis/perms"
	"github.com/deisgo/deis/pods"
	"github.com/deisgo/deis/releases"
	"github.com/deisgo/deis/services"
	"github.com/deisgo/deis/settings"
	"github.com/deisgo/deis/tls"
	"github.com/deisgo/deis/version"
)

// servers23 are the two generations of servers that report API 2.3. The late one keeps failed releases, has services, and
// matches whole paths.
var servers23 = map[string][]deistest.Option{
	"late":  {deistest.WithAPIVersion(version.V2_3)},
	"early": {deistest.WithAPIVersion(version.V2_3), deistest.WithEarly23()},
}

// deployed23 deploys the app example-go to a new server, and returns a client for it.
func deployed23(t *testing.T, opts []deistest.Option) *deis.Client {
	t.Helper()
	srv := deistest.NewServer(opts...)
	t.Cleanup(srv.Close)
	client, err := deis.New(srv.URL, deis.WithToken(srv.Token))
	require.NoError(t, err)
	_, err = client.Apps.Create(t.Context(), apps.CreateParams{ID: "example-go"})
	require.NoError(t, err)
	_, err = client.Builds.Create(t.Context(), "example-go", build("deis/example-go:v1"))
	require.NoError(t, err)
	require.NoError(t, client.Pods.Scale(t.Context(), "example-go", map[string]int{"web": 2, "worker": 1}))
	return client
}

func build(image string) builds.CreateParams {
	return builds.CreateParams{Image: image, Procfile: map[string]string{"web": "./serve", "worker": "./work"}}
}

func TestTheSDKSpeaks23ToBothServers(t *testing.T) {
	for server, opts := range servers23 {
		t.Run(server, func(t *testing.T) {
			api, err := deployed23(t, opts).Negotiate(t.Context())
			require.NoError(t, err)
			assert.Equal(t, version.V2_3, api)
		})
	}
}

func TestAFailedBuildIsUndoneWithoutUndoingAGoodChange(t *testing.T) {
	for server, opts := range servers23 {
		t.Run(server, func(t *testing.T) {
			client := deployed23(t, opts)
			good, err := client.Releases.Current(t.Context(), "example-go")
			require.NoError(t, err)
			_, err = client.Builds.Create(t.Context(), "example-go", build("nonexistent/app:v9"))
			require.ErrorIs(t, err, deis.ErrBadRequest)
			current, err := client.Releases.Current(t.Context(), "example-go")
			require.NoError(t, err)
			assert.Equal(t, good.Version, current.Version)
			page, err := client.Releases.List(t.Context(), "example-go", releases.ListOptions{})
			require.NoError(t, err)
			if server == "early" {
				assert.Equal(t, good.Version, page.Items[0].Version, "the failed release is deleted")
				return
			}
			assert.True(t, page.Items[0].Failed)
			assert.NotEmpty(t, page.Items[0].Exception)
			made, err := client.Releases.Rollback(t.Context(), "example-go", 0)
			require.NoError(t, err)
			undone, err := client.Releases.Get(t.Context(), "example-go", made)
			require.NoError(t, err)
			assert.Equal(t, good.Build, undone.Build, "what ran before the failed build runs again")
			_, err = client.Releases.Rollback(t.Context(), "example-go", page.Items[0].Version)
			assert.ErrorIs(t, err, releases.ErrFailed)
		})
	}
}

func TestSettingsWhitelistAndTLSWorkOnBothServers(t *testing.T) {
	for server, opts := range servers23 {
		t.Run(server, func(t *testing.T) {
			ctx, client := t.Context(), deployed23(t, opts)
			on := true
			changed, err := client.Settings.Set(ctx, "example-go", settings.Changes{
				Maintenance: &on, Autoscale: map[string]*settings.Autoscale{"web": {Min: 1, Max: 5, CPUPercent: 40}},
			})
			require.NoError(t, err)
			assert.True(t, changed.Maintenance)
			_, err = client.Settings.Set(ctx, "example-go", settings.Changes{Maintenance: &on})
			assert.ErrorIs(t, err, settings.ErrUnchanged)

			require.NoError(t, client.Settings.Allow(ctx, "example-go", []string{"1.2.3.4", "10.0.0.0/8"}))
			assert.ErrorIs(t, client.Settings.Allow(ctx, "example-go", []string{"1.2.3.4"}), settings.ErrUnchanged)
			assert.ErrorIs(t, client.Settings.Disallow(ctx, "example-go", []string{"9.9.9.9"}), settings.ErrNotSet)
			require.NoError(t, client.Settings.Disallow(ctx, "example-go", []string{"1.2.3.4"}))
			addresses, err := client.Settings.Whitelist(ctx, "example-go")
			require.NoError(t, err)
			assert.Equal(t, []string{"10.0.0.0/8"}, addresses)

			enforced, err := client.TLS.Enforce(ctx, "example-go", true)
			require.NoError(t, err)
			assert.True(t, enforced.HTTPSEnforced)
			_, err = client.TLS.Enforce(ctx, "example-go", true)
			assert.ErrorIs(t, err, tls.ErrUnchanged)
			_, err = client.Apps.Get(ctx, "example-go")
			require.NoError(t, err, "the app is still there")
		})
	}
}

func TestServicesWorkOrReturnAnError(t *testing.T) {
	for server, opts := range servers23 {
		t.Run(server, func(t *testing.T) {
			ctx, client := t.Context(), deployed23(t, opts)
			err := client.Services.Create(ctx, "example-go", services.CreateParams{ProcfileType: "web", PathPattern: "/api/.*"})
			if server == "late" {
				require.NoError(t, err)
				routes, err := client.Services.List(ctx, "example-go")
				require.NoError(t, err)
				assert.Equal(t, []services.Route{{ProcfileType: "web", PathPattern: "/api/.*"}}, routes)
				require.NoError(t, client.Services.Delete(ctx, "example-go", "web"))
				assert.ErrorIs(t, client.Services.Delete(ctx, "example-go", "web"), deis.ErrNotFound)
				return
			}
			assert.Error(t, err)
			assert.Error(t, client.Services.Delete(ctx, "example-go", "web"))
			_, err = client.Apps.Get(ctx, "example-go")
			require.NoError(t, err, "the app is still there")
		})
	}
}

func TestBuildsKeysAndHooksOf23(t *testing.T) {
	for server, opts := range servers23 {
		t.Run(server, func(t *testing.T) {
			ctx, client := t.Context(), deployed23(t, opts)
			page, err := client.Builds.List(ctx, "example-go", builds.ListOptions{})
			require.NoError(t, err)
			latest, err := client.Builds.Get(ctx, "example-go", page.Items[0].UUID)
			require.NoError(t, err)
			assert.Equal(t, page.Items[0].Image, latest.Image)
			_, err = client.Builds.Get(ctx, "example-go", "a3674d02-4453-43b7-8c11-80ea8d3d3f43")
			assert.ErrorIs(t, err, builds.ErrNotLatest)

			_, err = client.Keys.Create(ctx, keys.CreateParams{ID: "laptop", Public: "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQDT test@example.com"})
			require.NoError(t, err)
			key, err := client.Keys.Get(ctx, "laptop")
			require.NoError(t, err)
			assert.Equal(t, "laptop", key.ID)

			seconds, hook := "30", "sleep 1"
			_, err = client.Config.Set(ctx, "example-go", config.Changes{
				TerminationGracePeriod: map[string]*string{"web": &seconds}, LifecyclePreStop: map[string]*string{"web": &hook},
			})
			if server == "early" {
				assert.ErrorIs(t, err, errors.ErrUnsupported)
				return
			}
			require.NoError(t, err)
			_, err = client.Config.Set(ctx, "example-go", config.Changes{LifecyclePreStop: map[string]*string{"web": nil}})
			assert.ErrorIs(t, err, errors.ErrUnsupported)
		})
	}
}

func TestRevokingANameWithADotNeverRevokesAnother(t *testing.T) {
	for server, opts := range servers23 {
		t.Run(server, func(t *testing.T) {
			ctx, client := t.Context(), deployed23(t, append(opts, deistest.WithUser("jo", "pw"), deistest.WithUser("jo.hn", "pw")))
			for _, name := range []string{"jo", "jo.hn"} {
				require.NoError(t, client.Perms.Grant(ctx, "example-go", name))
			}
			assert.ErrorIs(t, client.Perms.Revoke(ctx, "example-go", "jo.hn"), perms.ErrAmbiguousName)
			require.NoError(t, client.Perms.Revoke(ctx, "example-go", "jo"))
			assert.Error(t, client.Perms.Revoke(ctx, "example-go", "jo.hn"), "neither server revokes such a name")
			names, err := client.Perms.List(ctx, "example-go")
			require.NoError(t, err)
			assert.Equal(t, []string{"jo.hn"}, names)
		})
	}
}

func TestOnlyTheNamedPodIsRestarted(t *testing.T) {
	for server, opts := range servers23 {
		t.Run(server, func(t *testing.T) {
			ctx, client := t.Context(), deployed23(t, opts)
			page, err := client.Pods.List(ctx, "example-go", pods.ListOptions{Type: "web"})
			require.NoError(t, err)
			require.Len(t, page.Items, 2)
			restarted, err := client.Pods.Restart(ctx, "example-go", pods.RestartOptions{Type: "web", Name: page.Items[0].Name})
			require.NoError(t, err)
			assert.Len(t, restarted, 1)
			_, err = client.Pods.Restart(ctx, "example-go", pods.RestartOptions{Type: "web", Name: "example-go-web-nosuch"})
			assert.ErrorIs(t, err, deis.ErrNotFound)
			require.NoError(t, client.Pods.Scale(ctx, "example-go", map[string]int{"web": 2}), "scaling to the present number")
		})
	}
}

func TestAnAccountWithRecordsIsNotCanceled(t *testing.T) {
	srv := deistest.NewServer(deistest.WithAPIVersion(version.V2_3), deistest.WithUser("bob", "pw"))
	defer srv.Close()
	admin, err := deis.New(srv.URL, deis.WithToken(srv.Token))
	require.NoError(t, err)
	bob, err := deis.Login(t.Context(), srv.URL, "bob", "pw")
	require.NoError(t, err)
	_, err = admin.Apps.Create(t.Context(), apps.CreateParams{ID: "example-go"})
	require.NoError(t, err)
	require.NoError(t, admin.Perms.Grant(t.Context(), "example-go", "bob"))
	_, err = bob.Builds.Create(t.Context(), "example-go", build("deis/example-go:v1"))
	require.NoError(t, err)
	assert.ErrorIs(t, bob.Auth.Cancel(t.Context(), auth.CancelParams{}), auth.ErrOwnsRecords)
}
