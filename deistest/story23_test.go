package deistest_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis/deistest"
	"github.com/deisgo/deis/version"
)

const (
	goodBuild   = `POST /apps/example-go/builds/ {"image": "a/b:1", "procfile": {"web": "x", "worker": "y"}}`
	failedBuild = `POST /apps/example-go/builds/ {"image": "a/b:k8s-fail", "procfile": {"web": "x", "worker": "y"}}`
)

// podReleases counts the pods of example-go by type and release, "web v3".
func podReleases(t *testing.T, c *deistest.Controller) map[string]int {
	t.Helper()
	_, body := call(t, c, "admin", "GET", "/v2/apps/example-go/pods/", "")
	var list struct {
		Results []struct{ Type, Release string }
	}
	require.NoError(t, json.Unmarshal([]byte(body), &list))
	releases := map[string]int{}
	for _, p := range list.Results {
		releases[p.Type+" "+p.Release]++
	}
	return releases
}

func TestAFailedReleaseStaysInLateServers(t *testing.T) {
	c := deistest.New(append([]deistest.Option{deistest.WithApp("example-go", "")}, late23...)...)
	runSteps(t, c, []step{
		{request: goodBuild, status: 201},
		{request: `POST /apps/example-go/scale/ {"worker": 1, "web": 1}`, status: 204},
		{request: `POST /apps/example-go/config/ {"values": {"A": "1"}}`, status: 201},
		{request: failedBuild, status: 400, contains: `(app::deploy): There was a problem deploying v4. Rolling back process types to release v3.`},
		{request: `GET /apps/example-go/releases/v4/`, status: 200, contains: `"failed":true,"exception":"error: (app::deploy): There was`},
		{request: `GET /apps/example-go/builds/`, status: 200, contains: `"count":2`},
		{request: `GET /apps/example-go/builds/x/`, status: 200, contains: `"image":"a/b:1"`},
		{request: `POST /apps/example-go/config/ {"values": {"K8S_FAIL": "1"}}`, status: 400, contains: `v5. Rolling back process types to release v3`},
		{request: `GET /apps/example-go/releases/v5/`, status: 200, contains: `"summary":"admin deployed a config that failed"`},
		{request: `GET /apps/example-go/config/`, status: 200, contains: `"values":{"A":"1"}`},
	})
	assert.Equal(t, map[string]int{"web v3": 1, "worker v3": 1}, podReleases(t, c))
	runSteps(t, c, []step{
		{request: `POST /apps/example-go/releases/rollback/ {"version": 5}`, status: 400, contains: "Cannot roll back to failed release."},
		{request: `POST /apps/example-go/releases/rollback/ {"version": 1}`, status: 400, contains: "Cannot roll back to initial release."},
		{request: `POST /apps/example-go/releases/rollback/ {}`, status: 201, contains: `{"version":6}`}, // to v2, which is good
		{request: `GET /apps/example-go/releases/v6/`, status: 200, contains: `"summary":"admin rolled back to v2","config"`},
		{request: `POST /apps/example-go/releases/rollback/ {}`, status: 400, contains: "Cannot roll back to failed release."},
		{request: `GET /apps/example-go/releases/`, status: 200, contains: `"count":6`},
	})
}

func TestAFailedReleaseIsDeletedInEarlyServers(t *testing.T) {
	c := deistest.New(append([]deistest.Option{deistest.WithApp("example-go", "")}, early23...)...)
	runSteps(t, c, []step{
		{request: goodBuild, status: 201},
		{request: failedBuild, status: 400, contains: `There was a problem deploying v3. Rolling back process types to release v2.`},
		{request: `GET /apps/example-go/releases/v3/`, status: 404, contains: `{"detail":"Not found."}`},
		{request: `GET /apps/example-go/builds/`, status: 200, contains: `"count":1`},
		{request: goodBuild, status: 201},
		{request: `GET /apps/example-go/releases/v3/`, status: 200, contains: `"summary":"admin deployed a/b:1"`},
	})
	_, release := call(t, c, "admin", "GET", "/v2/apps/example-go/releases/v3/", "")
	assert.NotContains(t, release, "failed")
	_, app := call(t, c, "admin", "GET", "/v2/apps/example-go/", "")
	assert.NotContains(t, app, "procfile_structure")
}

