package deistest_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis/deistest"
	"github.com/deisgo/deis/version"
)

// The options of a Controller of API 2.2 and of both servers of API 2.3.
var (
	api22   = []deistest.Option{deistest.WithAPIVersion(version.V2_2)}
	early23 = []deistest.Option{deistest.WithAPIVersion(version.V2_3), deistest.WithEarly23()}
	late23  = []deistest.Option{deistest.WithAPIVersion(version.V2_3)}
)

// An input is a body that is sent to a path below example-go, and the response to it.
type input struct {
	path     string // below the app
	sent     string
	status   int
	contains string // a part of the response's body
}

// checkInputs sends each input to a new Controller.
func checkInputs(t *testing.T, opts []deistest.Option, inputs []input) {
	t.Helper()
	for _, in := range inputs {
		c := deistest.New(append([]deistest.Option{deistest.WithApp("example-go", "")}, opts...)...)
		status, body := call(t, c, "admin", "POST", "/v2/apps/example-go/"+in.path+"/", in.sent)
		assert.Equal(t, in.status, status, "%s %s: %s", in.path, in.sent, body)
		assert.Contains(t, body, in.contains, "%s %s", in.path, in.sent)
	}
}

func TestSettingsOf22(t *testing.T) {
	checkInputs(t, api22, []input{
		{"settings", `{"maintenance": true}`, 201, `"maintenance":true,"routable":true}`},
		{"settings", `{"maintenance": "true"}`, 201, `"maintenance":true`},
		{"settings", `{"maintenance": "True"}`, 201, `"maintenance":true`},
		{"settings", `{"maintenance": "t"}`, 201, `"maintenance":true`},
		{"settings", `{"maintenance": "1"}`, 201, `"maintenance":true`},
		{"settings", `{"maintenance": 1}`, 201, `"maintenance":true`},
		{"settings", `{"routable": "false"}`, 201, `"routable":false`},
		{"settings", `{"routable": "f"}`, 201, `"routable":false`},
		{"settings", `{"routable": "0"}`, 201, `"routable":false`},
		{"settings", `{"routable": 0}`, 201, `"routable":false`},
		{"settings", `{"maintenance": true, "routable": null}`, 201, `"routable":true`},
		{"settings", `{"maintenance": null}`, 409, `{"detail":"admin changed nothing"}`},
		{"settings", `{"maintenance": false}`, 409, `{"detail":"admin changed nothing"}`},
		{"settings", `{}`, 409, `{"detail":"admin changed nothing"}`},
		{"settings", `{"maintenance": "perhaps"}`, 400, `{"maintenance":["\"perhaps\" is not a valid boolean."]}`},
		{"settings", `{"maintenance": "x", "routable": 2}`, 400, `"routable":["\"2\" is not a valid boolean."]`},
		{"settings", `[1]`, 500, `{"detail":"Server Error"}`},
		{"settings", `{"whitelist": ["x"]}`, 409, `changed nothing`}, // a field of later versions
		{"whitelist", `{}`, 404, `<h1>Not Found</h1>`},
		{"tls", `{}`, 404, `<h1>Not Found</h1>`},
		{"services", `{}`, 404, `<h1>Not Found</h1>`},
	})
}

func TestSettingsOfEarly23(t *testing.T) {
	checkInputs(t, early23, []input{
		{"settings", `{"maintenance": true}`, 201, `"maintenance":true,"routable":true,"whitelist":[]}`},
		{"settings", `{"maintenance": "x"}`, 400, `{"maintenance":["\"x\" is not a valid boolean."]}`},
		{"settings", `{"whitelist": []}`, 409, `changed nothing`},
		{"settings", `{"label": {"team": "red"}}`, 409, `changed nothing`},
		{"whitelist", `{"addresses": ["1.2.3.4"]}`, 201, `{"addresses":["1.2.3.4"]}`},
		{"tls", `{"https_enforced": true}`, 201, `"https_enforced":true`},
		{"services", `{"procfile_type": "web", "path_pattern": "/"}`, 404, `<h1>Not Found</h1>`},
	})
}

