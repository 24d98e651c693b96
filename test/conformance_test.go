package test

import (
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/apps"
	"github.com/deisgo/deis/auth"
	"github.com/deisgo/deis/builds"
	"github.com/deisgo/deis/certs"
	"github.com/deisgo/deis/config"
	"github.com/deisgo/deis/internal/exchange"
	"github.com/deisgo/deis/internal/lines"
	"github.com/deisgo/deis/keys"
	"github.com/deisgo/deis/pods"
)

// documented is one exchange of the API documents, from testdata. Where a document prints a body that is not JSON,
// testdata has a corrected one.
type documented struct {
	API       string
	Section   string
	Operation string
	Request   struct {
		Method, Path, Body string
		Headers            map[string]string
	}
	OptionalParameters string `json:"optional_parameters"`
	Response           struct {
		Status  int
		Headers map[string]string
		Body    string
	}
}

// readDocuments returns all exchanges of both documents, in their order.
func readDocuments(t *testing.T) []documented {
	t.Helper()
	var all []documented
	for _, api := range []string{"1.6", "2.2"} {
		for line := range lines.Of(t, "testdata/documented-"+api+".jsonl") {
			var d documented
			require.NoError(t, json.Unmarshal(line, &d))
			all = append(all, d)
		}
	}
	require.Len(t, all, 42+46, "exchanges in the documents")
	return all
}

// A documentedCall is the SDK's call for a documented operation, with exactly the documented arguments. Its result has
// the JSON form of the documented response; it is nil if that is empty.
type documentedCall struct {
	operation string              // preceded by the version if the arguments of the two versions differ
	optional  []string            // the documented optional parameters that are given
	query     string              // the document does not give its value
	instead   string              // the path that real servers need instead of the documented one
	before    []exchange.Exchange // what the SDK sends first
	call      func(context.Context, *deis.Client) (any, error)
}