// From API 2.2 on, no server rolls back to a release without a build; late servers leave a failed release.
func TestARollbackToAReleaseWithoutABuildFails(t *testing.T) {
	for name, row := range map[string]struct {
		opts     []deistest.Option
		releases string
	}{"2.2": {api22, `"count":3`}, "early": {early23, `"count":3`}, "late": {late23, `"count":4`}} {
		t.Run(name, func(t *testing.T) {
			c := deistest.New(append([]deistest.Option{deistest.WithApp("example-go", "")}, row.opts...)...)
			runSteps(t, c, []step{
				{request: `POST /apps/example-go/config/ {"values": {"A": "1"}}`, status: 201},
				{request: goodBuild, status: 201},
				{request: `POST /apps/example-go/releases/rollback/ {"version": 2}`, status: 400, contains: "No build associated with this release"},
				{request: `GET /apps/example-go/releases/`, status: 200, contains: row.releases},
			})
		})
	}
}

// Process types that the build lacks are scaled to 0 before the deploy, which then fails.
func TestAFailingBuildWithoutAProcfileStopsTheApp(t *testing.T) {
	inBoth23(t, func(t *testing.T, c *deistest.Controller) {
		runSteps(t, c, []step{
			{request: goodBuild, status: 201},
			{request: `POST /apps/example-go/scale/ {"web": 1, "worker": 2, "cmd": 0}`, status: 204},
			{request: `POST /apps/example-go/builds/ {"image": "a/nonexistent:1"}`, status: 400, contains: "image a/nonexistent:1 not found"},
		})
		assert.Empty(t, podReleases(t, c))
		runSteps(t, c, []step{
			{request: `POST /apps/example-go/releases/rollback/ {"version": 2}`, status: 201},
			{request: `GET /apps/example-go/`, status: 200, contains: `"structure":{"cmd":0,"web":0,"worker":0}`},
			{request: `POST /apps/example-go/scale/ {"web": 1}`, status: 204},
		})
		assert.Len(t, podReleases(t, c), 1)
	})
}

func TestNotFoundNamesTheModel(t *testing.T) {
	c := deistest.New(append([]deistest.Option{deistest.WithApp("example-go", "")}, late23...)...)
	for request, model := range map[string]string{
		"GET /apps/nosuch/":                                      "App",
		"DELETE /apps/nosuch/perms/bob":                          "App",
		"DELETE /apps/example-go/perms/bob":                      "User",
		`POST /apps/example-go/ {"owner": "bob"}`:                "User",
		`POST /admin/perms/ {"username": "bob"}`:                 "User",
		"DELETE /admin/perms/bob":                                "User",
		"GET /apps/example-go/releases/v9/":                      "Release",
		"DELETE /apps/example-go/domains/x.com":                  "Domain",
		"GET /certs/foo":                                         "Certificate",
		"GET /keys/foo":                                          "Key",
		`DELETE /apps/example-go/services/ {"procfile_type": 1}`: "Service",
	} {
		runSteps(t, c, []step{{request: request, status: 404, contains: `"No ` + model + ` matches the given query."`}})
	}
}

// from22On runs a test in a synctest bubble on a new Controller of API 2.2 and of both servers of API 2.3, with an app.
func from22On(t *testing.T, story func(t *testing.T, c *deistest.Controller), opts ...deistest.Option) {
	opts = append(opts, deistest.WithApp("example-go", ""))
	for name, server := range map[string][]deistest.Option{"2.2": api22, "early": early23, "late": late23} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				story(t, deistest.New(append(opts, server...)...))
			})
		})
	}
}

// sendInBackground sends a request as the administrator and returns a function that waits for the status.
func sendInBackground(t *testing.T, c *deistest.Controller, method, path, body string) (status func() int) {
	got := make(chan int, 1)
	go func() {
		status, _ := call(t, c, "admin", method, path, body)
		got <- status
	}()
	synctest.Wait()
	return func() int { return <-got }
}