func TestSettingsOfLate23(t *testing.T) {
	checkInputs(t, late23, []input{
		{"settings", `{"maintenance": true}`, 201, `"autoscale":{},"label":{},`},
		{"settings", `{"maintenance": "x"}`, 400, `{"maintenance":["Must be a valid boolean."]}`},
		{"settings", `{"maintenance": [true]}`, 400, `{"maintenance":["Must be a valid boolean."]}`},

		{"settings", `{"whitelist": ["1.2.3.4"]}`, 201, `"whitelist":["1.2.3.4"]}`},
		{"settings", `{"whitelist": ["10.0.0.0/8", "10.0.0.1/8", "2001:db8::1", "2001:db8::/32"]}`, 201, `10.0.0.1/8`},
		{"settings", `{"whitelist": ["10.0.0.0/255.0.0.0", "10.0.0.0/0.255.255.255", " 1.1.1.1 "]}`, 201, `"1.1.1.1"`},
		{"settings", `{"whitelist": []}`, 400, `{"whitelist":["This list may not be empty."]}`},
		{"settings", `{"whitelist": null}`, 400, `{"whitelist":["This field may not be null."]}`},
		{"settings", `{"whitelist": "1.2.3.4"}`, 400, `{"whitelist":["Expected a list of items but got type \"str\"."]}`},
		{"settings", `{"whitelist": ["1.2.3"]}`, 400, `{"whitelist":["The address 1.2.3 is not valid"]}`},
		{"settings", `{"whitelist": ["1.2.3.4/33"]}`, 400, `{"whitelist":["The address 1.2.3.4/33 is not valid"]}`},
		{"settings", `{"whitelist": ["1.2.3.4/+8"]}`, 400, `{"whitelist":["The address 1.2.3.4/+8 is not valid"]}`},
		{"settings", `{"whitelist": ["1.2.3.4/255.0.255.0"]}`, 400, `is not valid`},
		{"settings", `{"whitelist": ["` + strings.Repeat("1", 51) + `"]}`, 400, `Ensure this field has no more than 50 characters.`},

		{"settings", `{"autoscale": {"web": {"min": 1, "max": 3, "cpu_percent": 45}}}`, 201,
			`"autoscale":{"web":{"cpu_percent":45,"max":3,"min":1}}`},
		{"settings", `{"autoscale": "{\"web\": {\"min\": 1, \"max\": 3, \"cpu_percent\": 45}}"}`, 201, `"min":1`},
		{"settings", `{"autoscale": {"No Type": {"min": 1, "max": 1, "cpu_percent": 45, "more": []}}}`, 201, `"more":[]`},
		{"settings", `{"autoscale": {"web": {"min": 1, "max": 3}}}`, 400,
			`{"autoscale":["could not validate {'max': 3, 'min': 1}: 'cpu_percent' is a required property"]}`},
		{"settings", `{"autoscale": {"web": {"min": "1", "max": 3, "cpu_percent": 45}}}`, 400, `'1' is not of type 'integer'`},
		{"settings", `{"autoscale": {"web": {"min": 1.5, "max": 3, "cpu_percent": 45}}}`, 400, `1.5 is not of type 'integer'`},
		{"settings", `{"autoscale": {"web": {"min": true, "max": 3, "cpu_percent": 45}}}`, 400, `True is not of type 'integer'`},
		{"settings", `{"autoscale": {"web": "x"}}`, 400, `{"autoscale":["could not validate x: 'x' is not of type 'object'"]}`},
		{"settings", `{"autoscale": {"web": {"min": 9, "max": 3, "cpu_percent": 45}}}`, 400,
			`{"detail":"max replicas can not be smaller than min replicas"}`},
		{"settings", `{"autoscale": {"web": {"min": 0, "max": 3, "cpu_percent": 45}}}`, 400, `{"detail":"min replicas`},
		{"settings", `{"autoscale": {"web": null}}`, 422, `{"detail":"web does not exist under autoscale"}`},
		{"settings", `{"autoscale": null}`, 400, `{"autoscale":["This field may not be null."]}`},
		{"settings", `{"autoscale": "x"}`, 500, `{"detail":"Server Error"}`},
		{"settings", `{"autoscale": [1]}`, 500, `{"detail":"Server Error"}`},

		{"settings", `{"label": {"team": "red", "Any Thing!": [5]}}`, 201, `"label":{"Any Thing!":[5],"team":"red"}`},
		{"settings", `{"label": {"team": null}}`, 422, `{"detail":"team does not exist under label"}`},

		{"whitelist", `{"addresses": ["1.2.3.4", "5.6.7.0/24", "1.2.3.4"]}`, 201, `{"addresses":["1.2.3.4","5.6.7.0/24"]}`},
		{"whitelist", `{"addresses": ["x"]}`, 400, `["The address x is not valid"]`},
		{"whitelist", `{"addresses": "1"}`, 400, `["The address 1 is not valid"]`},
		{"whitelist", `{"addresses": []}`, 409, `{"detail":"admin changed nothing"}`},
		{"whitelist", `{}`, 500, `{"detail":"Server Error"}`},
		{"whitelist", `{"addresses": 5}`, 500, `{"detail":"Server Error"}`},

		{"tls", `{"https_enforced": true}`, 201, `"https_enforced":true}`},
		{"tls", `{"https_enforced": "false"}`, 201, `"https_enforced":false}`},
		{"tls", `{"https_enforced": null}`, 201, `"https_enforced":null}`},
		{"tls", `{}`, 201, `"https_enforced":null}`},
		{"tls", `{"https_enforced": "maybe"}`, 400, `{"https_enforced":["Must be a valid boolean."]}`},

		{"services", `{"procfile_type": "web", "path_pattern": "/"}`, 201, ``},
		{"services", `{"procfile_type": "no-such-type", "path_pattern": "/a,/b.*,^/c(?!d)$"}`, 201, ``},
		{"services", `{"procfile_type": "We_b", "path_pattern": "/"}`, 400,
			`["Process types can only contain lowercase alphanumeric characters"]`},
		{"services", `{"procfile_type": "web", "path_pattern": ""}`, 400,
			`["Service value should be valid regex (or set of regex split by comma)"]`},
		{"services", `{"procfile_type": "web", "path_pattern": "/a,,/b"}`, 400, `["Service value`},
		{"services", `{"procfile_type": "web", "path_pattern": "/a,(/b"}`, 400, `["Service value`},
		{"services", `{"path_pattern": "/"}`, 500, `{"detail":"Server Error"}`},
		{"services", `{"procfile_type": "web"}`, 500, `{"detail":"Server Error"}`},
	})
}

