package deistest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis/deistest"
	"github.com/deisgo/deis/version"
)

var versions = []version.API{version.V1_6, version.V2_2}

// prefix returns the beginning of all paths of a version, such as "/v2".
func prefix(api version.API) string { return fmt.Sprintf("/v%d", api.Major) }

// call sends a request as a user, or without a token if user is "". It returns the status and body of the response.
func call(t *testing.T, c *deistest.Controller, user, method, path, body string) (int, string) {
	t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if user != "" {
		r.Header.Set("Authorization", "token "+c.TokenOf(user))
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	c.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// certificateBody returns a request body with a recorded certificate.
func certificateBody(t *testing.T, name, commonName string) string {
	body, err := json.Marshal(map[string]string{"name": name, "certificate": certificates(t)[commonName], "key": "key"})
	require.NoError(t, err)
	return string(body)
}

// A step is one exchange of a story.
type step struct {
	request  string // method, path without the version, and body
	status   int
	contains string // a part of the response's body
	as       string // the user; the administrator if it is ""
}

// runSteps sends the requests of a story in order and checks the responses.
func runSteps(t *testing.T, c *deistest.Controller, steps []step) {
	t.Helper()
	for i, s := range steps {
		words := append(strings.SplitN(s.request, " ", 3), "")
		if s.as == "" {
			s.as = "admin"
		}
		status, body := call(t, c, s.as, words[0], prefix(c.APIVersion())+words[1], words[2])
		require.Equal(t, s.status, status, "step %d: %s as %s: %s", i+1, s.request, s.as, body)
		require.Contains(t, body, s.contains, "step %d: %s as %s", i+1, s.request, s.as)
	}
}

// inBothVersions runs a test on a new Controller of API 1.6 and of 2.2.
func inBothVersions(t *testing.T, story func(t *testing.T, c *deistest.Controller), opts ...deistest.Option) {
	for _, api := range versions {
		t.Run(api.String(), func(t *testing.T) {
			story(t, deistest.New(append([]deistest.Option{deistest.WithAPIVersion(api)}, opts...)...))
		})
	}
}

// podsPath returns the path of the pods of example-go.
func podsPath(api version.API) string {
	if api.AtLeast(version.API{Major: 2}) {
		return prefix(api) + "/apps/example-go/pods/"
	}
	return prefix(api) + "/apps/example-go/containers/"
}

// podStates counts the pods of example-go by type and state, "web up".
func podStates(t *testing.T, c *deistest.Controller) map[string]int {
	t.Helper()
	status, body := call(t, c, "admin", "GET", podsPath(c.APIVersion()), "")
	require.Equal(t, http.StatusOK, status, body)
	var list struct {
		Results []struct{ Type, State string }
	}
	require.NoError(t, json.Unmarshal([]byte(body), &list))
	states := map[string]int{}
	for _, p := range list.Results {
		states[p.Type+" "+p.State]++
	}
	return states
}

func TestDeployScaleConfigureRollBack(t *testing.T) {
	inBothVersions(t, func(t *testing.T, c *deistest.Controller) {
		runSteps(t, c, []step{
			{request: `POST /apps/ {"id": "example-go"}`, status: 201, contains: `"id":"example-go"`},
			{request: `POST /apps/example-go/scale/ {"web": 1}`, status: 400, contains: "No build associated"},
			{request: `POST /apps/example-go/builds/ {"image": "deis/example-go:1", "procfile": {"web": "x", "worker": "y"}}`,
				status: 201},
			{request: `POST /apps/example-go/scale/ {"web": 2, "worker": 1, "cmd": 0}`, status: 204},
		})
		assert.Equal(t, map[string]int{"web up": 2, "worker up": 1}, podStates(t, c))
		runSteps(t, c, []step{
			{request: `POST /apps/example-go/config/ {"values": {"A": 1, "B": true}}`, status: 201, contains: `"B":"True"`},
			{request: `POST /apps/example-go/config/ {"values": {"A": null}}`, status: 201},
			{request: `GET /apps/example-go/config/`, status: 200, contains: `"values":{"B":"True"}`},
			{request: `POST /apps/example-go/run/ {"command": "echo failing; exit 3"}`, status: 200, contains: `failing\n`},
			{request: `POST /apps/example-go/run/ {"command": "env"}`, status: 200, contains: `B=True\n`},
			{request: `POST /apps/example-go/run/ {"command": "rm -rf /"}`, status: 200, contains: `rm: not found\n`},
			{request: `POST /apps/example-go/releases/rollback/ {"version": 3}`, status: 201, contains: `{"version":5}`},
			{request: `GET /apps/example-go/releases/v5/`, status: 200, contains: `"summary":"admin rolled back to v3"`},
			{request: `GET /apps/example-go/config/`, status: 200, contains: `"values":{"A":"1","B":"True"}`},
			{request: `GET /apps/example-go/logs/?log_lines=1`, status: 200, contains: "admin rolled back to v3"},
		})
		assert.Equal(t, map[string]int{"web up": 2, "worker up": 1}, podStates(t, c))
		runSteps(t, c, []step{
			{request: `DELETE /apps/example-go/`, status: 204},
			{request: `GET /apps/example-go/`, status: 404},
		})
	})
}

func TestAFailedDeploymentLeavesTheOldReleaseRunning(t *testing.T) {
	for _, what := range []string{
		`builds/ {"image": "acme/x:k8s-fail"}`, `config/ {"values": {"K8S_FAIL": "1"}}`,
	} {
		inBothVersions(t, func(t *testing.T, c *deistest.Controller) {
			failed := http.StatusServiceUnavailable
			if c.APIVersion() == version.V2_2 {
				failed = http.StatusBadRequest
			}
			runSteps(t, c, []step{
				{request: `POST /apps/ {"id": "example-go"}`, status: 201},
				{request: `POST /apps/example-go/builds/ {"image": "acme/x:1"}`, status: 201},
				{request: `POST /apps/example-go/` + what, status: failed},
				{request: `GET /apps/example-go/releases/`, status: 200, contains: `{"count":2,`},
				{request: `GET /apps/example-go/config/`, status: 200, contains: `"values":{}`},
			})
			assert.Equal(t, map[string]int{"cmd up": 1}, podStates(t, c))
		})
	}
}

func TestPermissions(t *testing.T) {
	inBothVersions(t, func(t *testing.T, c *deistest.Controller) {
		runSteps(t, c, []step{
			{as: "alice", request: `POST /apps/ {"id": "example-go"}`, status: 201},
			{as: "bob", request: `GET /apps/`, status: 200, contains: `"count":0`},
			{as: "bob", request: `GET /apps/example-go/config/`, status: 403},
			{as: "bob", request: `POST /apps/example-go/perms/ {"username": "bob"}`, status: 403},
			{as: "alice", request: `POST /apps/example-go/perms/ {"username": "bob"}`, status: 201},
			{as: "alice", request: `GET /apps/example-go/perms/`, status: 200, contains: `{"users":["bob"]}`},
			{as: "bob", request: `GET /apps/`, status: 200, contains: `"count":1`},
			{as: "bob", request: `POST /apps/example-go/config/ {"values": {"A": "1"}}`, status: 201},
			{as: "bob", request: `DELETE /apps/example-go/`, status: 403},
			{as: "bob", request: `DELETE /apps/example-go/perms/bob`, status: 204},
			{as: "bob", request: `DELETE /apps/example-go/perms/bob`, status: 403},
			{as: "bob", request: `GET /users/`, status: 403},
			{request: `POST /admin/perms/ {"username": "bob"}`, status: 201},
			{as: "bob", request: `GET /users/`, status: 200, contains: `"username":"alice"`},
			{as: "bob", request: `DELETE /apps/example-go/`, status: 204},
		})
	}, deistest.WithUser("alice", "pw"), deistest.WithUser("bob", "pw"))
}

func TestTokensRotate(t *testing.T) {
	inBothVersions(t, func(t *testing.T, c *deistest.Controller) {
		old, bobs := c.Token(), c.TokenOf("bob")
		runSteps(t, c, []step{
			{request: `POST /auth/login/ {"username": "admin", "password": "opensesame"}`, status: 200, contains: old},
			{request: `POST /auth/tokens/ {}`, status: 200, contains: `{"token":`},
		})
		assert.NotEqual(t, old, c.Token())
		assert.Equal(t, bobs, c.TokenOf("bob"))
		runSteps(t, c, []step{{request: `POST /auth/tokens/ {"all": false}`, status: 200, contains: `""`}})
		assert.NotEqual(t, bobs, c.TokenOf("bob"))
	}, deistest.WithUser("bob", "pw"))
}

// The documented paths for attaching and detaching make real Controllers destroy or refuse something else.
func TestCertificatesAreAttachedAndDetached(t *testing.T) {
	c := deistest.New()
	runSteps(t, c, []step{
		{request: `POST /apps/ {"id": "example-go"}`, status: 201},
		{request: `POST /apps/example-go/domains/ {"domain": "test.com"}`, status: 201},
		{request: `POST /certs/ ` + certificateBody(t, "foo", "bar.com"), status: 201, contains: `"fingerprint":"b'E8:CD:`},
		{request: `POST /certs/foo/domain/ {"domain": "test.com"}`, status: 201},
		{request: `POST /certs/foo/domain/ {"domain": "test.com"}`, status: 409},
		{request: `GET /certs/foo`, status: 200, contains: `"domains":["test.com"]`},
		{request: `DELETE /certs/foo/domains/test.com/`, status: 404, contains: "<h1>Not Found</h1>"},
		{request: `DELETE /certs/foo/domain/test.com`, status: 204},
		{request: `GET /certs/foo`, status: 200, contains: `"domains":[]`},
	})
}

// Real Controllers match only the beginning of a path. Here an unknown path does nothing.
func TestUnknownPathsDoNothing(t *testing.T) {
	inBothVersions(t, func(t *testing.T, c *deistest.Controller) {
		runSteps(t, c, []step{{request: `POST /apps/ {"id": "example-go"}`, status: 201}})
		for _, path := range []string{
			"/apps/example-go/typo/", "/apps/example-go_x", "/apps/example-go.example.com", "/apps/example-go//domains/x",
			"/apps/Example-Go", "/apps//", "/appsfoo", "/apps/example-go/perms/jo.hn", "/auth/cancel/alice", "/v1/",
		} {
			for _, method := range []string{"GET", "POST", "DELETE"} {
				status, body := call(t, c, "admin", method, prefix(c.APIVersion())+path, "")
				assert.Equal(t, http.StatusNotFound, status, "%s %s", method, path)
				assert.Contains(t, body, "<h1>Not Found</h1>")
			}
		}
		runSteps(t, c, []step{{request: `GET /apps/`, status: 200, contains: `"count":1`}})
	})
}

func TestAnUpgradeKeepsEverything(t *testing.T) {
	c := deistest.New(deistest.WithAPIVersion(version.V1_6))
	token := c.Token()
	runSteps(t, c, []step{
		{request: `POST /apps/ {"id": "example-go"}`, status: 201},
		{request: `POST /apps/example-go/builds/ {"image": "a/b:1", "sha": "abc", "procfile": {"web": "x"}}`, status: 201},
		{request: `POST /apps/example-go/run/ {"command": "true"}`, status: 200},
		{request: `GET /apps/example-go/containers/`, status: 200, contains: `"release":"v2","type":"web","num":1,`},
	})
	c.SetAPIVersion(version.V2_2)
	assert.Equal(t, token, c.Token())
	status, _ := call(t, c, "admin", "GET", "/v1/apps/", "")
	assert.Equal(t, http.StatusNotFound, status)
	runSteps(t, c, []step{
		{request: `GET /apps/example-go/pods/`, status: 200, contains: `"state":"up","release":"v2","type":"web"`},
		{request: `GET /apps/example-go/pods/`, status: 200, contains: `"count":1`},
		{request: `POST /apps/example-go/config/ {"values": {"A": "1"}}`, status: 201, contains: `"registry":{}`},
	})
	c.SetAPIVersion(version.V1_6)
	runSteps(t, c, []step{
		{request: `GET /apps/example-go/containers/`, status: 200, contains: `"release":"v3","type":"web","num":1,`},
	})
}

func TestOtherVersionsNameThemselvesInTheHeader(t *testing.T) {
	for api, whoami := range map[version.API]int{
		{Major: 1, Minor: 5}: 404, {Major: 2, Minor: 1}: 404, {Major: 2, Minor: 3}: 200, {Major: 3, Minor: 0}: 200,
	} {
		c := deistest.New(deistest.WithAPIVersion(api))
		r := httptest.NewRequest("GET", prefix(api)+"/auth/whoami/", nil)
		r.Header.Set("Authorization", "token "+c.Token())
		w := httptest.NewRecorder()
		c.ServeHTTP(w, r)
		assert.Equal(t, whoami, w.Code, api)
		assert.Equal(t, api.String(), w.Header().Get(version.Header))
	}
}
