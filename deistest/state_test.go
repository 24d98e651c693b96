package deistest_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis/deistest"
	"github.com/deisgo/deis/version"
)

// The tests of this file check what requests leave behind, as seen on live servers.

// newController returns a Controller of a version with an app, example-go, and the users alice and bob.
func newController(api version.API, opts ...deistest.Option) *deistest.Controller {
	return deistest.New(append([]deistest.Option{deistest.WithAPIVersion(api), deistest.WithApp("example-go", ""),
		deistest.WithUser("alice", "pw"), deistest.WithUser("bob", "pw")}, opts...)...)
}

const webAndWorker = `POST /apps/example-go/builds/ {"image": "a/b:1", "sha": "abc", "procfile": {"web": "x", "worker": "y"}}`

func TestABuildThatLacksAProcTypeDestroysItsContainers(t *testing.T) {
	for _, image := range []string{"a/b:2", "a/b:k8s-fail"} {
		c := newController(version.V1_6)
		runSteps(t, c, []step{
			{request: webAndWorker, status: 201},
			{request: `POST /apps/example-go/scale/ {"web": 1, "worker": 2}`, status: 204},
		})
		call(t, c, "admin", "POST", "/v1/apps/example-go/builds/", `{"image": "`+image+`", "procfile": {"web": "x"}}`)
		assert.Equal(t, map[string]int{"web up": 1}, podStates(t, c), "%s: even if it fails", image)
		runSteps(t, c, []step{
			{request: `GET /apps/example-go/`, status: 200, contains: `"structure":{"web":1,"worker":2}`},
			{request: webAndWorker, status: 201},
			{request: `POST /apps/example-go/scale/ {"worker": 2}`, status: 204},
		})
		assert.Equal(t, map[string]int{"web up": 1, "worker up": 2}, podStates(t, c), "only scaling starts them again")
	}
}

func TestABuildThatLacksAProcTypeScalesItToZero(t *testing.T) {
	c := newController(version.V2_2)
	runSteps(t, c, []step{
		{request: webAndWorker, status: 201},
		{request: `POST /apps/example-go/scale/ {"web": 1, "worker": 2}`, status: 204},
		{request: `POST /apps/example-go/builds/ {"image": "a/b:k8s-fail", "procfile": {"web": "x"}}`, status: 400},
		{request: `GET /apps/example-go/`, status: 200, contains: `"structure":{"web":1,"worker":0}`},
	})
}

func TestOnly16DropsAProcTypeAtZeroWhenAnotherIsScaled(t *testing.T) {
	for api, want := range map[version.API]string{version.V1_6: `"structure":{"web":2}`, version.V2_2: `"structure":{"web":2,"worker":0}`} {
		runSteps(t, newController(api), []step{
			{request: webAndWorker, status: 201},
			{request: `POST /apps/example-go/scale/ {"worker": 1}`, status: 204},
			{request: `POST /apps/example-go/scale/ {"worker": 0}`, status: 204},
			{request: `GET /apps/example-go/`, status: 200, contains: `"structure":{"web":1,"worker":0}`},
			{request: `POST /apps/example-go/scale/ {"web": 2}`, status: 204},
			{request: `GET /apps/example-go/`, status: 200, contains: want},
		})
	}
}

func TestLogsHaveADefaultLength(t *testing.T) {
	for api, want := range map[version.API]int{version.V1_6: 1000, version.V2_2: 100} {
		c := newController(api)
		for range 1500 {
			require.NoError(t, c.AddLog("example-go", "line"))
		}
		_, body := call(t, c, "admin", "GET", prefix(api)+"/apps/example-go/logs/", "")
		assert.Equal(t, want, strings.Count(body, "line"))
	}
}

func TestTheFirstBuildFromGitNeedsAProcfile(t *testing.T) {
	c := newController(version.V1_6)
	runSteps(t, c, []step{
		{request: `POST /apps/example-go/builds/ {"image": "a/b:1", "sha": "abc"}`, status: 500},
		{request: `GET /apps/example-go/releases/`, status: 200, contains: `"version":2`},
	})
	assert.Empty(t, podStates(t, c))
}

func TestUsersWithoutAccessCannotRestart(t *testing.T) {
	path := "/apps/example-go/containers/restart/"
	runSteps(t, newController(version.V1_6), []step{{as: "bob", request: "POST " + path, status: 503, contains: "You do not have permission"}})
	path = "/apps/example-go/pods/restart/"
	runSteps(t, newController(version.V2_2), []step{{as: "bob", request: "POST " + path, status: 403}})
}

func TestOnly16RevokesAnAdministratorsAccessToAnApp(t *testing.T) {
	for api, status := range map[version.API]int{version.V1_6: 204, version.V2_2: 403} {
		runSteps(t, newController(api), []step{{request: `DELETE /apps/example-go/perms/admin`, status: status}})
	}
}