// inBoth23 runs a test on a new early and a new late server of API 2.3, with an app of alice's and a collaborator, bob.
func inBoth23(t *testing.T, story func(t *testing.T, c *deistest.Controller)) {
	for name, opts := range map[string][]deistest.Option{"early": early23, "late": late23} {
		t.Run(name, func(t *testing.T) {
			c := deistest.New(append([]deistest.Option{deistest.WithUser("alice", "pw"), deistest.WithUser("bob", "pw"),
				deistest.WithApp("example-go", "alice")}, opts...)...)
			runSteps(t, c, []step{{as: "alice", request: `POST /apps/example-go/perms/ {"username": "bob"}`, status: 201}})
			story(t, c)
		})
	}
}

func TestAddressesAreAddedToAndRemovedFromAWhitelist(t *testing.T) {
	inBoth23(t, func(t *testing.T, c *deistest.Controller) {
		const path = "/apps/example-go/whitelist/ "
		runSteps(t, c, []step{
			{as: "bob", request: "POST " + path + `{"addresses": ["1.1.1.1", "2.2.2.0/24"]}`, status: 201},
			{as: "bob", request: "POST " + path + `{"addresses": ["1.1.1.1"]}`, status: 409, contains: "bob changed nothing"},
			{as: "bob", request: "DELETE " + path + `{"addresses": ["1.1.1.1"]}`, status: 403},
			{as: "alice", request: "DELETE " + path + `{"addresses": ["9.9.9.9"]}`, status: 422,
				contains: `{"detail":"addresses {'9.9.9.9'} does not exist in whitelist"}`},
			{as: "alice", request: "DELETE " + path + `{"addresses": ["x"]}`, status: 400},
			{as: "alice", request: "DELETE " + path, status: 500},
			{as: "alice", request: "DELETE " + path + `{"addresses": ["1.1.1.1"]}`, status: 204},
			{as: "alice", request: "GET " + path, status: 200, contains: `{"addresses":["2.2.2.0/24"]}`},
			{as: "alice", request: "GET /apps/example-go/settings/", status: 200, contains: `"whitelist":["2.2.2.0/24"]`},
			{as: "alice", request: "DELETE " + path + `{"addresses": ["2.2.2.0/24"]}`, status: 204},
			{as: "alice", request: "GET " + path, status: 200, contains: `{"addresses":[]}`},
		})
	})
}