var documentedCalls = []documentedCall{
	{operation: "Register a New User", call: func(ctx context.Context, c *deis.Client) (any, error) {
		return c.Auth.Register(ctx, auth.RegisterParams{Username: "test", Password: "opensesame", Email: "test@example.com"})
	}},
	{operation: "Register a New User", optional: []string{"first_name", "last_name"}, call: func(ctx context.Context, c *deis.Client) (any, error) {
		return c.Auth.Register(ctx, auth.RegisterParams{
			Username: "test", Password: "opensesame", Email: "test@example.com", FirstName: "test", LastName: "testerson",
		})
	}},
	{operation: "Log in", call: func(ctx context.Context, c *deis.Client) (any, error) {
		token, err := c.Auth.Login(ctx, "test", "opensesame")
		return map[string]string{"token": token}, err
	}},
	{operation: "Cancel Account", call: func(ctx context.Context, c *deis.Client) (any, error) {
		return nil, c.Auth.Cancel(ctx, auth.CancelParams{})
	}},
	{operation: "Who Am I", call: func(ctx context.Context, c *deis.Client) (any, error) {
		return c.Auth.Whoami(ctx)
	}},
	{operation: "Regenerate Token", call: func(ctx context.Context, c *deis.Client) (any, error) {
		token, err := c.Auth.RegenerateToken(ctx, auth.TokenParams{})
		return map[string]string{"token": token}, err
	}},
	{operation: "Regenerate Token", optional: []string{"username"}, call: func(ctx context.Context, c *deis.Client) (any, error) {
		token, err := c.Auth.RegenerateToken(ctx, auth.TokenParams{Username: "test"})
		return map[string]string{"token": token}, err
	}},
	{operation: "Regenerate Token", optional: []string{"all"}, call: func(ctx context.Context, c *deis.Client) (any, error) {
		token, err := c.Auth.RegenerateToken(ctx, auth.TokenParams{All: true})
		return map[string]string{"token": token}, err
	}},
	{operation: "Change Password", call: func(ctx context.Context, c *deis.Client) (any, error) {
		return nil, c.Auth.ChangePassword(ctx, auth.PasswordParams{Password: "foo", NewPassword: "bar"})
	}},
	{operation: "Change Password", optional: []string{"username"}, call: func(ctx context.Context, c *deis.Client) (any, error) {
		return nil, c.Auth.ChangePassword(ctx, auth.PasswordParams{Password: "foo", NewPassword: "bar", Username: "testuser"})
	}},

	{operation: "List all Applications", call: func(ctx context.Context, c *deis.Client) (any, error) {
		return c.Apps.List(ctx, deis.ListOptions{})
	}},
	{operation: "Create an Application", call: func(ctx context.Context, c *deis.Client) (any, error) {
		return c.Apps.Create(ctx, apps.CreateParams{})
	}},
	{operation: "Create an Application", optional: []string{"id"}, call: func(ctx context.Context, c *deis.Client) (any, error) {
		return c.Apps.Create(ctx, apps.CreateParams{ID: "example-go"})
	}},
	{operation: "Destroy an Application", call: func(ctx context.Context, c *deis.Client) (any, error) {
		return nil, c.Apps.Delete(ctx, "example-go")
	}},
	{operation: "List Application Details", call: func(ctx context.Context, c *deis.Client) (any, error) {
		return c.Apps.Get(ctx, "example-go")
	}},
	// Without the owner, which the document calls optional, an update changes nothing: the SDK refuses it.
	{operation: "Update Application Details", optional: []string{"owner"}, call: func(ctx context.Context, c *deis.Client) (any, error) {
		return nil, c.Apps.Update(ctx, "example-go", apps.UpdateParams{Owner: "test"})
	}},
	{operation: "Retrieve Application Logs", call: func(ctx context.Context, c *deis.Client) (any, error) {
		return c.Apps.Logs(ctx, "example-go", apps.LogOptions{})
	}},
	{operation: "Retrieve Application Logs", query: "?log_lines=20", call: func(ctx context.Context, c *deis.Client) (any, error) {
		return c.Apps.Logs(ctx, "example-go", apps.LogOptions{Lines: 20})
	}},
	{operation: "1.6 Run one-off Commands", call: func(ctx context.Context, c *deis.Client) (any, error) {
		result, err := c.Apps.Run(ctx, "example-go", "echo hi")
		if err != nil {
			return nil, err
		}
		return []any{result.ExitCode, result.Output}, nil
	}},
	{operation: "2.2 Run one-off Commands", call: func(ctx context.Context, c *deis.Client) (any, error) {
		return c.Apps.Run(ctx, "example-go", "echo hi")
	}},

	{operation: "List all Certificates", call: func(ctx context.Context, c *deis.Client) (any, error) {
		return c.Certs.List(ctx, deis.ListOptions{})
	}},
	{operation: "List Certificate Details", call: func(ctx context.Context, c *deis.Client) (any, error) {
		return c.Certs.Get(ctx, "test.example.com")
	}},
	{operation: "Get Certificate Details", call: func(ctx context.Context, c *deis.Client) (any, error) {
		return c.Certs.Get(ctx, "foo")
	}},
	{operation: "1.6 Create Certificate", call: func(ctx context.Context, c *deis.Client) (any, error) {
		return c.Certs.Create(ctx, certs.CreateParams{Certificate: "-----BEGIN CERTIFICATE-----", Key: "-----BEGIN RSA PRIVATE KEY-----"})
	}},
	{operation: "1.6 Create Certificate", optional: []string{"common_name"}, call: func(ctx context.Context, c *deis.Client) (any, error) {
		return c.Certs.Create(ctx, certs.CreateParams{
			Name: "test.example.com", Certificate: "-----BEGIN CERTIFICATE-----", Key: "-----BEGIN RSA PRIVATE KEY-----",
		})
	}},
	{operation: "2.2 Create Certificate", call: func(ctx context.Context, c *deis.Client) (any, error) {
		return c.Certs.Create(ctx, certs.CreateParams{
			Name: "foo", Certificate: "-----BEGIN CERTIFICATE-----", Key: "-----BEGIN RSA PRIVATE KEY-----",
		})
	}},
	{operation: "1.6 Destroy a Certificate", call: func(ctx context.Context, c *deis.Client) (any, error) {
		return nil, c.Certs.Delete(ctx, "test.example.com")
	}},
	{operation: "2.2 Destroy a Certificate", call: func(ctx context.Context, c *deis.Client) (any, error) {
		return nil, c.Certs.Delete(ctx, "foo")
	}},
	{operation: "Attach a Domain to a Certificate", instead: "/v2/certs/foo/domain/", call: func(ctx context.Context, c *deis.Client) (any, error) {
		return nil, c.Certs.Attach(ctx, "foo", "test.com")
	}},
	{operation: "Remove a Domain from a Certificate", instead: "/v2/certs/foo/domain/test.com", call: func(ctx context.Context, c *deis.Client) (any, error) {
		return nil, c.Certs.Detach(ctx, "foo", "test.com")
	}},

	{operation: "List all Containers", call: listPods(pods.ListOptions{})},
	{operation: "List all Pods", call: listPods(pods.ListOptions{})},
	{operation: "List all Containers by Type", call: listPods(pods.ListOptions{Type: "web"})},
	{operation: "List all Pods by Type", call: listPods(pods.ListOptions{Type: "web"})},
	{operation: "Restart All Containers", call: restart(pods.RestartOptions{})},
	{operation: "Restart All Pods", call: restart(pods.RestartOptions{})},
	{operation: "Restart Containers by Type", call: restart(pods.RestartOptions{Type: "web"})},
	{operation: "Restart Pods by Type", call: restart(pods.RestartOptions{Type: "web"})},
	{operation: "Restart Containers by Type and Number", call: restart(pods.RestartOptions{Name: "web.1"})},
	{operation: "Restart Containers by Type and Number", call: restart(pods.RestartOptions{Type: "web", Name: "1"})},
	{
		operation: "Restart Pods by Type and Name",
		instead:   "/v2/apps/example-go/pods/web/go-v2-web-atots/restart/",
		before: []exchange.Exchange{
			exchange.On("GET /v2/apps/example-go/pods/", "", 200, `{"results": [{"name": "go-v2-web-atots", "type": "web"}]}`),
		},
		call: restart(pods.RestartOptions{Type: "web", Name: "go-v2-web-atots"}),
	},
	{operation: "Scale Containers", call: scale},
	{
		operation: "Scale Pods",
		before:    []exchange.Exchange{exchange.On("GET /v2/apps/example-go/", "", 200, `{"id": "example-go", "structure": {"web": 1}}`)},
		call:      scale,
	},

	{operation: "List Application Configuration", call: func(ctx context.Context, c *deis.Client) (any, error) {
		return c.Config.Get(ctx, "example-go")
	}},
	{operation: "Create new Config", call: func(ctx context.Context, c *deis.Client) (any, error) {
		return c.Config.SetValues(ctx, "example-go", map[string]string{"HELLO": "world", "PLATFORM": "deis"})
	}},
	{operation: "Unset Config Variable", call: func(ctx context.Context, c *deis.Client) (any, error) {
		return c.Config.Unset(ctx, "example-go", []string{"HELLO"})
	}},

	{operation: "List Application Domains", call: func(ctx context.Context, c *deis.Client) (any, error) {
		return c.Domains.List(ctx, "example-go", deis.ListOptions{})
	}},
	{operation: "Add Domain", call: func(ctx context.Context, c *deis.Client) (any, error) {
		return c.Domains.Create(ctx, "example-go", "example.example.com")
	}},
	{operation: "Remove Domain", call: func(ctx context.Context, c *deis.Client) (any, error) {
		return nil, c.Domains.Delete(ctx, "example-go", "example.example.com")
	}},

	{operation: "List Application Builds", call: func(ctx context.Context, c *deis.Client) (any, error) {
		return c.Builds.List(ctx, "example-go", deis.ListOptions{})
	}},
	{operation: "Create Application Build", call: func(ctx context.Context, c *deis.Client) (any, error) {
		return c.Builds.Create(ctx, "example-go", builds.CreateParams{Image: "deis/example-go:latest"})
	}},
	{operation: "Create Application Build", optional: []string{"procfile"}, call: func(ctx context.Context, c *deis.Client) (any, error) {
		return c.Builds.Create(ctx, "example-go", builds.CreateParams{
			Image: "deis/example-go:latest", Procfile: map[string]string{"web": "./cmd"},
		})
	}},

	{operation: "List Application Releases", call: func(ctx context.Context, c *deis.Client) (any, error) {
		return c.Releases.List(ctx, "example-go", deis.ListOptions{})
	}},
	{operation: "1.6 List Release Details", call: func(ctx context.Context, c *deis.Client) (any, error) {
		return c.Releases.Get(ctx, "example-go", 1)
	}},
	{operation: "2.2 List Release Details", call: func(ctx context.Context, c *deis.Client) (any, error) {
		return c.Releases.Get(ctx, "example-go", 2)
	}},
	{operation: "Rollback Release", call: func(ctx context.Context, c *deis.Client) (any, error) {
		version, err := c.Releases.Rollback(ctx, "example-go", 1)
		return map[string]int{"version": version}, err
	}},

	{operation: "List Keys", call: func(ctx context.Context, c *deis.Client) (any, error) {
		return c.Keys.List(ctx, deis.ListOptions{})
	}},
	{operation: "Add Key to User", call: func(ctx context.Context, c *deis.Client) (any, error) {
		return c.Keys.Create(ctx, keys.CreateParams{ID: "example", Public: "ssh-rsa <...>"})
	}},
	{operation: "Remove Key from User", call: func(ctx context.Context, c *deis.Client) (any, error) {
		return nil, c.Keys.Delete(ctx, "example")
	}},

	{operation: "List Application Permissions", call: func(ctx context.Context, c *deis.Client) (any, error) {
		names, err := c.Perms.List(ctx, "example-go")
		return map[string][]string{"users": names}, err
	}},
	{operation: "Create Application Permission", call: func(ctx context.Context, c *deis.Client) (any, error) {
		return nil, c.Perms.Grant(ctx, "example-go", "example")
	}},
	{operation: "Remove Application Permission", call: func(ctx context.Context, c *deis.Client) (any, error) {
		return nil, c.Perms.Revoke(ctx, "example-go", "example")
	}},
	{operation: "List Administrators", call: func(ctx context.Context, c *deis.Client) (any, error) {
		return c.Perms.Admins(ctx, deis.ListOptions{})
	}},
	{operation: "Grant User Administrative Privileges", call: func(ctx context.Context, c *deis.Client) (any, error) {
		return nil, c.Perms.GrantAdmin(ctx, "example")
	}},
	{operation: "Remove User's Administrative Privileges", call: func(ctx context.Context, c *deis.Client) (any, error) {
		return nil, c.Perms.RevokeAdmin(ctx, "example")
	}},

	{operation: "1.6 List all users", instead: "/v1/users/", call: func(ctx context.Context, c *deis.Client) (any, error) {
		return c.Users.List(ctx, deis.ListOptions{})
	}},
	{operation: "2.2 List all users", call: func(ctx context.Context, c *deis.Client) (any, error) {
		return c.Users.List(ctx, deis.ListOptions{})
	}},
}