func TestCancellingAnAccountRemovesItsWorkInOtherApps(t *testing.T) {
	c := newController(version.V1_6)
	runSteps(t, c, []step{
		{request: webAndWorker, status: 201},
		{request: `POST /apps/example-go/perms/ {"username": "bob"}`, status: 201},
		{as: "bob", request: `POST /apps/example-go/domains/ {"domain": "bob.example.com"}`, status: 201},
		{as: "bob", request: `POST /apps/example-go/config/ {"values": {"A": "1"}}`, status: 201},
		{as: "bob", request: `POST /apps/example-go/builds/ {"image": "a/b:2", "procfile": {"web": "x"}}`, status: 201},
		{as: "bob", request: `DELETE /auth/cancel/`, status: 204},
		{request: `GET /apps/example-go/domains/`, status: 200, contains: `"count":0`},
		{request: `GET /apps/example-go/builds/`, status: 200, contains: `"count":1`},
		{request: `GET /apps/example-go/releases/`, status: 200, contains: `"count":2`},
		{request: `GET /apps/example-go/config/`, status: 200, contains: `"values":{}`},
	})
	assert.Empty(t, podStates(t, c), "the containers' release is gone")
}

func TestAnAccountWithDomainsInOtherAppsCannotBeCancelled(t *testing.T) {
	runSteps(t, newController(version.V2_2), []step{
		{request: `POST /apps/example-go/perms/ {"username": "bob"}`, status: 201},
		{as: "bob", request: `POST /apps/example-go/domains/ {"domain": "bob.example.com"}`, status: 201},
		{as: "bob", request: `DELETE /auth/cancel/`, status: 500},
		{as: "alice", request: `DELETE /auth/cancel/`, status: 204},
	})
}

func TestAfterARollbackOnly16MergesIntoTheNewestConfig(t *testing.T) {
	for api, want := range map[version.API]string{
		version.V1_6: `"values":{"A":"2","B":"1"`, version.V2_2: `"values":{"A":"1","B":"1"}`,
	} {
		runSteps(t, newController(api), []step{
			{request: `POST /apps/example-go/builds/ {"image": "a/b:1"}`, status: 201},
			{request: `POST /apps/example-go/config/ {"values": {"A": "1"}}`, status: 201},
			{request: `POST /apps/example-go/config/ {"values": {"A": "2"}}`, status: 201},
			{request: `POST /apps/example-go/releases/rollback/ {"version": 3}`, status: 201},
			{request: `POST /apps/example-go/config/ {"values": {"B": "1"}}`, status: 201, contains: want},
		})
	}
}

func TestOnly16KeepsAFailedConfigThatFailsTheNext(t *testing.T) {
	for api, status := range map[version.API]int{version.V1_6: 503, version.V2_2: 201} {
		failed := 503
		if api == version.V2_2 {
			failed = 400
		}
		runSteps(t, newController(api), []step{
			{request: `POST /apps/example-go/builds/ {"image": "a/b:1"}`, status: 201},
			{request: `POST /apps/example-go/config/ {"values": {"K8S_FAIL": "1"}}`, status: failed},
			{request: `POST /apps/example-go/config/ {"values": {"A": "1"}}`, status: status},
		})
	}
}

// The deploy leaves the other types on a release that is deleted, so that no list shows their pods.
func TestADeployThatFailsForOneProcTypeHidesTheOthers(t *testing.T) {
	for what, status := range map[string]int{
		`builds/ {"image": "a/b:k8s-fail-worker", "procfile": {"web": "x", "worker": "y", "zeta": "z"}}`: 400,
		`config/ {"values": {"K8S_FAIL": "worker"}}`:                                                     400,
	} {
		c := newController(version.V2_2)
		runSteps(t, c, []step{
			{request: `POST /apps/example-go/builds/ {"image": "a/b:1", "sha": "abc", "procfile": {"web": "x", "worker": "y", "zeta": "z"}}`, status: 201},
			{request: `POST /apps/example-go/scale/ {"web": 2, "worker": 1, "zeta": 1}`, status: 204},
			{request: `POST /apps/example-go/` + what, status: status, contains: "example-go-worker"},
		})
		assert.Equal(t, map[string]int{"worker up": 1}, podStates(t, c), what)
		runSteps(t, c, []step{{request: `POST /apps/example-go/releases/rollback/ {"version": 2}`, status: 201}})
		assert.Equal(t, map[string]int{"web up": 2, "worker up": 1, "zeta up": 1}, podStates(t, c), "a rollback to the same release repairs it")
	}
}

func TestScalingToTheSameNumberIsNotLogged(t *testing.T) {
	c := newController(version.V2_2)
	runSteps(t, c, []step{
		{request: webAndWorker, status: 201},
		{request: `POST /apps/example-go/scale/ {"web": 2}`, status: 204},
		{request: `POST /apps/example-go/scale/ {"web": 2}`, status: 204},
	})
	_, body := call(t, c, "admin", "GET", "/v2/apps/example-go/logs/", "")
	assert.Equal(t, 1, strings.Count(body, "scaled pods web=2"))
}