func TestADeployInProgressBlocksBuildsAndConfigs(t *testing.T) {
	from22On(t, func(t *testing.T, c *deistest.Controller) {
		config, failed := http.StatusBadRequest, `"count":3`
		if isLate(c) {
			config, failed = http.StatusConflict, `"count":5`
		}
		status := sendInBackground(t, c, "POST", "/v2/apps/example-go/builds/", `{"image": "a/b:1", "sha": "abc", "procfile": {"web": "x"}}`)
		runSteps(t, c, []step{
			{request: `POST /apps/example-go/config/ {"values": {"A": "1"}}`, status: config,
				contains: `{"detail":"Deployment for example-go-`},
			{request: `POST /apps/example-go/builds/ {"image": "a/b:2"}`, status: 400, contains: `is already in progress`},
			{request: `POST /apps/example-go/releases/rollback/ {"version": 2}`, status: 201},
			{request: `POST /apps/example-go/scale/ {"web": 2}`, status: 204},
		})
		assert.Equal(t, 201, status())
		runSteps(t, c, []step{
			{request: `GET /apps/example-go/releases/`, status: 200, contains: failed},
			{request: `POST /apps/example-go/config/ {"values": {"A": "1"}}`, status: 201},
		})
	}, deistest.WithDeployDelay(time.Minute))
}

// isLate reports whether a Controller is a late server of API 2.3.
func isLate(c *deistest.Controller) bool {
	r, _ := http.NewRequest("GET", "http://deis.test/v2/apps/nosuch/", nil)
	r.Header.Set("Authorization", "token "+c.Token())
	resp, err := c.Transport().RoundTrip(r)
	return err == nil && c.APIVersion() == version.V2_3 && resp.ContentLength == int64(len(`"No App matches the given query."`))
}

// The client gives up on a build and rolls back. The build goes on and starts its pods, which are hidden because the
// newest release is that of the rollback.
func TestADeployOutlastsItsClientAndARollback(t *testing.T) {
	from22On(t, func(t *testing.T, c *deistest.Controller) {
		runSteps(t, c, []step{{request: `POST /apps/example-go/builds/ {"image": "a/b:1"}`, status: 201}})
		assert.Equal(t, map[string]int{"cmd v2": 1}, podReleases(t, c))

		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		r, err := http.NewRequestWithContext(ctx, "POST", "http://deis.test/v2/apps/example-go/builds/",
			strings.NewReader(`{"image": "a/b:2"}`))
		require.NoError(t, err)
		r.Header.Set("Authorization", "token "+c.Token())
		r.Header.Set("Content-Type", "application/json")
		_, err = c.Transport().RoundTrip(r)
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		runSteps(t, c, []step{{request: `GET /apps/example-go/releases/v3/`, status: 200, contains: "admin deployed a/b:2"}})

		// The rollback begins and ends 10 seconds after the build does.
		rolledBack := sendInBackground(t, c, "POST", "/v2/apps/example-go/releases/rollback/", `{"version": 2}`)
		time.Sleep(55 * time.Second)
		assert.Empty(t, podReleases(t, c), "the build has started its pods")
		assert.Equal(t, 201, rolledBack())
		assert.Equal(t, map[string]int{"cmd v4": 1}, podReleases(t, c))
	}, deistest.WithDeployDelay(time.Minute))
}

func TestConcurrentChangesUndoEachOther(t *testing.T) {
	for name, opts := range map[string][]deistest.Option{"early": early23, "late": late23} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := deistest.New(append([]deistest.Option{deistest.WithApp("example-go", ""), deistest.WithLostUpdates()}, opts...)...)
				first := sendInBackground(t, c, "POST", "/v2/apps/example-go/config/", `{"values": {"A": "1"}}`)
				second := sendInBackground(t, c, "POST", "/v2/apps/example-go/config/", `{"values": {"B": "2"}}`)
				third := sendInBackground(t, c, "POST", "/v2/apps/example-go/config/", `{"values": {"C": "3"}}`)
				statuses := map[int]int{}
				for _, status := range []int{first(), second(), third()} {
					statuses[status]++
				}
				assert.Positive(t, statuses[201])
				assert.Positive(t, statuses[400], "duplicate key")
				assert.Len(t, statuses, 2)
				_, body := call(t, c, "admin", "GET", "/v2/apps/example-go/config/", "")
				var config struct{ Values map[string]string }
				require.NoError(t, json.Unmarshal([]byte(body), &config))
				if isLate(c) {
					assert.Less(t, len(config.Values), statuses[201], "a value that got 201 is gone")
				}
			})
		})
	}
}