func listPods(o pods.ListOptions) func(context.Context, *deis.Client) (any, error) {
	return func(ctx context.Context, c *deis.Client) (any, error) { return c.Pods.List(ctx, "example-go", o) }
}

func restart(o pods.RestartOptions) func(context.Context, *deis.Client) (any, error) {
	return func(ctx context.Context, c *deis.Client) (any, error) { return c.Pods.Restart(ctx, "example-go", o) }
}

func scale(ctx context.Context, c *deis.Client) (any, error) {
	return nil, c.Pods.Scale(ctx, "example-go", map[string]int{"web": 3})
}

func TestEveryDocumentedRequestIsSentAndItsResponseReadInFull(t *testing.T) {
	made := 0
	for _, d := range readDocuments(t) {
		calls := 0
		for _, s := range documentedCalls {
			if s.operation == d.Operation || s.operation == d.API+" "+d.Operation {
				calls++
				t.Run(d.API+" "+d.Operation, func(t *testing.T) { s.check(t, d) })
			}
		}
		if assert.Positive(t, calls, "no call for %s %s", d.API, d.Operation) {
			made++
		}
	}
	assert.Equal(t, 88, made, "documented exchanges that were made")
}

func TestOnlyFourPathsDifferFromTheDocuments(t *testing.T) {
	var instead []string
	for _, s := range documentedCalls {
		if s.instead != "" {
			instead = append(instead, s.instead)
		}
	}
	assert.ElementsMatch(t, []string{
		"/v1/users/",
		"/v2/certs/foo/domain/",
		"/v2/certs/foo/domain/test.com",
		"/v2/apps/example-go/pods/web/go-v2-web-atots/restart/",
	}, instead)
}

