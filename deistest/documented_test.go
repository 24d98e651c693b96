package deistest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis/deistest"
	"github.com/deisgo/deis/internal/lines"
	"github.com/deisgo/deis/version"
)

// otherStatus has the documented requests to which real Controllers respond with another status.
var otherStatus = map[string]int{
	"GET /v1/users":   http.StatusNotFound,   // the slash is required
	"GET /v1/keys/":   http.StatusOK,         // 201 in both documents
	"GET /v2/keys/":   http.StatusOK,         //
	"POST /v1/certs/": http.StatusBadRequest, // the documented certificate is only the first line of one
	"POST /v2/certs/": http.StatusBadRequest, //
	"POST /v2/apps/example-go/releases/rollback/": http.StatusBadRequest, // not to the initial release
	// Real Controllers take the documented paths for others.
	"POST /v2/certs/foo/domains/":            http.StatusNotFound,
	"DELETE /v2/certs/foo/domains/test.com/": http.StatusNotFound,
}

// missingFields are the documented fields that responses of real Controllers lack.
var missingFields = map[string]bool{
	"1.6 User.id": true, "2.2 User.id": true, "2.2 App.url": true,
	"2.2 Config.DEIS_APP": true, "2.2 Config.DEIS_RELEASE": true,
}

// TestDocumentedExchanges sends each documented request. The response has the documented status and at least the
// documented fields, except where real Controllers differ.
func TestDocumentedExchanges(t *testing.T) {
	for _, api := range versions {
		for line := range lines.Of(t, "../test/testdata/documented-"+api.String()+".jsonl") {
			var d struct {
				Operation string
				Request   struct{ Method, Path, Body string }
				Response  struct {
					Status int
					Body   string
				}
			}
			require.NoError(t, json.Unmarshal(line, &d))
			t.Run(api.String()+" "+d.Operation, func(t *testing.T) {
				if other, ok := otherStatus[d.Request.Method+" "+d.Request.Path]; ok {
					d.Response.Status = other
				}
				c := documentedController(t, api, d.Request.Method, d.Request.Path)
				status, body := call(t, c, "test", d.Request.Method, d.Request.Path, d.Request.Body)
				require.Equal(t, d.Response.Status, status, body)
				var want, got any
				isJSON := json.Unmarshal([]byte(d.Response.Body), &want) == nil
				if _, isLog := want.(string); isJSON && !isLog && status < 300 {
					require.NoError(t, json.Unmarshal([]byte(body), &got), body)
					assertHasFields(t, api, want, got, "body")
				}
			})
		}
	}
}

// documentedController returns a Controller with what a documented request is about.
func documentedController(t *testing.T, api version.API, method, path string) *deistest.Controller {
	switch {
	case strings.HasSuffix(path, "/auth/register/"):
		return deistest.New(deistest.WithAPIVersion(api), deistest.WithoutAdmin())
	case strings.HasSuffix(path, "/auth/cancel/"):
		return deistest.New(deistest.WithAPIVersion(api), deistest.WithAdmin("test", "opensesame"))
	case strings.HasSuffix(path, "/auth/passwd/"):
		return deistest.New(deistest.WithAPIVersion(api), deistest.WithAdmin("test", "foo"))
	}
	c := deistest.New(deistest.WithAPIVersion(api), deistest.WithAdmin("test", "opensesame"),
		deistest.WithUser("example", "pw"))
	steps := []struct{ path, body string }{
		{"/apps/", `{"id": "example-go"}`},
		{"/apps/example-go/builds/", `{"image": "example-go", "sha": "060da68f", "procfile": {"web": "example-go"}}`},
		{"/apps/example-go/config/", `{"values": {"HELLO": "there", "PLATFORM": "deis"}}`},
		{"/apps/example-go/domains/", `{"domain": "test.com"}`},
		{"/apps/example-go/perms/", `{"username": "example"}`},
		{"/certs/", certificateBody(t, "foo", "test.example.com")},
	}
	if method != "POST" {
		steps = append(steps, []struct{ path, body string }{
			{"/apps/example-go/domains/", `{"domain": "example.example.com"}`},
			{"/keys/", `{"id": "example", "public": "ssh-rsa AAAA"}`},
		}...)
	}
	for _, s := range steps {
		status, body := call(t, c, "test", "POST", prefix(api)+s.path, s.body)
		require.Equal(t, http.StatusCreated, status, "%s: %s", s.path, body)
	}
	return c
}

// assertHasFields checks that a response has all fields of the documented one, with values of the same types.
func assertHasFields(t *testing.T, api version.API, want, got any, where string) {
	switch want := want.(type) {
	case map[string]any:
		object, ok := got.(map[string]any)
		require.True(t, ok, "%s is %v", where, got)
		for k, v := range want {
			if missingFields[fmt.Sprintf("%s %s.%s", api, objectName(want), k)] {
				continue
			}
			if assert.Contains(t, object, k, where) && v != nil && object[k] != nil {
				assertHasFields(t, api, v, object[k], where+"."+k)
			}
		}
	case []any:
		list, ok := got.([]any)
		require.True(t, ok, "%s is %v", where, got)
		if len(want) > 0 && len(list) > 0 {
			assertHasFields(t, api, want[0], list[0], where+"[0]")
		}
	default:
		assert.IsType(t, want, got, where)
	}
}

// objectName names a documented object by a field that nothing else has.
func objectName(object map[string]any) string {
	for field, name := range map[string]string{"is_staff": "User", "structure": "App", "DEIS_APP": "Config"} {
		if _, ok := object[field]; ok {
			return name
		}
	}
	return ""
}