func TestWithoutKubernetesRequestsAreHalfDone(t *testing.T) {
	from22On(t, func(t *testing.T, c *deistest.Controller) {
		runSteps(t, c, []step{
			{request: `POST /apps/example-go/builds/ {"image": "a/b:1", "sha": "abc", "procfile": {"web": "x"}}`, status: 201},
		})
		c.SetKubernetes(false)
		runSteps(t, c, []step{
			{request: `GET /apps/example-go/pods/`, status: 200, contains: `{"results":[],"count":0}`},
			{request: `POST /apps/example-go/pods/restart/ {}`, status: 200, contains: `[]`},
			{request: `POST /apps/example-go/scale/ {"web": 3}`, status: 503, contains: `(scale): ('failed to `},
			{request: `POST /apps/example-go/scale/ {"web": 3}`, status: 204},
			{request: `GET /apps/example-go/`, status: 200, contains: `"structure":{"web":3}`},
			{request: `POST /apps/example-go/config/ {"values": {"A": "1"}}`, status: 400, contains: `(app::deploy): `},
			{request: `GET /apps/example-go/config/`, status: 200, contains: `"values":{}`},
			{request: `POST /apps/example-go/run/ {"command": "true"}`, status: 503, contains: `(run): `},
			{request: `POST /apps/example-go/domains/ {"domain": "a.example.com"}`, status: 503, contains: "Could not update Kubernetes Service"},
			{request: `POST /apps/example-go/settings/ {"maintenance": true}`, status: 400, contains: "Could not update"},
			{request: `GET /apps/example-go/settings/`, status: 200, contains: `"maintenance":false`},
			{request: `POST /apps/ {"id": "half"}`, status: 503, contains: "Could not create the Namespace in Kubernetes"},
			{request: `POST /apps/ {"id": "half"}`, status: 400, contains: "already exists"},
			{request: `DELETE /apps/half/`, status: 503, contains: "Could not delete the Namespace in Kubernetes"},
		})
		c.SetKubernetes(true)
		assert.Equal(t, 1, podStates(t, c)["web up"], "nothing was scaled")
		runSteps(t, c, []step{
			{request: `POST /apps/half/builds/ {"image": "a/b:1"}`, status: 400, contains: "AppSettings matching query does not exist."},
			{request: `DELETE /apps/half/`, status: 503},
			{request: `POST /apps/half/ {"owner": "admin"}`, status: 200},
			{request: `POST /apps/half/builds/ {"image": "a/b:1"}`, status: 201},
			{request: `DELETE /apps/half/`, status: 204},
		})
	})
}

func TestAnAccountThatMadeReleasesCannotBeCancelled(t *testing.T) {
	for name, row := range map[string]struct {
		opts   []deistest.Option
		status int
	}{"2.2": {api22, 500}, "early": {early23, 500}, "late": {late23, 409}} {
		t.Run(name, func(t *testing.T) {
			c := deistest.New(append([]deistest.Option{deistest.WithApp("example-go", ""), deistest.WithUser("bob", "pw")}, row.opts...)...)
			runSteps(t, c, []step{
				{request: `POST /apps/example-go/perms/ {"username": "bob"}`, status: 201},
				{as: "bob", request: `POST /apps/example-go/config/ {"values": {"A": "1"}}`, status: 201},
				{request: `DELETE /auth/cancel/ {"username": "bob"}`, status: row.status},
			})
		})
	}
}

func TestALateServerHandsReleasesOverWithTheApp(t *testing.T) {
	for name, row := range map[string]struct {
		opts  []deistest.Option
		owner string
	}{"2.2": {api22, `"owner":"admin"`}, "early": {early23, `"owner":"admin"`}, "late": {late23, `"owner":"bob"`}} {
		t.Run(name, func(t *testing.T) {
			c := deistest.New(append([]deistest.Option{deistest.WithApp("example-go", ""), deistest.WithUser("bob", "pw")}, row.opts...)...)
			runSteps(t, c, []step{
				{request: `POST /apps/example-go/ {"owner": "bob"}`, status: 200},
				{request: `GET /apps/example-go/releases/v1/`, status: 200, contains: row.owner},
				{request: `GET /apps/example-go/config/`, status: 200, contains: row.owner},
			})
		})
	}
}