// check makes the call to a Controller that expects the documented request and gives the documented response.
func (s documentedCall) check(t *testing.T, d documented) {
	path := d.Request.Path
	if s.instead != "" {
		require.NotEqual(t, path, s.instead)
		path = s.instead
	}
	expected := exchange.On(d.Request.Method+" "+path+s.query, s.body(t, d), d.Response.Status, d.Response.Body)
	for key, value := range d.Response.Headers {
		expected = expected.Header(key, value)
	}
	if d.Request.Headers["Authorization"] == "" {
		expected = expected.Anonymous()
	}
	client := exchange.Client(t, d.API, append(slices.Clone(s.before), expected)...)

	got, err := s.call(t.Context(), client)
	require.NoError(t, err)
	if d.Response.Body == "" {
		assert.Nil(t, got)
	} else {
		assertComplete(t, d.Response.Body, got)
	}
	if number := d.Response.Headers["X-Deis-Release"]; number != "" {
		assert.Equal(t, number, strconv.Itoa(releaseOf(got)), "the release that the header names")
	}
	server, _ := client.Server()
	assert.Equal(t, d.Response.Headers["DEIS_API_VERSION"], server.API.String())
	assert.Equal(t, d.Response.Headers["DEIS_PLATFORM_VERSION"], server.Platform)
}