func TestSettingsBelongToTheUserWhoChangedThemLast(t *testing.T) {
	inBoth23(t, func(t *testing.T, c *deistest.Controller) {
		const path = "/apps/example-go/settings/ "
		runSteps(t, c, []step{
			{as: "alice", request: "GET " + path, status: 200, contains: `"owner":"alice"`},
			{as: "bob", request: "POST " + path + `{"maintenance": true}`, status: 201, contains: `"owner":"bob"`},
			{as: "alice", request: "POST " + path + `{"routable": false}`, status: 201, contains: `"maintenance":true,"routable":false`},
			{as: "alice", request: "PUT " + path + `{}`, status: 405},
		})
	})
}

func TestTLSCanBeEnforcedAgainAfterItIsUnset(t *testing.T) {
	inBoth23(t, func(t *testing.T, c *deistest.Controller) {
		const path = "/apps/example-go/tls/ "
		runSteps(t, c, []step{
			{request: "GET " + path, status: 200, contains: `"https_enforced":null`},
			{request: "POST " + path + `{"https_enforced": true}`, status: 201},
			{request: "POST " + path + `{"https_enforced": true}`, status: 409, contains: `"admin changed nothing"`},
			{request: "POST " + path + `{"https_enforced": null}`, status: 201},
			{request: "POST " + path + `{"https_enforced": true}`, status: 201},
			{request: "DELETE " + path, status: 405},
		})
	})
}

func TestServices(t *testing.T) {
	c := deistest.New(append([]deistest.Option{deistest.WithApp("example-go", "")}, late23...)...)
	const path = "/apps/example-go/services/ "
	runSteps(t, c, []step{
		{request: "GET " + path, status: 200, contains: `{"services":[]}`},
		{request: "POST " + path + `{"procfile_type": "web", "path_pattern": "/"}`, status: 201},
		{request: "POST " + path + `{"procfile_type": "web", "path_pattern": "/"}`, status: 204},
		{request: "POST " + path + `{"procfile_type": "web", "path_pattern": "/a,/b"}`, status: 201},
		{request: "POST " + path + `{"procfile_type": "api", "path_pattern": "/api"}`, status: 201},
		{request: "GET " + path, status: 200, contains: `{"services":[{"procfile_type":"api","path_pattern":"/api"},` +
			`{"procfile_type":"web","path_pattern":"/a,/b"}]}`},
		{request: "DELETE " + path, status: 500},
		{request: "DELETE " + path + `{"procfile_type": "api"}`, status: 204},
		{request: "DELETE " + path + `{"procfile_type": "api"}`, status: 404},
	})
}