func TestCollaboratorsMaySendAnUpdateWithoutAnOwner(t *testing.T) {
	runSteps(t, newController(version.V2_2), []step{
		{request: `POST /apps/example-go/perms/ {"username": "bob"}`, status: 201},
		{as: "bob", request: `POST /apps/example-go/ {}`, status: 200},
		{as: "bob", request: `POST /apps/example-go/ {"owner": ""}`, status: 200},
		{as: "bob", request: `POST /apps/example-go/ {"owner": "bob"}`, status: 403},
		{as: "alice", request: `POST /apps/example-go/ {}`, status: 403},
	})
}

func TestHealthcheckVariablesBecomeAHealthcheck(t *testing.T) {
	c := newController(version.V2_2)
	runSteps(t, c, []step{
		{request: `POST /apps/example-go/builds/ {"image": "a/b:1"}`, status: 201},
		{request: `POST /apps/example-go/config/ {"values": {"HEALTHCHECK_TIMEOUT": 3}}`, status: 201, contains: `"HEALTHCHECK_TIMEOUT":"3"`},
		{request: `POST /apps/example-go/config/ {"values": {"HEALTHCHECK_URL": "/ok", "A": "1"}}`, status: 201, contains: `"path":"/ok","port":5000`},
		{request: `GET /apps/example-go/config/`, status: 200, contains: `"values":{"A":"1"}`},
	})
	_, body := call(t, c, "admin", "GET", "/v2/apps/example-go/config/", "")
	assert.Contains(t, body, `"timeoutSeconds":3`)
	assert.NotContains(t, body, `"port"`, "only the response to the change has it")
}

func TestAnAppNameThatKubernetesRefusesLeavesAnIncompleteApp(t *testing.T) {
	c := deistest.New()
	runSteps(t, c, []step{
		{request: `POST /apps/ {"id": "half-"}`, status: 503, contains: "Kubernetes resources could not be created"},
		{request: `POST /apps/ {"id": "half-"}`, status: 400, contains: "already exists"},
		{request: `GET /apps/half-/`, status: 200},
		{request: `GET /apps/half-/domains/`, status: 200, contains: `"count":0`},
		{request: `POST /apps/half-/builds/ {"image": "a/b:1"}`, status: 400, contains: "AppSettings matching query does not exist."},
		{request: `DELETE /apps/half-/`, status: 503},
	})
}

func TestAProcTypeThatKubernetesRefusesBlocksBuildsAndScaling(t *testing.T) {
	runSteps(t, newController(version.V2_2), []step{
		{request: `POST /apps/example-go/builds/ {"image": "a/b", "procfile": {"Web Odd": "", "web": "x"}}`, status: 201},
		{request: `POST /apps/example-go/builds/ {"image": "a/b", "procfile": {"web": "x"}}`, status: 503, contains: `(scale): ('failed to create Deployment \"example-go-Web Odd\"`},
		{request: `POST /apps/example-go/scale/ {"web": 1}`, status: 503},
		{request: `POST /apps/example-go/scale/ {"cmd": 0}`, status: 204},
	})
}

func TestTwoBuildsAtOnceDoubleTheContainers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newController(version.V1_6, deistest.WithDeployDelay(time.Second))
		runSteps(t, c, []step{{request: webAndWorker, status: 201}, {request: `POST /apps/example-go/scale/ {"web": 3}`, status: 204}})
		for range 2 {
			go call(t, c, "admin", "POST", "/v1/apps/example-go/builds/", `{"image": "a/b:2", "procfile": {"web": "x", "worker": "y"}}`)
		}
		time.Sleep(time.Minute)
		assert.Equal(t, map[string]int{"web up": 6}, podStates(t, c))
		runSteps(t, c, []step{
			{request: `POST /apps/example-go/scale/ {"web": 0}`, status: 204},
			{request: `POST /apps/example-go/scale/ {"web": 3}`, status: 204},
		})
		assert.Equal(t, map[string]int{"web up": 3}, podStates(t, c))
	})
}

func TestPathsThatAreNotASCII(t *testing.T) {
	for api, status := range map[version.API]int{version.V1_6: 500, version.V2_2: 404} {
		runSteps(t, newController(api), []step{{request: `GET /apps/caf%C3%A9/`, status: status}})
	}
}

func TestAUserCannotAddAKeyTwiceButCanReuseAnID(t *testing.T) {
	for _, api := range versions {
		runSteps(t, newController(api), []step{
			{as: "alice", request: `POST /keys/ {"id": "k", "public": "ssh-rsa AAAA one"}`, status: 201},
			{as: "alice", request: `POST /keys/ {"id": "l", "public": "ssh-rsa AAAA two"}`, status: 500},
			{as: "bob", request: `POST /keys/ {"id": "k", "public": "ssh-rsa AAAA two"}`, status: 201},
			{as: "bob", request: `POST /keys/ {"id": "k", "public": "ssh-rsa BBBB"}`, status: 201},
			{as: "bob", request: `GET /keys/k`, status: 500},
		})
	}
}