// body returns the documented body, with the optional parameters that the call gives. A POST always has a body: {} if the
// document has none.
func (s documentedCall) body(t *testing.T, d documented) string {
	if d.Request.Method != "POST" {
		require.Empty(t, d.Request.Body)
		return ""
	}
	body := map[string]any{}
	if d.Request.Body != "" {
		require.NoError(t, json.Unmarshal([]byte(d.Request.Body), &body))
	}
	if len(s.optional) > 0 {
		var optional map[string]any
		require.NoError(t, json.Unmarshal([]byte(d.OptionalParameters), &optional))
		for _, name := range s.optional {
			require.Contains(t, optional, name)
			body[name] = optional[name]
		}
	}
	raw, err := json.Marshal(body)
	require.NoError(t, err)
	return string(raw)
}

func releaseOf(result any) int {
	switch result := result.(type) {
	case *builds.Build:
		return result.Release
	case *config.Config:
		return result.Release
	}
	return 0
}

// documentedTime matches most times as both documents print them; results print them with a Z.
var documentedTime = regexp.MustCompile(`"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)UTC"`)

// assertComplete asserts that a result has everything that the documented response has.
func assertComplete(t *testing.T, response string, result any) {
	t.Helper()
	raw, err := json.Marshal(result)
	require.NoError(t, err)
	var want, got any
	require.NoError(t, json.Unmarshal([]byte(documentedTime.ReplaceAllString(response, `"${1}Z"`)), &want))
	require.NoError(t, json.Unmarshal(raw, &got))
	if list, ok := want.(map[string]any); ok && list["results"] != nil { // a deis.Page
		require.Nil(t, list["next"])
		require.False(t, result.(interface{ HasNext() bool }).HasNext())
		want = map[string]any{"Items": list["results"], "Count": list["count"]}
	}
	assertHas(t, "the response", want, got)
}

// assertHas asserts that got has everything that want has. It may have more, such as the name of a container.
func assertHas(t *testing.T, at string, want, got any) {
	t.Helper()
	switch want := want.(type) {
	case map[string]any:
		object, ok := got.(map[string]any)
		require.True(t, ok, "%s is %v", at, got)
		for key, value := range want {
			if assert.Contains(t, object, key, "%s lacks a field", at) {
				assertHas(t, at+"."+key, value, object[key])
			}
		}
	case []any:
		list, ok := got.([]any)
		require.True(t, ok, "%s is %v", at, got)
		require.Len(t, list, len(want), at)
		for i, value := range want {
			assertHas(t, at+"["+strconv.Itoa(i)+"]", value, list[i])
		}
	case nil:
		assert.Zero(t, got, at)
	default:
		assert.Equal(t, want, got, at)
	}
}