// An autoscaler can run more or fewer pods than the structure says.
func TestAnAutoscalerOverridesTheStructure(t *testing.T) {
	inBoth23(t, func(t *testing.T, c *deistest.Controller) {
		structure := func() map[string]int {
			_, body := call(t, c, "admin", "GET", "/v2/apps/example-go/", "")
			var app struct{ Structure map[string]int }
			require.NoError(t, json.Unmarshal([]byte(body), &app))
			return app.Structure
		}
		runSteps(t, c, []step{
			{request: `POST /apps/example-go/builds/ {"image": "a/b:1", "sha": "abc", "procfile": {"web": "x", "w": "y"}}`, status: 201},
			{request: `POST /apps/example-go/scale/ {"w": 1}`, status: 204},
			{request: `POST /apps/example-go/settings/ {"autoscale": {"web": {"min": 2, "max": 4, "cpu_percent": 50}}}`, status: 201},
		})
		assert.Equal(t, map[string]int{"web up": 2, "w up": 1}, podStates(t, c))
		assert.Equal(t, map[string]int{"web": 1, "w": 1}, structure())
		require.NoError(t, c.Autoscale("example-go", "web", 99))
		assert.Equal(t, map[string]int{"web up": 4, "w up": 1}, podStates(t, c))
		runSteps(t, c, []step{{request: `POST /apps/example-go/builds/ {"image": "a/b:2", "procfile": {"web": "x", "w": "y"}}`, status: 201}})
		assert.Equal(t, 4, podStates(t, c)["web up"], "a deploy keeps what the autoscaler wants")
		runSteps(t, c, []step{{request: `POST /apps/example-go/scale/ {"web": 0}`, status: 204}})
		assert.Equal(t, map[string]int{"w up": 1}, podStates(t, c), "a type at 0 is not autoscaled")
		runSteps(t, c, []step{
			{request: `POST /apps/example-go/scale/ {"web": 1}`, status: 204},
			{request: `POST /apps/example-go/settings/ {"autoscale": {"web": null}}`, status: 201, contains: `"autoscale":{}`},
		})
		assert.Equal(t, map[string]int{"web up": 1, "w up": 1}, podStates(t, c))
		assert.Error(t, c.Autoscale("example-go", "web", 2))
		assert.Error(t, c.Autoscale("nosuch", "web", 2))
	})
}

func TestHealthChecksAreReadOnly(t *testing.T) {
	for _, opts := range [][]deistest.Option{api22, early23, late23} {
		c := deistest.New(opts...)
		for _, path := range []string{"/healthz", "/readiness"} {
			for method, want := range map[string]int{
				"GET": 200, "HEAD": 200, "OPTIONS": 200, "POST": http.StatusMethodNotAllowed, "DELETE": http.StatusMethodNotAllowed,
			} {
				status, _ := call(t, c, "", method, path, "")
				assert.Equal(t, want, status, "%s %s", method, path)
			}
		}
	}
}

// Early servers of API 2.3 check most fields as those of 2.2 do.
func TestEarlyServersHaveOlderRules(t *testing.T) {
	long := strings.Repeat("a", 30)
	for request, want := range map[string]struct{ early, late int }{
		`POST /apps/ {"id": "1abc"}`:         {201, 400},
		`POST /apps/ {"id": "` + long + `"}`: {400, 201},
		`POST /auth/register/ {"username": "` + long + long + `", "password": "pw", "email": ""}`:                     {201, 201},
		`POST /auth/register/ {"username": "amy", "password": "pw", "email": "", "last_name": "` + long + long + `"}`: {400, 201},
		`POST /apps/example-go/config/ {"memory": {"web": "128M/256M"}}`:                                              {400, 201},
		`POST /apps/example-go/config/ {"cpu": {"web": "1500m/2000m"}}`:                                               {400, 201},
		`POST /apps/example-go/config/ {"termination_grace_period": {"web": "5"}}`:                                    {409, 201},
		`POST /apps/example-go/config/ {"lifecycle_post_start": {"web": "x"}}`:                                        {409, 201},
		`POST /apps/example-go/builds/ {"image": "a/b:1", "procfile": {"web": ""}}`:                                   {201, 400},
		`POST /certs/foo/domain/ {}`: {404, 404},
	} {
		for _, server := range []struct {
			opts   []deistest.Option
			status int
		}{{early23, want.early}, {late23, want.late}} {
			c := deistest.New(append([]deistest.Option{deistest.WithApp("example-go", "")}, server.opts...)...)
			runSteps(t, c, []step{{request: request, status: server.status}})
		}
	}
}
