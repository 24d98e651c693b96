// Package exchange is for tests that list the exchanges that they expect.
package exchange

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/version"
)

// Token is what the clients of this package send.
const Token = "abc123"

// An Exchange is an expected request and its response.
type Exchange struct {
	request, body string
	status        int
	response      string
	header        http.Header
	anonymous     bool
}

// On expects a request, "POST /v2/apps/" with its query if any, with a JSON body ("" for none), and responds to it.
func On(request, body string, status int, response string) Exchange {
	return Exchange{request: request, body: body, status: status, response: response, header: make(http.Header)}
}

// Header adds a header to the response.
func (e Exchange) Header(key, value string) Exchange {
	e.header.Set(key, value)
	return e
}

// Anonymous expects the request to come without a token.
func (e Exchange) Anonymous() Exchange {
	e.anonymous = true
	return e
}

// Client makes a client, pinned to an API version, for a Controller that expects the given exchanges, in this order,
// and no others. The test fails if a request is not made.
func Client(t testing.TB, api string, expected ...Exchange) *deis.Client {
	t.Helper()
	pinned, err := version.Parse(api)
	require.NoError(t, err)
	made := 0
	transport := httpmock.NewMockTransport()
	transport.RegisterNoResponder(func(req *http.Request) (*http.Response, error) {
		if made == len(expected) {
			assert.Failf(t, "unexpected request", "%s %s", req.Method, req.URL.RequestURI())
			return httpmock.NewStringResponse(http.StatusTeapot, "unexpected"), nil
		}
		e := expected[made]
		made++
		sent := e.check(t, api, req)
		resp := httpmock.NewStringResponse(e.status, e.identified(req.URL.Path, sent))
		if e.response != "" {
			resp.Header.Set("Content-Type", "application/json")
		}
		resp.Header.Set(version.Header, api)
		for key, values := range e.header {
			resp.Header[key] = values
		}
		return resp, nil
	})
	t.Cleanup(func() {
		for _, e := range expected[made:] {
			assert.Failf(t, "request not made", "%s", e.request)
		}
	})
	client, err := deis.New("https://deis.example.com", deis.WithToken(Token), deis.WithAPIVersion(pinned),
		deis.WithTransport(transport), deis.WithRetry(deis.RetryPolicy{}))
	require.NoError(t, err)
	return client
}

// identified returns the response with the identifiers of the requested object. Tests that are not about them leave
// them out.
func (e Exchange) identified(path string, sent []byte) string {
	var object, request map[string]any
	if e.status/100 != 2 || json.Unmarshal([]byte(e.response), &object) != nil || object == nil || object["results"] != nil {
		return e.response
	}
	json.Unmarshal(sent, &request) //nolint:errcheck // not every request has a body
	elems := strings.Split(strings.Trim(path, "/"), "/")[1:]
	identity := map[string]any{"uuid": "de1bf5b5-4a72-4f94-a10c-d2a3741cdf75"}
	switch {
	case elems[0] == "apps" && len(elems) > 2:
		identity["app"] = elems[1]
	case len(elems) == 2:
		identity[map[string]string{"apps": "id", "keys": "id", "certs": "name"}[elems[0]]] = elems[1]
	}
	for _, key := range []string{"id", "name", "username", "domain"} {
		if request[key] != nil {
			identity[key] = request[key]
		}
	}
	maps.DeleteFunc(identity, func(key string, _ any) bool { _, there := object[key]; return there })
	added, err := json.Marshal(identity)
	if err != nil || len(identity) == 0 {
		return e.response
	}
	rest := strings.TrimPrefix(strings.TrimSpace(e.response), "{")
	if len(object) > 0 {
		rest = "," + rest
	}
	return strings.TrimSuffix(string(added), "}") + rest
}

// check checks a request, and returns its body.
func (e Exchange) check(t testing.TB, api string, req *http.Request) (sent []byte) {
	t.Helper()
	assert.Equal(t, e.request, req.Method+" "+req.URL.RequestURI())
	assert.Equal(t, "deis.example.com", req.URL.Host)
	assert.Equal(t, "application/json", req.Header.Get("Accept"))
	assert.Equal(t, api, req.Header.Get(version.Header))
	if e.anonymous {
		assert.NotContains(t, req.Header, "Authorization")
	} else {
		assert.Equal(t, "token "+Token, req.Header.Get("Authorization"))
	}
	if req.Body != nil {
		var err error
		sent, err = io.ReadAll(req.Body)
		assert.NoError(t, err)
	}
	if e.body == "" {
		assert.Empty(t, string(sent), "body of %s", e.request)
		return sent
	}
	assert.Equal(t, "application/json", req.Header.Get("Content-Type"))
	if json.Valid(sent) {
		assert.JSONEq(t, e.body, string(sent), "body of %s", e.request)
	} else {
		assert.Failf(t, "not JSON", "body of %s: %q", e.request, strings.ToValidUTF8(string(sent), "?"))
	}
	return sent
}

// A RoundTrip is a transport in memory.
type RoundTrip func(*http.Request) (*http.Response, error)

// RoundTrip calls the function.
func (f RoundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }
